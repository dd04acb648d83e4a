"""The executable: bytecode, what is baked in, and everything that was compiled, in one link."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, fields
from inspect import getsource
from pathlib import Path

from static.extensions import FLAGS, ROOT, Workshop
from static.report import BuildError
from static.store import Store, key_of
from static.toolchain import run

__all__ = ["ENTRIES", "NAMES", "PACKAGES", "Baked", "Program", "packed", "put"]

HERE = Path(__file__).parent
# What stands before others' modules: in every executable, and in the small one, which does less.
OVERLAYS = {
    "agent": [HERE / "overlay" / "agent", HERE / "overlay"],
    "full": [HERE / "overlay"],
}

NAMES = {"agent": "guardpost-agent", "full": "guardpost", "onefile": "guardpost-agent"}
ENTRIES = {"agent": "guardpost.cli.agent_program", "full": "guardpost.cli.main"}

# Where each tree has its packages.
PACKAGES = {
    "agent": {"msgspec": "src", "psutil": "", "pynacl": "src", "pyserial": ""},
    "full": {"argcomplete": "", "rich": ""},
}

ARCHIVES = {
    "agent": [("zlib", "libz.a"), ("libffi", "libffi.a"), ("libsodium", "libsodium.a")],
    "full": [("openssl", "libssl.a"), ("openssl", "libcrypto.a")],
}

BLOB = """\
    .section .rodata
    .global {name}
    .balign 16
{name}:
    .incbin "{file}"
    .section .note.GNU-stack, "", %progbits
"""


@dataclass(frozen=True)
class Baked:
    """guardpost/_baked.pyi says what each is."""

    variant: str
    target: str
    parts: tuple[tuple[str, str], ...]
    licenses: bytes
    authorized: str = ""
    policy: str = ""
    password_hashes: str = ""
    identity_seed: str = ""

    @property
    def is_golden(self) -> bool:
        """Whether there is a configuration, which the store is no place for."""
        return any((self.authorized, self.policy, self.password_hashes, self.identity_seed))

    def module(self) -> str:
        rows = (f"{each.name.upper()} = {getattr(self, each.name)!r}\n" for each in fields(self))
        return "".join(rows)


def packed(licenses: Mapping[str, str], python: Path) -> bytes:
    """As guardpost.baked unpacks them; each zlib has its own idea of the shortest."""
    script = "import sys, zlib; sys.stdout.buffer.write(zlib.compress(sys.stdin.buffer.read(), 9))"
    told = json.dumps([*licenses.items()]).encode()
    done = subprocess.run([python, "-I", "-S", "-c", script], input=told, capture_output=True)
    if done.returncode:
        raise BuildError(f"{python} does not compress: {done.stderr.decode(errors='replace')}")
    return done.stdout


def put(made: Path, place: Path, *, mode: int) -> None:
    """Copy whole or not at all, also while the old one runs; nobody reads more than `mode` says."""
    new = place.with_name(f".{place.name}.new-{os.getpid()}")
    new.unlink(missing_ok=True)
    try:
        descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        with open(descriptor, "wb") as file, made.open("rb") as source:
            shutil.copyfileobj(source, file)
        new.chmod(mode)  # whatever the umask is
        new.replace(place)
    finally:
        new.unlink(missing_ok=True)


class Program:
    """Links executables of one variant; `extensions` are the objects of the C modules."""

    def __init__(self, variant: str, shop: Workshop, store: Store, extensions: list[Path]) -> None:
        self.variant = variant
        self._shop = shop
        self._store = store
        self._extensions = extensions

    def linked(self, baked: Baked, place: Path) -> None:
        """Write the executable to `place`. One with a configuration leaves no copy in the store."""
        if baked.is_golden:
            with self._store.scratch("golden") as folder:
                self._link(baked, folder)
                put(folder / "program", place, mode=0o700)
            return

        def make(folder: Path) -> None:
            self._link(baked, folder)

        def key() -> str:
            objects = [str(each.relative_to(self._store.folder)) for each in self._extensions]
            recipe = (getsource(Program), BLOB, FLAGS, ARCHIVES, self._shop.tools.key)
            main = (HERE / "main.c").read_bytes()
            return key_of(self._code_key(), baked.module(), objects, recipe, main)

        name = f"{NAMES[self.variant]}-{baked.target}"
        put(self._store.made(name, key, make) / "program", place, mode=0o755)

    def _code_key(self) -> str:
        """What all modules are, by content; unpacked sources have theirs in their names."""
        ours = sorted((ROOT / "guardpost").rglob("*.py"))
        overlay = [file for folder in OVERLAYS[self.variant] for file in folder.rglob("*.py")]
        files = [*ours, *sorted({*overlay}), HERE / "freeze.py"]
        texts = [(str(file.relative_to(ROOT)), file.read_bytes()) for file in files]
        trees = [str(each.relative_to(self._store.folder)) for each in self._unpacked()]
        recipe = (getsource(Program._bytecode), getsource(Program._freeze), ENTRIES)
        return key_of(self.variant, texts, trees, recipe)

    def _unpacked(self) -> list[Path]:
        """Where modules of others are."""
        places = PACKAGES["agent"] | (PACKAGES["full"] if self.variant == "full" else {})
        trees = [self._shop.trees[name] / folder for name, folder in places.items()]
        return [*trees, self._shop.host.library]

    def _bytecode(self, folder: Path) -> None:
        how = (getsource(Program._freeze), (HERE / "freeze.py").read_bytes())
        key = key_of(self._shop.host.folder.name, *how)
        kept = self._store.folder / f"modules-{key}"
        kept.mkdir(exist_ok=True)
        kept.touch()  # it is in use
        words = ("modules", folder, ENTRIES[self.variant], self.variant, kept)
        self._freeze(folder, *words, ROOT, *OVERLAYS[self.variant], *self._unpacked())

    def _freeze(self, folder: Path, *words: str | Path) -> None:
        # Column numbers are of no use without the sources beside them.
        python = (self._shop.host.program, "-B", "-S", "-P", "-X", "no_debug_ranges")
        run([*python, HERE / "freeze.py", *words], folder, {"PYTHONHASHSEED": "0"})

    def _link(self, baked: Baked, folder: Path) -> None:
        tools, python = self._shop.tools, self._shop.python
        code = self._store.made(f"bytecode-{self.variant}", self._code_key, self._bytecode)
        (folder / "baked.py").write_text(baked.module())
        self._freeze(folder, "one", folder, "guardpost._baked", folder / "baked.py")
        flags = [*FLAGS, f"-I{folder}", f"-I{python.headers}"]
        flags += ["-DGUARDPOST_FULL"] if self.variant == "full" else []
        objects = tools.objects([HERE / "main.c"], HERE, folder, *flags)
        objects += tools.objects([code / "frozen_table.c"], code, folder, *flags)
        for name, file in (("frozen_blob", code / "frozen.bin"), ("baked_blob", "baked.bin")):
            (folder / f"{name}.S").write_text(BLOB.format(name=name, file=file))
            objects += tools.objects([folder / f"{name}.S"], folder, folder)
        names = ARCHIVES["agent"] + (ARCHIVES["full"] if self.variant == "full" else [])
        archives = [self._shop.trees[library] / "lib" / name for library, name in names]
        link = [tools.cc, "-static", "-s", "-Wl,--gc-sections", "-o", folder / "program"]
        tools.run([*link, *objects, *self._extensions, python.archive, *archives, "-lm"], folder)
