"""Messages that overtook the OPEN of their channel: its packet was lost, theirs was not."""

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.limits import CHANNELS_MAX, EARLY_MESSAGES_MAX, OPENING_BYTES
from guardpost.protocol.messages import Credit, Data, Reset

__all__ = ["EarlyMessages"]

_BYTES_MAX = CHANNELS_MAX * OPENING_BYTES


class EarlyMessages:
    """Keeps what came early, in order, until the OPEN of its channel comes."""

    __slots__ = ("_bytes", "_count", "_of")

    def __init__(self) -> None:
        self._of: dict[int, list[Data | Credit | Reset]] = {}
        self._bytes = 0
        self._count = 0

    def keep(self, message: Data | Credit | Reset) -> None:
        """Raises RemoteProtocolError when it comes to more than a peer can have lost."""
        self._of.setdefault(message.channel, []).append(message)
        self._bytes += _size(message)
        self._count += 1
        if self._bytes > _BYTES_MAX or self._count > EARLY_MESSAGES_MAX:
            raise RemoteProtocolError("too much for channels that were never opened")

    def take(self, channel: int) -> list[Data | Credit | Reset]:
        """All of this channel."""
        messages = self._of.pop(channel, [])
        self._bytes -= sum(map(_size, messages))
        self._count -= len(messages)
        return messages


def _size(message: Data | Credit | Reset) -> int:
    return len(message.data) if isinstance(message, Data) else 0
