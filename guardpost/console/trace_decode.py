"""What units of the line say, for whoever shows a trace: hellos, and messages made readable."""

from dataclasses import dataclass

from guardpost.console.trace_streams import Streams
from guardpost.errors import GoAwayCode, ResetCode
from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import Hello
from guardpost.protocol.messages import Data, Message, Open, Reset, decode_messages
from guardpost.protocol.observer import Unit

__all__ = ["PATH_KINDS", "Opened", "TraceDecoder", "code_name", "profile_name"]

PATH_KINDS = {4: "EVERY", 5: "SWEEP", 6: "SWEPT"}
"""First byte of what a handshake frame says of the path (docs/protocol.md, section 4)."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A message; `plain`: what its data completes of a compressed channel, where that is known."""

    message: Message
    plain: bytes | None = None


class TraceDecoder:
    """Remembers what the next units need; it wants them in the order of the line."""

    def __init__(self) -> None:
        self._console_hello = b""
        self._streams = Streams()

    def hello(self, raw: bytes) -> Hello | None:
        """None for an agent's that does not answer the last of a console seen here."""
        hello = Hello.decode(raw)
        if hello is not None and not hello.agent:
            self._console_hello = raw
            return hello
        return Hello.decode(raw, answers=self._console_hello or None)

    def handshake(self) -> None:
        """Another session begins, with the same numbers."""
        self._streams.clear()

    def packet(self, unit: Unit) -> list[Opened] | None:
        """Its messages, None while it is sealed. Raises RemoteProtocolError."""
        if unit.number is None or unit.messages is None:
            return None
        return [self._opened(each, unit) for each in decode_messages(unit.messages)]

    def _opened(self, message: Message, unit: Unit) -> Opened:
        match message:
            case Open() if not unit.is_withheld:  # else no DATA would ever end it
                self._streams.open(message)
            case Reset():
                self._streams.reset(message)
            case Data() if not unit.is_withheld:
                return Opened(message, self._streams.plain(message, unit.from_agent))
            case _:
                pass
        return Opened(message)


def profile_name(number: int) -> str:
    """The number itself where we have no such profile."""
    try:
        return Profile(number).name.lower()
    except ValueError:
        return str(number)


def code_name(codes: type[ResetCode] | type[GoAwayCode], code: int) -> str:
    """As in the protocol's tables, or the number itself."""
    try:
        return codes(code).name.lower().replace("_", "-")
    except ValueError:
        return str(code)
