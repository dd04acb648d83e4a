"""What a line without an agent looks like: who wrote that text, or why it cannot be read."""

import re
from collections.abc import Callable

__all__ = ["KEPT_BYTES", "recognised", "unreadable"]

_CONTROLS = "\r\n\t\b\a\x1b"
KEPT_BYTES = 2000
"""How much of the last text tells."""

_TERMINAL_SEQUENCE = re.compile(
    rb"\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[\[?][0-?]*[ -/]*[@-~]|\x1b."
)

# getty throws away what came before its prompt, and so may echo only the end of our hello.
_END_OF_A_HELLO = re.compile(rb"(?<=[:>$#] )[\d#]+\Z")

# In this order: what stands at the very end is there now, whatever was before.
_FACES: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (
        # What a kernel says into it does not take it away.
        re.compile(rb"(?i)\b(login|username): ?(\[ *\d+\.\d{6}\] [^\r\n]*[\r\n]*)*$"),
        "a login prompt is there: getty has the port; stop it there, then start the agent",
    ),
    (
        re.compile(rb"(?i)\b(password|passphrase)[^\r\n]{0,40}: ?$"),
        "somebody is asked for a password there; finish that with 'guardpost terminal'",
    ),
    (
        re.compile(rb"(?i)(^|[\r\n])(grub>|grub rescue>|=>|U-Boot>|Shell>|iPXE>)\s*$"),
        "a boot loader's prompt is there; let it go on with 'guardpost terminal'",
    ),
    (
        re.compile(rb"(?i)(autoboot[^\n]*|(hit|press) (any|a) key[^\n]*)\s*$"),
        "a boot loader is there; wait until the host has started",
    ),
    (
        re.compile(rb"(^|[\r\n])[\w.@:~/\[\]() -]*[$#] ?$"),
        "a shell is there; end it, then start the agent on that port",
    ),
    (
        re.compile(rb"Kernel panic - not syncing"),
        "the host's kernel has panicked; reset the host",
    ),
    (
        re.compile(rb"\[ *\d+\.\d{6}\] |\[  OK  \] |Starting Linux|Decompressing Linux"),
        "kernel messages are there, and no agent; is the host still starting?",
    ),
    (
        re.compile(rb"U-Boot (SPL )?\d|GNU GRUB|SeaBIOS|iPXE \d|UEFI|BIOS"),
        "the host's firmware is there; wait until the host has started",
    ),
)


def recognised(text: bytes) -> str | None:
    """What the last of `text` looks like, and what to do about it."""
    plain = _END_OF_A_HELLO.sub(b"", _TERMINAL_SEQUENCE.sub(b"", text[-KEPT_BYTES:]))
    for pattern, what in _FACES:
        if pattern.search(plain):
            return what
    return None


def unreadable(data: bytes) -> str | None:
    """Why nobody could read `data`, and what to do about it; None if somebody could."""
    if len(data) < 2 or _is_utf8(data):
        return None
    stripped = _share(data, lambda byte: _is_text(byte & 0x7F))
    if len(data) >= 8 and stripped > 0.95 and _share(data, lambda byte: byte > 0x7F) > 0.2:
        return "text arrives with its top bit changed: the line has 7 bits and parity, not 8N1"
    if _share(data, _is_text) >= 2 / 3:
        return None
    if len(data) >= 8 and _share(data, _has_wide_bits) > 0.9:
        return "unreadable bytes arrive, from an end that is slower than ours; try a lower ?baud=N"
    return "unreadable bytes arrive: is the speed right (?baud=N)?"


def _share(data: bytes, matches: Callable[[int], bool]) -> float:
    return sum(map(matches, data)) / len(data)


def _is_text(byte: int) -> bool:
    return 0x20 <= byte < 0x7F or chr(byte) in _CONTROLS


def _is_utf8(data: bytes) -> bool:
    """Text of any language, with a letter cut at either end."""
    text = data.decode("utf-8", "replace").strip("\ufffd")
    known = all(char.isprintable() or char in _CONTROLS for char in text)
    whole = 3 * len(text.encode()) >= 2 * len(data)
    return whole and "\ufffd" not in text and known


def _has_wide_bits(byte: int) -> bool:
    """No bit stands alone between start and stop bit: the sender's are at least twice as wide."""
    line = byte << 1 | 1 << 9
    return all((line >> n & 1) in (line >> n - 1 & 1, line >> n + 1 & 1) for n in range(1, 8))
