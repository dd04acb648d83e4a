"""SOCKS as a server speaks it: 5 (RFC 1928) without a login, and 4 and 4a. Sans-IO.

Only CONNECT: BIND and UDP ASSOCIATE are refused in the protocol's words. Names are not looked
up here: they go to the far side, which is what 5 and 4a have them for.
"""

import ipaddress
from typing import Final

from guardpost.errors import ResetCode

__all__ = ["LONGEST_BYTES", "SocksError", "SocksServer"]

LONGEST_BYTES: Final = 1024
"""Of all that a client says before it is connected; 4a has two texts without a length."""

_CONNECT: Final = 1
_V4_GRANTED, _V4_FAILED = 90, 91

# RFC 1928 section 6, "REP".
_REPLIES: Final = {
    ResetCode.REFUSED: 5,
    ResetCode.UNREACHABLE: 4,
    ResetCode.NAME_NOT_FOUND: 4,
    ResetCode.TIMEOUT: 6,
    ResetCode.NOT_ALLOWED: 2,
}
_GENERAL_FAILURE, _NO_SUCH_COMMAND, _NO_SUCH_ADDRESS_TYPE = 1, 7, 8


class SocksError(Exception):
    """The client cannot be served: `answer` is what it is told, if anything."""

    def __init__(self, text: str, answer: bytes = b"") -> None:
        super().__init__(text)
        self.answer = answer


class SocksServer:
    """One connection: feed() until `destination` is there, then answer with granted()."""

    def __init__(self) -> None:
        self.destination: tuple[str, int] | None = None
        self.rest = b""
        """What the client said behind its request, for the far end."""
        self._version = 0
        self._data = b""
        self._has_method = False

    def feed(self, data: bytes) -> bytes:
        """Take what came; returns what to send. Raises SocksError."""
        self._data += data
        answer = b""
        if self.destination is None and self._data:
            self._version = self._data[0]
            match self._version:
                case 5:
                    answer = self._method()
                    if self._has_method:
                        self._request_5()
                case 4:
                    self._request_4()
                case other:
                    raise SocksError(f"version {other} of SOCKS is none that is spoken here")
        if self.destination is None and len(self._data) > LONGEST_BYTES:
            raise SocksError("a request without end")
        return answer

    def granted(self) -> bytes:
        """The connection is there."""
        if self._version == 4:
            return bytes((0, _V4_GRANTED)) + bytes(6)
        return _reply_5(0)

    def refused(self, code: ResetCode) -> bytes:
        """It is not."""
        if self._version == 4:
            return bytes((0, _V4_FAILED)) + bytes(6)
        return _reply_5(_REPLIES.get(code, _GENERAL_FAILURE))

    def _method(self) -> bytes:
        """RFC 1928 section 3. A client without "no authentication" gets ff."""
        if self._has_method or len(self._data) < 2 or len(self._data) < 2 + self._data[1]:
            return b""
        methods = self._data[2 : 2 + self._data[1]]
        self._data = b"\x05" + self._data[2 + self._data[1] :]
        if 0 not in methods:
            raise SocksError("the client insists on a login", b"\x05\xff")
        self._has_method = True
        return b"\x05\x00"

    def _request_5(self) -> None:
        """Section 4: the version was put before it by _method()."""
        data = self._data[1:]
        if len(data) < 5:
            return
        version, command, _, kind, first = data[:5]
        if version != 5:
            raise SocksError("a request of another version", _reply_5(_GENERAL_FAILURE))
        lengths = {1: (4, 4), 3: (5, first), 4: (4, 16)}
        if kind not in lengths:
            raise SocksError("no such type of address", _reply_5(_NO_SUCH_ADDRESS_TYPE))
        start, length = lengths[kind]
        if len(data) < start + length + 2:
            return
        if command != _CONNECT:
            raise SocksError("only CONNECT is served", _reply_5(_NO_SUCH_COMMAND))
        raw = data[start : start + length]
        host = _name(raw) if kind == 3 else str(ipaddress.ip_address(raw))
        self._found(host, data[start + length :], _reply_5(_GENERAL_FAILURE))

    def _request_4(self) -> None:
        """SOCKS 4: command, port, address, user; 4a: a name follows an address 0.0.0.x."""
        data = self._data
        if len(data) < 9 or b"\0" not in data[8:]:
            return
        refusal = bytes((0, _V4_FAILED)) + bytes(6)
        address, rest = data[4:8], data[8:].split(b"\0", 1)[1]
        host = str(ipaddress.IPv4Address(address))
        if address[:3] == bytes(3) and address[3]:
            if b"\0" not in rest:
                return
            name, rest = rest.split(b"\0", 1)
            host = _name(name)
        if data[1] != _CONNECT:
            raise SocksError("only CONNECT is served", refusal)
        self._found(host, data[2:4] + rest, refusal)

    def _found(self, host: str, port_and_rest: bytes, refusal: bytes) -> None:
        port = int.from_bytes(port_and_rest[:2], "big")
        if not host or not port:
            raise SocksError("no host or no port", refusal)
        self.destination = (host, port)
        self.rest = port_and_rest[2:]


def _name(raw: bytes) -> str:
    # What is no name is found out where it is looked up; it must only be text on the way there.
    return raw.decode("utf-8", "replace")


def _reply_5(code: int) -> bytes:
    """Section 6; the bound address is nobody's business, so it is all zeros, as with ssh."""
    return bytes((5, code, 0, 1)) + bytes(6)
