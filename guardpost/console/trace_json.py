"""A unit of the line as a line of JSON, for a program (docs/trace.md has the schema)."""

import base64
import json
from typing import assert_never

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
    Welcome,
)
from guardpost.protocol.observer import Unit, UnitKind

__all__ = ["TraceJson"]

SCHEMA = 1


class TraceJson:
    """Lines of ASCII, from units in the order of the line."""

    def __init__(self) -> None:
        self._decoder = TraceDecoder()

    def line(self, unit: Unit, when: float) -> str:
        """`when` in seconds since 1970."""
        fields: dict[str, object] = {
            "schema": SCHEMA,
            "time": round(when * 1e6) / 1e6,  # as a capture keeps it
            "kind": unit.kind.name.lower(),
        }
        if unit.kind is not UnitKind.NOTE:
            fields["from"] = "agent" if unit.from_agent else "console"
            fields["line_bytes"] = unit.line_bytes
            fields["profile"] = None if unit.profile is None else profile_name(unit.profile)
        return json.dumps(fields | self._what(unit))

    def _what(self, unit: Unit) -> dict[str, object]:
        match unit.kind:
            case UnitKind.NOTE:
                return {"text": unit.body.decode("utf-8", "replace")}
            case UnitKind.TEXT:
                return {
                    "text": unit.body.decode("utf-8", "backslashreplace"),
                    "data": _base64(unit.body),
                }
            case UnitKind.HELLO:
                return self._hello(unit.body)
            case UnitKind.HANDSHAKE if unit.body:
                self._decoder.handshake()
                kind = unit.body[0]
                name = PATH_KINDS.get(kind, "NOISE")
                return {"message": name, "type": kind, "length": len(unit.body) - 1}
            case UnitKind.PACKET:
                return self._packet(unit)
            case _:
                return {"data": _base64(unit.body)}

    def _hello(self, raw: bytes) -> dict[str, object]:
        hello = self._decoder.hello(raw)
        if hello is None:
            return {"role": None, "data": _base64(raw)}
        return {
            "role": "agent" if hello.agent else "console",
            "major": hello.major,
            "to_agent": profile_name(hello.to_agent),
            "to_console": profile_name(hello.to_console),
            "data": _base64(raw),
        }

    def _packet(self, unit: Unit) -> dict[str, object]:
        fields: dict[str, object] = {
            "number": unit.number,
            "number_low": int.from_bytes(unit.body[1:3], "little"),
            "length": len(unit.body),
            "withheld": unit.is_withheld,
            "messages": None,
        }
        try:
            opened = self._decoder.packet(unit)
        except RemoteProtocolError as error:
            return fields | {"error": str(error)}
        if opened is not None:
            fields["messages"] = [_message(each, unit.is_withheld) for each in opened]
        return fields


def _message(opened: Opened, is_withheld: bool) -> dict[str, object]:
    """What was withheld has no field."""
    message = opened.message
    fields = _fields(message)
    if not is_withheld:
        fields |= _contents(message)
        if opened.plain is not None:
            fields["plain"] = _base64(opened.plain)
    return fields


def _contents(message: Message) -> dict[str, object]:
    match message:
        case Data(data=raw) | Welcome(settings=raw) | Rekey(noise=raw):
            return {"data": _base64(raw)}
        case Reset(text=text) | GoAway(text=text) | Speed(text=text):
            return {"text": text}
        case _:
            return {}


def _fields(message: Message) -> dict[str, object]:
    match message:
        case Data(channel, offset, data, fin):
            fields = {"channel": channel, "offset": offset, "length": len(data), "fin": fin}
            return {"message": "DATA", **fields}
        case Open(channel, service, length, interactive, compressed):
            flags = {"interactive": interactive, "compressed": compressed}
            request = {"service": service, "request_length": length}
            return {"message": "OPEN", "channel": channel, **request, **flags}
        case Accept(channel, length):
            return {"message": "ACCEPT", "channel": channel, "reply_length": length}
        case Reset(channel, code, final):
            name = code_name(ResetCode, code)
            return {"message": "RESET", "channel": channel, "code": name, "final": final}
        case Credit(channel, limit):
            return {"message": "CREDIT", "channel": channel, "limit": limit}
        case _:
            return _fields_of_the_session(message)


def _fields_of_the_session(
    message: ConnectionCredit | Ack | Welcome | GoAway | Rekey | Profiles | Speed | Ping,
) -> dict[str, object]:
    match message:
        case ConnectionCredit(limit):
            return {"message": "CONNECTION_CREDIT", "limit": limit}
        case Ack(ranges, clock, delay):
            both = [[start, stop - 1] for start, stop in ranges]
            return {"message": "ACK", "packets": both, "clock_us": clock, "delay_us": delay}
        case Welcome(settings):
            return {"message": "WELCOME", "length": len(settings)}
        case GoAway(code):
            return {"message": "GOAWAY", "code": code_name(GoAwayCode, code)}
        case Rekey(step, noise):
            return {"message": "REKEY", "step": step, "length": len(noise)}
        case Profiles(there, back):
            names = {"to_agent": profile_name(there), "to_console": profile_name(back)}
            return {"message": "PROFILES", **names}
        case Speed(step, value):
            return {"message": "SPEED", "step": step.name.lower(), "value": value}
        case Ping():
            return {"message": "PING"}
        case _:
            assert_never(message)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
