"""The Telnet protocol without I/O: commands in and out of the data, options agreed on.

RFC 854 and 855 (commands), 856 (binary), 857 (echo), 858 (suppress go ahead); options are
negotiated by the states of RFC 1143. Bad bytes never raise.
"""

import enum
from collections import deque

__all__ = ["BINARY", "COM_PORT", "ECHO", "SUPPRESS_GO_AHEAD", "TelnetEnd"]

SE, BREAK, SB, WILL, WONT, DO, DONT, IAC = 240, 243, 250, 251, 252, 253, 254, 255

BINARY, ECHO, SUPPRESS_GO_AHEAD, COM_PORT = 0, 1, 3, 44

_IAC = bytes((IAC,))
_CR, _CR_NUL, _CR_LF = b"\r", b"\r\0", b"\r\n"

LONGEST_SUBNEGOTIATION_BYTES = 1024
"""What is longer is no subnegotiation: its end was lost, and the data with it if we went on."""

UNSAID_MAX_BYTES = 4096
"""Answers to a far end that asks and never reads stop there; no other lets so many pile up."""


class _Agreed(enum.Enum):
    NO = enum.auto()
    ASKED = enum.auto()
    YES = enum.auto()


class TelnetEnd:
    """`ours` are the options that we offer, `theirs` those that we ask for.

    Any other that they offer or ask for is refused. A far end that never answers is one that knows
    no Telnet: data passes all the same.
    """

    def __init__(self, ours: frozenset[int], theirs: frozenset[int]) -> None:
        self.subnegotiations: deque[tuple[int, bytes]] = deque()
        """What has come, oldest first: the option and what was said of it."""
        self._ours = dict.fromkeys(ours, _Agreed.ASKED)
        self._theirs = dict.fromkeys(theirs, _Agreed.ASKED)
        self._out = bytearray()
        for option in sorted(ours):
            self._out += bytes((IAC, WILL, option))
        for option in sorted(theirs):
            self._out += bytes((IAC, DO, option))
        self._held = b""
        self._ends_in_cr = False

    # --- out ---

    def encode(self, data: bytes) -> bytes:
        """`data` as it travels. Where binary is not agreed a CR is never alone (RFC 854)."""
        data = data.replace(_IAC, _IAC + _IAC)
        if self.we(BINARY) or _CR not in data:
            return data
        return data.replace(_CR, _CR_NUL).replace(_CR_NUL + b"\n", _CR_LF)

    def send_break(self) -> None:
        self._say(bytes((IAC, BREAK)))

    def subnegotiate(self, option: int, said: bytes) -> None:
        doubled = said.replace(_IAC, _IAC + _IAC)
        self._say(bytes((IAC, SB, option)) + doubled + bytes((IAC, SE)))

    def _say(self, command: bytes) -> None:
        if len(self._out) + len(command) <= UNSAID_MAX_BYTES:
            self._out += command

    @property
    def has_data_to_send(self) -> bool:
        return bool(self._out)

    def data_to_send(self) -> bytes:
        """What has to be said of the options; no data is in it."""
        out, self._out = bytes(self._out), bytearray()
        return out

    # --- what was agreed ---

    def we(self, option: int) -> bool:
        return self._ours.get(option) is _Agreed.YES

    def they(self, option: int) -> bool:
        return self._theirs.get(option) is _Agreed.YES

    def is_settled(self, option: int) -> bool:
        """Whether both directions of `option`, as far as we asked, have had their answer."""
        return _Agreed.ASKED not in (self._ours.get(option), self._theirs.get(option))

    # --- in ---

    def receive_data(self, data: bytes) -> bytes:
        """The data that was in it."""
        data = self._held + data
        self._held = b""
        found = bytearray()
        at = 0
        while (command := data.find(_IAC, at)) >= 0:
            self._text(data[at:command], found)
            size = self._command(data, command, found)
            if size == 0:
                self._held = data[command:]
                return bytes(found)
            at = command + size
        self._text(data[at:], found)
        return bytes(found)

    def _text(self, data: bytes, found: bytearray) -> None:
        if not data:
            return
        if not self.they(BINARY):
            if self._ends_in_cr and data[:1] == b"\0":
                data = data[1:]
            self._ends_in_cr = data.endswith(_CR)
            data = data.replace(_CR_NUL, _CR)
        found += data

    def _command(self, data: bytes, at: int, found: bytearray) -> int:
        """Obey the command at `at`; returns its size, 0 when its end has not come yet."""
        if len(data) < at + 2:
            return 0
        verb = data[at + 1]
        if verb == IAC:
            self._text(_IAC, found)
            return 2
        if verb == SB:
            return self._subnegotiation(data, at)
        if verb not in (WILL, WONT, DO, DONT):
            return 2
        if len(data) < at + 3:
            return 0
        option = data[at + 2]
        if verb in (WILL, WONT):
            self._agree(self._theirs, option, verb == WILL, (DO, DONT))
        else:
            self._agree(self._ours, option, verb == DO, (WILL, WONT))
        return 3

    def _subnegotiation(self, data: bytes, at: int) -> int:
        end = at + 2
        while (end := data.find(_IAC, end)) >= 0 and data[end + 1 : end + 2] == _IAC:
            end += 2
        if end < 0 or end + 1 >= len(data):
            return 2 if len(data) - at > LONGEST_SUBNEGOTIATION_BYTES else 0
        said = data[at + 2 : end].replace(_IAC + _IAC, _IAC)
        if data[end + 1] != SE:  # cut short by another command, which then counts
            return end - at
        if said and len(said) <= LONGEST_SUBNEGOTIATION_BYTES:
            self.subnegotiations.append((said[0], said[1:]))
        return end + 2 - at

    def _agree(
        self, side: dict[int, _Agreed], option: int, wanted: bool, answers: tuple[int, int]
    ) -> None:
        """They say what they do or want us to; `answers` are ours to yes and to no."""
        yes, no = answers
        state = side.get(option)
        if state is None:
            if wanted:  # nothing that we know; silence is the answer to a no
                self._say(bytes((IAC, no, option)))
        elif wanted:
            if state is _Agreed.NO:
                self._say(bytes((IAC, yes, option)))
            side[option] = _Agreed.YES
        else:
            if state is _Agreed.YES:
                self._say(bytes((IAC, no, option)))
            side[option] = _Agreed.NO
