"""Which names of files a peer may give us: one component, or a relative path of them.

No file system is asked here; guardpost.host.paths does that with what passed.
"""

import sys

from guardpost.errors import ServiceError

__all__ = ["DEPTH_MAX", "NAME_MAX_BYTES", "PART_SUFFIX", "PATH_MAX_BYTES", "UnsafeName"]
__all__ += ["check_name", "part_name", "parts_of", "windows_objection"]

NAME_MAX_BYTES = 255
PATH_MAX_BYTES = 4096
DEPTH_MAX = 128

PART_SUFFIX = b".guardpost-part"
"""Files of this name are copies that were cut; they are neither sent nor accepted."""

# Devices of DOS, with any extension, in any folder; the last are superscript digits.
_DEVICES = {
    *("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"),
    *(f"{kind}{digit}" for kind in ("COM", "LPT") for digit in "0123456789\xb9\xb2\xb3"),
}


class UnsafeName(ServiceError):
    """A name that could mean another place than the one it stands for."""

    word = "unsafe-name"


def check_name(name: bytes, *, windows: bool = sys.platform == "win32") -> None:
    """Raise UnsafeName unless `name` is one plain component of a path."""
    if not name or name in (b".", b".."):
        raise UnsafeName("a name is empty, . or ..")
    if b"/" in name or b"\0" in name:
        raise UnsafeName("a name holds / or NUL")
    if len(name) > NAME_MAX_BYTES:
        raise UnsafeName(f"a name is longer than {NAME_MAX_BYTES} bytes")
    if name.endswith(PART_SUFFIX):
        raise UnsafeName(f"names ending in {PART_SUFFIX.decode()} are kept for cut copies")
    if windows and (objection := windows_objection(name)):
        raise UnsafeName(objection)


def windows_objection(name: bytes) -> str:
    """Why Windows would take `name` for something else; empty when it would not."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return "the name is no UTF-8"
    if any(letter in '<>:"/\\|?*' or letter < " " for letter in text):
        return "Windows does not allow a character in the name"
    if text[-1] in ". ":
        return "Windows drops a dot or space at the end of the name"
    if text.partition(".")[0].rstrip(" ").upper() in _DEVICES:
        return "the name is a device of Windows"
    # NAME~1 may be the short name of another file.
    stem = text.partition(".")[0]
    if "~" in stem and stem.rpartition("~")[2].isdigit():
        return "the name may be the short name of another file of Windows"
    return ""


def parts_of(path: bytes) -> tuple[bytes, ...]:
    """The components of a peer's relative path; none for the top itself.

    Raises UnsafeName: it must lead nowhere but downwards.
    """
    if not path:
        return ()
    if len(path) > PATH_MAX_BYTES:
        raise UnsafeName(f"a path is longer than {PATH_MAX_BYTES} bytes")
    parts = tuple(path.split(b"/"))
    if len(parts) > DEPTH_MAX:
        raise UnsafeName(f"a path is deeper than {DEPTH_MAX} folders")
    for part in parts:
        check_name(part)
    return parts


def part_name(name: bytes, mark: bytes = b"") -> bytes:
    """Under which name, beside `name`, its copy grows; `mark` sets apart one that is ours alone."""
    middle = b"." + mark if mark else b""
    full = b"." + name + middle + PART_SUFFIX
    if len(full) <= NAME_MAX_BYTES:
        return full
    import hashlib

    short = hashlib.blake2b(name, digest_size=16).hexdigest().encode()
    return b"." + short + middle + PART_SUFFIX
