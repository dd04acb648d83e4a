"""`--variant onefile`: the agent by PyInstaller, for hosts with a glibc like this one's.

Nothing of it is locked, or the same twice: it holds the Python that runs this, and what pip
installed when the cache was last empty. It unpacks itself into a temporary folder at each start,
which must allow programs.
"""

import re
import sys
from pathlib import Path

from static import licences
from static.program import ENTRIES, Baked, packed, put
from static.store import Store, key_of
from static.toolchain import HOST, new_python, run

__all__ = ["build"]

ROOT = Path(__file__).parents[2]

LIBRARIES = ("cffi", "msgspec", "psutil", "pynacl", "pyserial")
TOOLS = ("pyinstaller", "setuptools >= 77")

# Looked for by name, so that PyInstaller does not see them.
HIDDEN = (
    *("_cffi_backend", "guardpost._baked", "guardpost._framing", "guardpost.cli.cmd_agent"),
    *("guardpost.cli.cmd_policy", "guardpost.cli.cmd_ports"),
)

LEFT_OUT = (
    *("tkinter", "unittest", "pydoc", "doctest", "xml", "sqlite3", "multiprocessing", "lib2to3"),
    *("distutils", "setuptools", "pkg_resources", "test", "curses", "readline", "bz2", "lzma"),
    *("ctypes", "http", "ftplib", "pdb", "rich", "argcomplete", "pyghmi", "ssl", "_hashlib"),
)

START = f"import sys\nfrom {ENTRIES['agent']} import entry\nsys.exit(entry())\n"


def build(store: Store, configuration: dict[str, str], place: Path) -> None:
    """Raises BuildError."""
    libraries = store.made("onefile", key_of(sys.version, LIBRARIES, TOOLS), install)
    python = libraries / "bin" / "python"
    with store.scratch("onefile") as folder:
        site = folder / "site"
        pip = (python, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation")
        run([*pip, "--target", site, ROOT], folder)
        baked = facts(libraries, configuration)
        (site / "guardpost" / "_baked.py").write_text(baked.module())
        (folder / "start.py").write_text(START)
        words = ["--onefile", "--strip", "--optimize", "2", "--name", place.name, "--paths", site]
        words += [word for name in HIDDEN for word in ("--hidden-import", name)]
        words += [word for name in LEFT_OUT for word in ("--exclude-module", name)]
        run([python, "-m", "PyInstaller", *words, "start.py"], folder)
        put(folder / "dist" / place.name, place, mode=0o700 if baked.is_golden else 0o755)


def install(folder: Path) -> None:
    run([new_python(folder), "-m", "pip", "install", "-q", *LIBRARIES, *TOOLS], folder)


def facts(libraries: Path, configuration: dict[str, str]) -> Baked:
    """What is installed there, and Python's own licence."""
    [site] = (libraries / "lib").glob("python3.*/site-packages")
    texts = licences.collect({"guardpost": ROOT})
    parts = [("Python", sys.version.split()[0])]
    for name in LIBRARIES:
        [info] = [each for each in site.glob("*.dist-info") if stem(each) == name]
        parts.append((name, info.name.removesuffix(".dist-info").split("-")[1]))
        texts[name] = licences.beside_metadata(info)
    return Baked(
        "onefile", HOST, tuple(parts), packed(texts, Path(sys.executable)), **configuration
    )


def stem(info: Path) -> str:
    return re.sub(r"[-_.]+", "-", info.name.split("-")[0]).lower()
