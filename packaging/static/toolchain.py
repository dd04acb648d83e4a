"""zig from PyPI as the C compiler: it brings musl, and builds for both targets.

What else a build needs are a few ordinary tools, each named with its package when it is missing.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from inspect import getsource
from pathlib import Path

from static.lock import Lock, Release
from static.report import BuildError, Mismatch, Unavailable
from static.store import Store, key_of

__all__ = [
    *("HOST", "SUSPECT", "TARGETS", "Toolchain"),
    *("check_tools", "hidden_paths", "make_pip", "make_zig", "new_python", "run", "run_pip"),
]

TARGETS = ("x86_64", "aarch64")
HOST = platform.machine()

# By variant, each tool with Debian's package of it.
TOOLS = {
    "ar": "binutils",
    "awk": "mawk",
    "make": "make",
    "patch": "patch",
    "readelf": "binutils",
    "sed": "sed",
    "sh": "dash",
    "tar": "tar",
    "xz": "xz-utils",
    "bzip2": "bzip2",
}
NEEDED = {
    "agent": TOOLS,
    "full": TOOLS | {"perl": "perl"},
    "onefile": {"cc": "gcc", "objcopy": "binutils", "objdump": "binutils", "strip": "binutils"},
}

# Small, and sections that nobody needs can be left out. No unwind tables: nothing unwinds C here.
FLAGS = (
    *("-w", "-g0", "-Os", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"),
    *("-ffunction-sections", "-fdata-sections", "-fvisibility=hidden"),
)

SUSPECT = "find out why before you build with it"

# A date that is always the same, wherever a source asks for one.
EPOCH = "1700000000"

# How programs and servers are found. CFLAGS, MAKEFLAGS, PYTHONPATH and their like would change
# what is made, and be in no key.
PASSED = re.compile(
    "PATH|HOME|TMPDIR|LD_LIBRARY_PATH|PIP_.*|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE"
    "|(https?|ftp|all|no)_proxy",
    re.IGNORECASE,
)

CC = """\
#!/bin/sh
# A C compiler for {target}. What configure scripts ask of gcc alone is answered with nothing.
# zig builds a libc for each level of optimization that something is linked with: here all are one.
one_level=-Os
for word in "$@"; do
    case "$word" in
    --print-multiarch | -print-multiarch | -print-multi-os-directory) exit 0 ;;
    -c | -E | -S | --version | -v | -V) one_level= ;;
    esac
done
exec "${{0%/*}}/ziglang/zig" cc -target {target}-linux-musl -fno-sanitize=undefined "$@" $one_level
"""
TOOL = """\
#!/bin/sh
exec "${{0%/*}}/ziglang/zig" {tool} "$@"
"""


def check_tools(variant: str) -> None:
    """Raises BuildError, which names every tool that is missing and its package."""
    needed = NEEDED[variant]
    missing = [tool for tool in needed if not shutil.which(tool)]
    if missing:
        packages = sorted({needed[tool] for tool in missing})
        raise Unavailable(
            f"{', '.join(missing)} missing; on Debian: apt-get install {' '.join(packages)}"
        )
    if HOST not in TARGETS or sys.platform != "linux":
        raise Unavailable(f"the build runs on Linux on {' or '.join(TARGETS)}, not on {HOST}")


def surroundings() -> dict[str, str]:
    """What a step sees of the caller's environment."""
    return {name: value for name, value in os.environ.items() if PASSED.fullmatch(name)}


