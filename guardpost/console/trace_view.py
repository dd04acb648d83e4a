"""A unit of the line as a line for a person: time, who to whom, what it is, what is in it."""

from guardpost.console.picture import stamp
from guardpost.console.trace_decode import (
    PATH_KINDS,
    Opened,
    TraceDecoder,
    code_name,
    profile_name,
)
from guardpost.errors import GoAwayCode, RemoteProtocolError, ResetCode
from guardpost.protocol.messages import (
    Accept,
    Ack,
    ConnectionCredit,
    Credit,
    Data,
    GoAway,
    Message,
    Open,
    Ping,
    Profiles,
    Rekey,
    Reset,
    Speed,
    SpeedStep,
    Welcome,
)
from guardpost.protocol.observer import Unit, UnitKind
from guardpost.termsafe import safe_text

__all__ = ["TraceView"]

_SHOWN_BYTES = 64


class TraceView:
    """Lines for a person, harmless to a terminal, from units in the order of the line.

    `whole`: contents of any length.
    """

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._decoder = TraceDecoder()

    def line(self, unit: Unit, when: float) -> str:
        """`when` in seconds since 1970."""
        if unit.kind is UnitKind.NOTE:
            return f"{stamp(when)} -- {safe_text(unit.body.decode('utf-8', 'replace'))}"
        way = "agent > console" if unit.from_agent else "console > agent"
        return f"{stamp(when)} {way}  {unit.line_bytes:5} B  {self._what(unit)}"

    def _what(self, unit: Unit) -> str:
        match unit.kind:
            case UnitKind.HELLO:
                return self._hello(unit.body)
            case UnitKind.HANDSHAKE if unit.body:
                self._decoder.handshake()
                return _handshake(unit.body)
            case UnitKind.PACKET:
                return self._packet(unit)
            case _:
                word = unit.kind.name.lower().replace("_", " ")
                return f'{word}  "{_quoted(unit.body, self._whole)}"'

    def _hello(self, raw: bytes) -> str:
        hello = self._decoder.hello(raw)
        if hello is None:
            return f'hello, answers none that was seen here  "{_quoted(raw, True)}"'
        there, back = profile_name(hello.to_agent), profile_name(hello.to_console)
        return (
            f"hello of {'agent' if hello.agent else 'console'}, major {hello.major}, "
            f"{there} to the agent, {back} to the console"
            f"{', answers the last' if hello.agent else ''}"
        )

    def _packet(self, unit: Unit) -> str:
        try:
            opened = self._decoder.packet(unit)
        except RemoteProtocolError as error:
            return f"packet {unit.number}  {error}"
        if opened is None:
            low = int.from_bytes(unit.body[1:3], "little")
            return f"packet ..{low:04x}  sealed, {len(unit.body)} bytes"
        shown = "; ".join(self._message(each, unit) for each in opened)
        return f"packet {unit.number}  {shown or 'nothing but padding'}"

    def _message(self, opened: Opened, unit: Unit) -> str:
        match opened.message:
            case Data(number, offset, data, fin):
                end = " FIN" if fin else ""
                shown = "" if unit.is_withheld or not data else self._data(data, opened.plain)
                return f"DATA {number} +{offset} {len(data)} B{end}{shown}"
            case Welcome(settings):
                shown = "" if unit.is_withheld else f' "{_quoted(settings, self._whole)}"'
                return f"WELCOME {len(settings)} B{shown}"
            case message:
                return _control(message)

    def _data(self, data: bytes, plain: bytes | None) -> str:
        if plain is None:
            return f' "{_quoted(data, self._whole)}"'
        return f' plain "{_quoted(plain, self._whole)}"'


def _handshake(body: bytes) -> str:
    if body[0] in PATH_KINDS:
        return f"{PATH_KINDS[body[0]]}  about the path, {len(body) - 1} bytes"
    return f"handshake {body[0]}  {len(body) - 1} bytes of Noise"


def _control(message: Message) -> str:
    match message:
        case Open(number, service, length, interactive, compressed):
            flags = " interactive" * interactive + " compressed" * compressed
            return f"OPEN {number} {safe_text(service)}, request of {length} B{flags}"
        case Accept(number, length):
            return f"ACCEPT {number}, reply of {length} B"
        case Reset(number, code, final, text):
            return f"RESET {number} {code_name(ResetCode, code)} at {final}{_said(text)}"
        case Credit(number, limit):
            return f"CREDIT {number} up to {limit}"
        case ConnectionCredit(limit):
            return f"CONNECTION_CREDIT up to {limit}"
        case Ack(ranges, _, delay):
            acked = ",".join(_range(start, stop) for start, stop in ranges)
            return f"ACK {acked} after {delay / 1000:g} ms"
        case GoAway(code, text):
            return f"GOAWAY {code_name(GoAwayCode, code)}{_said(text)}"
        case Rekey(step, noise):
            return f"REKEY {step}, {len(noise)} bytes of Noise"
        case Profiles(there, back):
            return f"PROFILES {profile_name(there)} to the agent, {profile_name(back)} back"
        case Speed(step, value, text):
            said = f" {value}" if value or step is SpeedStep.PROBE else ""
            return f"SPEED {step.name.lower()}{said}{_said(text)}"
        case Ping():
            return "PING"
        case _:
            return type(message).__name__


def _range(start: int, stop: int) -> str:
    return str(start) if stop == start + 1 else f"{start}-{stop - 1}"


def _said(text: str) -> str:
    return f' "{safe_text(text)}"' if text else ""


def _quoted(data: bytes, whole: bool) -> str:
    shown = repr(data if whole else data[:_SHOWN_BYTES])[2:-1]  # printable ASCII and escapes
    return shown if whole or len(data) <= _SHOWN_BYTES else f"{shown}..."
