"""CPython as a static library, and as a program where it runs on this host.

That program compiles the bytecode of every executable and runs cffi: nothing of what is built
depends on the Python that runs build_frozen.py. For another target it is CPython's `build python`.
"""

import shutil
import sys
from concurrent.futures import Future
from dataclasses import dataclass
from inspect import getsource
from pathlib import Path

from static.libraries import JOBS, key, unpack
from static.lock import Release
from static.report import BuildError
from static.sources import Sources
from static.store import Store, key_of
from static.toolchain import HOST, Toolchain, hidden_paths, run

__all__ = ["Interpreter", "interpreter"]

SETUP = Path(__file__).with_name("Setup.local")

# What configure finds out by running something, which for another target it cannot.
CROSS_ANSWERS = """\
ac_cv_file__dev_ptmx=yes
ac_cv_file__dev_ptc=no
ac_cv_buggy_getaddrinfo=no
"""

# musl gives a thread 128 KiB of stack, which Python's recursion limit does not fit.
CORE_FLAGS = "-O2 -std=c11 -fvisibility=hidden -DTHREAD_STACK_SIZE=0x100000"

LIBRARIES = ("zlib", "libffi")

OPTIONS = (
    *("--disable-shared", "--without-ensurepip", "--disable-test-modules"),
    *("--without-doc-strings", "--prefix=/usr"),
)

UNUSED = ("test", "idlelib", "lib2to3", "tkinter", "turtledemo", "ensurepip", "site-packages")

# Of Modules/, what is compiled against OpenSSL and into the full variant only.
FOR_OPENSSL = tuple(
    f"Modules/{name}"
    for name in (
        *("_hashopenssl.c", "_ssl.c", "_ssl.h", "_ssl", "_ssl_data.h", "_ssl_data_111.h"),
        *("_ssl_data_300.h", "clinic", "hashlib.h", "socketmodule.h", "unicodedata.c"),
        *("unicodedata_db.h", "unicodename_db.h"),
    )
)


@dataclass(frozen=True)
class Interpreter:
    """`program` exists if it runs on this host."""

    release: Release
    folder: Path

    @property
    def archive(self) -> Path:
        return next(self.folder.glob("libpython3.*.a"))

    @property
    def program(self) -> Path:
        return self.folder / "bin" / "python3"

    @property
    def library(self) -> Path:
        """The standard library's sources."""
        return next((self.folder / "lib").glob("python3.*"))

    @property
    def headers(self) -> Path:
        return self.folder / "include"


def interpreter(
    tools: Toolchain,
    sources: Sources,
    store: Store,
    needs: dict[str, "Future[Path]"],
    host: Path | None,
) -> Interpreter:
    """`needs` are zlib and libffi; configure does not wait for them.

    `host` is a program of the same version if the target is another than this host.
    """
    python, cffi = sources.get("python3.11"), sources.get("cffi")

    def make(folder: Path) -> None:
        with store.scratch("python") as scratch:
            tree = unpack(*python, scratch)
            add_modules(tree, unpack(*cffi, scratch))
            freeze_less(tree)
            configure(tools, tree, host)
            (scratch / "deps").mkdir()
            for name in LIBRARIES:
                (scratch / "deps" / name).symlink_to(needs[name].result())
            build(tools, tree, scratch / "deps", host)
            install(tree, folder)

    recipe = [getsource(each) for each in (add_modules, freeze_less, configure, build, install)]
    options = (SETUP.read_text(), CORE_FLAGS, OPTIONS, CROSS_ANSWERS, UNUSED, FOR_OPENSSL)
    libraries = [key(name, tools, sources) for name in LIBRARIES]
    digests = (python[0].digest, cffi[0].digest)
    made = key_of(digests, tools.key, recipe, options, libraries)
    return Interpreter(python[0], store.made(f"python-{tools.target}", made, make))


def add_modules(tree: Path, cffi: Path) -> None:
    """Our choice of C modules, and cffi's backend among them."""
    shutil.copy(SETUP, tree / "Modules" / "Setup.local")
    shutil.copytree(cffi / "src" / "c", tree / "Modules" / "cffi")
    for header in (cffi / "src" / "cffi").glob("*.h"):  # it includes ../cffi/*.h
        shutil.copy(header, tree / "Modules" / "cffi")


def freeze_less(tree: Path) -> None:
    """Leave what is frozen into every CPython to freeze.py, which does it without docstrings.

    Only what imports at all stays; one module each, because the generator wants one.
    """
    generator = tree / "Tools" / "scripts" / "freeze_modules.py"
    text = generator.read_text()
    start, end = text.find("    ('stdlib - startup, without"), text.find("]\nBOOTSTRAP")
    if not 0 < start < end:
        raise BuildError(f"{generator.name} is not as it was; look at freeze_less()")
    kept = "    ('stdlib', ['abc']),\n    (TESTS_SECTION, ['__hello__']),\n"
    generator.write_text(text[:start] + kept + text[end:])
    run([sys.executable, generator], tree)


def configure(tools: Toolchain, tree: Path, host: Path | None) -> None:
    programs = (f"CC={tools.cc}", f"AR={tools.ar}", f"RANLIB={tools.ranlib}", "LDFLAGS=-static")
    flags = f"CFLAGS={' '.join((*tools.flags, *hidden_paths(tree)))}"
    if host is None:  # what is built runs here, so it is asked itself
        machines = [f"--build={tools.triplet}"]
    else:
        (tree / "config.site").write_text(CROSS_ANSWERS)
        machines = [f"--build={HOST}-pc-linux-gnu", f"--with-build-python={host}"]
        # One of the target's own is wanted; any reads them all, if it is given with its path.
        machines += [f"READELF={shutil.which('readelf')}"]
    command = ["./configure", *programs, flags, f"--host={tools.triplet}", *machines, *OPTIONS]
    tools.run(command, tree, CONFIG_SITE="" if host is None else "./config.site")


def build(tools: Toolchain, tree: Path, deps: Path, host: Path | None) -> None:
    # The sources of frozen modules are read from here and not from an installed Python.
    made = ["libpython3.11.a", *([] if host else ["python"])]
    paths = " ".join(f"-L{deps / name / 'lib'}" for name in LIBRARIES)
    settings = [f"DEPS={deps}", f"CFLAGS_NODIST={CORE_FLAGS}", f"LDFLAGS=-static {paths}"]
    tools.run(["make", JOBS, *settings, *made], tree)


def install(tree: Path, folder: Path) -> None:
    """What the other stages use, in the places where the program looks for its library."""
    library = folder / "lib" / "python3.11"
    shutil.copytree(tree / "Lib", library, ignore=shutil.ignore_patterns(*UNUSED))
    (library / "lib-dynload").mkdir()
    for part in FOR_OPENSSL:
        copy = shutil.copytree if (tree / part).is_dir() else shutil.copy
        (folder / part).parent.mkdir(exist_ok=True)
        copy(tree / part, folder / part)
    shutil.copytree(tree / "Include", folder / "include")
    shutil.copy(tree / "pyconfig.h", folder / "include")
    shutil.copy(tree / "libpython3.11.a", folder)
    shutil.copy(tree / "LICENSE", folder)
    shutil.copy(tree / "Doc" / "license.rst", folder)
    if (tree / "python").exists():
        (folder / "bin").mkdir()
        shutil.copy(tree / "python", folder / "bin" / "python3")
