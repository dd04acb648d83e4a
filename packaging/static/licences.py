"""The licences of everything that is inside an executable, from the sources it was built from."""

from pathlib import Path

from static.report import BuildError

__all__ = ["beside_metadata", "collect"]

# By part: where in its tree the licence stands. musl's and the runtime's come with the compiler.
FILES = {
    "cffi": ("LICENSE",),
    "guardpost": ("LICENSE", "NOTICE"),
    "libffi": ("LICENSE",),
    "libsodium": ("src/libsodium/LICENSE",),
    "msgspec": ("LICENSE",),
    "musl": ("lib/libc/musl/COPYRIGHT",),
    "openssl": ("LICENSE.txt",),
    "psutil": ("LICENSE",),
    "pynacl": ("LICENSE",),
    "pyserial": ("LICENSE.txt",),
    "python3.11": ("LICENSE", "license.rst"),
    "zig": ("LICENSE",),
    "zlib": ("README",),
}


def collect(trees: dict[str, Path]) -> dict[str, str]:
    """The text for each part of `trees`, by name. Raises BuildError if one has none."""
    return {part: text(part, trees[part]) for part in sorted(trees)}


def text(part: str, tree: Path) -> str:
    if part not in FILES:
        return beside_metadata(next(tree.glob("*.dist-info")))
    files = [tree / name for name in FILES[part]]
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise BuildError(f"{part}: no licence in {missing[0]}; licences.py says where it stands")
    return joined(files)


def beside_metadata(info: Path) -> str:
    """Of what is installed, or a wheel; its own words when it brings no file."""
    files = [each for each in info.rglob("*") if each.is_file() and is_licence(each.name)]
    if files:
        return joined(sorted(files))
    lines = (info / "METADATA").read_text(encoding="utf-8").splitlines()
    named = [each for each in lines if each.startswith(("License:", "License-Expression:"))]
    if not named:
        raise BuildError(f"{info.name} says no licence")
    return f"{named[0]}\n"


def is_licence(name: str) -> bool:
    return name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS"))


def joined(files: list[Path]) -> str:
    texts = [file.read_text(encoding="utf-8", errors="replace").strip() for file in files]
    return "\n\n".join(texts) + "\n"