def run(
    command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None
) -> None:
    """Raises BuildError with the last lines of what it printed if it fails."""
    words = [str(word) for word in command]
    log = folder / "build.log"
    with log.open("ab") as file:
        done = subprocess.run(
            words,
            cwd=folder,
            env={**surroundings(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        told = [line for line in lines[-100:] if "error:" in line] or lines
        shown = " | ".join(line.strip()[:300] for line in told[-3:])
        raise BuildError(f"`{' '.join(words)[:120]}` failed: {shown}")


def run_pip(command: Sequence[str | Path], folder: Path) -> None:
    """As run(). Raises Mismatch if a file came that has none of the hashes that were given."""
    try:
        run(command, folder)
    except BuildError:
        said = (folder / "build.log").read_text(encoding="utf-8", errors="replace")
        if "DO NOT MATCH THE HASHES" in said:
            shown = " ".join(said.partition("    ")[2].split())[:400]
            raise Mismatch(
                f"pip got another file than lock.toml names: {shown}; {SUSPECT}"
            ) from None
        raise


def new_python(folder: Path) -> Path:
    """The Python of a virtual environment that is made in `folder`. Raises Unavailable."""
    try:
        venv.create(folder, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unavailable(
            f"no venv can be made ({error}); on Debian: apt-get install python3-venv"
        ) from None
    return folder / "bin" / "python"


def make_pip(store: Store, lock: Lock) -> list[str]:
    """The words that start the pip of an environment of our own. Raises BuildError."""
    tools = [lock.of(name)[0] for name in lock.names("tool") if name != "ziglang"]
    lines = [
        f"{each.name}=={each.version} {' '.join(f'--hash=sha256:{sha}' for _, sha in each.files)}\n"
        for each in tools
    ]

    def make(folder: Path) -> None:
        pip = [new_python(folder), "-m", "pip", "install", "-q", "--no-deps"]
        (folder / "requirements.txt").write_text("".join(lines))
        run_pip([*pip, "--require-hashes", "-r", folder / "requirements.txt"], folder)

    folder = store.made("pip", key_of(sys.version, sys.prefix, lines), make)
    return [str(folder / "bin" / "python"), "-m", "pip"]


class Toolchain:
    """What compiles for `target`: programs for CC, AR and RANLIB, and flags."""

    def __init__(self, zig: Path, store: Store, target: str) -> None:
        self._store = store
        self.target = target
        self.triplet = f"{target}-linux-musl"
        self.cc = zig / f"{target}-cc"
        self.ar = zig / "ar"
        self.ranlib = zig / "ranlib"
        self.flags = FLAGS
        sources = [getsource(each) for each in (Toolchain, hidden_paths, run, surroundings)]
        self.key = key_of(zig.name, FLAGS, EPOCH, PASSED.pattern, sources)
        # The libc is in there, for several processes at once.
        self.environment = {
            "SOURCE_DATE_EPOCH": EPOCH,
            "ZIG_GLOBAL_CACHE_DIR": str(store.folder / "zig-global"),
            "LC_ALL": "C",
        }

    def run(self, command: Sequence[str | Path], folder: Path, **environment: str) -> None:
        # zig keeps every object in its local cache, also one with somebody's private key.
        with self._store.scratch("zig") as local:
            own = {"ZIG_LOCAL_CACHE_DIR": str(local)}
            run(command, folder, {**self.environment, **own, **environment})

    def configured(self, folder: Path, *options: str, flags: Sequence[str] = ()) -> None:
        """Run a configure script of the autotools, for static libraries."""
        self.run(
            [
                *("./configure", f"CC={self.cc}", f"AR={self.ar}", f"RANLIB={self.ranlib}"),
                f"CFLAGS={' '.join((*self.flags, *flags, *hidden_paths(folder)))}",
                *(f"--host={self.triplet}", f"--build={HOST}-pc-linux-gnu"),
                *("--disable-shared", "--enable-static", *options),
            ],
            folder,
        )

    def objects(self, files: Iterable[Path], base: Path, out: Path, *flags: str) -> list[Path]:
        """Compile `files` into `out`, several at a time, and name each after its path in `base`."""

        def one(file: Path) -> Path:
            made = out / "_".join(file.relative_to(base).with_suffix(".o").parts)
            command = [self.cc, *self.flags, *hidden_paths(base), *flags, "-c", file, "-o", made]
            self.run(command, out)
            return made

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return [*pool.map(one, files)]

    def archive(self, objects: Iterable[Path], place: Path) -> None:
        place.parent.mkdir(exist_ok=True)
        self.run([self.ar, "rcs", place, *sorted(objects)], place.parent)


def hidden_paths(folder: Path) -> list[str]:
    """Flags that keep the name of `folder` out of what is compiled there."""
    return [f"-ffile-prefix-map={folder}=."]


def make_zig(store: Store, release: Release, wheels: Sequence[Path]) -> Path:
    """The folder with a compiler for each target."""
    [wheel] = wheels

    def unpack(folder: Path) -> None:
        shutil.unpack_archive(wheel, folder, "zip")
        (folder / "ziglang" / "zig").chmod(0o755)
        programs = {f"{target}-cc": CC.format(target=target) for target in TARGETS}
        programs |= {tool: TOOL.format(tool=tool) for tool in ("ar", "ranlib")}
        for name, text in programs.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    return store.made("zig", key_of(release.digest, HOST, CC, TOOL), unpack)
