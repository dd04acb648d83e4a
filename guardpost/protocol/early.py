"""Messages that overtook the OPEN of their channel: its packet was lost, theirs was not."""

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.limits import CONNECTION_CREDIT_BYTES
from guardpost.protocol.messages import Credit, Data, Reset

__all__ = ["EarlyMessages"]

_MESSAGES_MAX = 2048


class EarlyMessages:
    """Keeps what came early, in order, until some OPEN comes."""

    __slots__ = ("_bytes", "_messages")

    def __init__(self) -> None:
        self._messages: list[Data | Credit | Reset] = []
        self._bytes = 0

    def keep(self, message: Data | Credit | Reset) -> None:
        """Raises RemoteProtocolError when it comes to more than a peer can have lost."""
        self._messages.append(message)
        self._bytes += len(message.data) if isinstance(message, Data) else 0
        if self._bytes > CONNECTION_CREDIT_BYTES or len(self._messages) > _MESSAGES_MAX:
            raise RemoteProtocolError("too much for channels that were never opened")

    def take(self) -> list[Data | Credit | Reset]:
        """All of them; those whose OPEN is still out come back through `keep`."""
        messages, self._messages = self._messages, []
        self._bytes = 0
        return messages
