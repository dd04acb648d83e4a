"""What some paths do to bytes on purpose: terminal lines, telnet, the programs in between.

Each is a stage as in `linefaults`: it keeps its own place in the stream.
"""

from collections.abc import Callable, Mapping

__all__ = ["PATHS", "path_stage"]


def path_stage(name: str) -> Callable[[bytes], bytes]:
    """A new stage of the path of that name, a key of PATHS."""
    return PATHS[name]()


class _Changing:
    """Some values become other bytes, wherever they stand."""

    def __init__(self, changes: Mapping[int, bytes]) -> None:
        self._changed = bytes(changes)
        self._table = [changes.get(value, bytes((value,))) for value in range(256)]

    def __call__(self, data: bytes) -> bytes:
        if data.translate(None, self._changed) == data:
            return data
        return b"".join([self._table[value] for value in data])


class _Tilde:
    """ipmitool's escape: at the beginning of a line `~.` ends it all, `~B` is a BREAK, `~?` help,
    and `~~` is one `~`.
    """

    def __init__(self) -> None:
        self._begins = True
        self._tilde = False
        self._is_over = False

    def __call__(self, data: bytes) -> bytes:
        out = bytearray()
        for value in data:
            if self._is_over:
                break
            if self._tilde:
                self._tilde = False
                out += self._after_tilde(value)
            elif self._begins and value == 0x7E:
                self._tilde = True
            else:
                out.append(value)
            self._begins = value in b"\r\n"
        return bytes(out)

    def _after_tilde(self, value: int) -> bytes:
        if value == 0x2E:
            self._is_over = True
        if value in b".B?":
            return b""
        return b"~" if value == 0x7E else bytes((0x7E, value))


PATHS: Mapping[str, Callable[[], Callable[[bytes], bytes]]] = {
    "7bit": lambda: _Changing({value: bytes((value & 0x7F,)) for value in range(128, 256)}),
    "crlf": lambda: _Changing({0x0A: b"\r\n"}),
    "crnl": lambda: _Changing({0x0D: b"\n"}),
    "iac": lambda: _Changing({0xFF: b"\xff\xff"}),
    "tilde": _Tilde,
}
"""7bit: the top bit is lost. crlf, crnl: what ONLCR and ICRNL of a terminal line do.
iac: one end speaks telnet, the other does not. tilde: see the class."""
