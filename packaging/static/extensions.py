"""The other C modules as objects: psutil's, msgspec's, PyNaCl's, our codec, and OpenSSL's."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import getsource
from pathlib import Path

from static.interpreter import Interpreter
from static.store import Store, key_of
from static.toolchain import Toolchain, run

__all__ = ["EXTENSIONS", "FLAGS", "ROOT", "Workshop", "extension"]

ROOT = Path(__file__).parents[2]

FLAGS = ("-DNDEBUG", "-fwrapv")

# Run by the interpreter that was built, which has cffi's backend within, and is not installed.
EMIT = """
import sys, sysconfig, types
built = types.SimpleNamespace(build_time_vars={})
sys.modules[sysconfig._get_sysconfigdata_name()] = built
what, out, *sys.path[:0] = sys.argv[1:]
module, _, name = what.partition(":")
ffi = getattr(__import__(module, fromlist=["x"]), name)
(ffi() if callable(ffi) else ffi).emit_c_code(out)
"""


@dataclass(frozen=True)
class Workshop:
    """`host` runs here; `python` is the target's, and the same unless that is another machine.

    `trees` are unpacked sources by the lock's names, and the folders of libraries.
    """

    tools: Toolchain
    python: Interpreter
    host: Interpreter
    trees: dict[str, Path]

    def objects(self, files: Iterable[Path], base: Path, out: Path, *flags: str) -> None:
        """Compile `files` against the interpreter's headers."""
        headers = (f"-I{self.python.headers}", f"-I{self.python.headers / 'internal'}")
        self.tools.objects(files, base, out, *FLAGS, *headers, *flags)

    def emit(self, what: str, out: Path, *folders: Path) -> None:
        """Have cffi write the C of what `what` (module:name) describes."""
        cffi = (self.trees["cffi"] / "src", self.trees["pycparser"])
        paths = [str(path) for path in (*folders, *cffi)]
        python = (self.host.program, "-B", "-S", "-P")
        run([*python, "-c", EMIT, what, out, *paths], out.parent, {"PYNACL_SODIUM_STATIC": "1"})


def psutil(shop: Workshop, out: Path) -> None:
    tree = shop.trees["psutil"]
    version = tree.name.rpartition("-")[2].replace(".", "")
    flags = ("-DPSUTIL_POSIX=1", "-DPSUTIL_LINUX=1", "-DPSUTIL_SIZEOF_PID_T=4")
    folders = [tree / "psutil" / "arch" / each for each in ("all", "posix", "linux")]
    files = [file for folder in folders for file in sorted(folder.glob("*.c"))]
    files.append(tree / "psutil" / "_psutil_linux.c")
    shop.objects(files, tree, out, *flags, f"-DPSUTIL_VERSION={version}")


def msgspec(shop: Workshop, out: Path) -> None:
    tree = shop.trees["msgspec"]
    shop.objects([tree / "src" / "msgspec" / "_core.c"], tree, out)


def pynacl(shop: Workshop, out: Path) -> None:
    glue = out / "sodium.c"
    shop.emit("build:ffi", glue, shop.trees["pynacl"] / "src" / "bindings")
    shop.objects([glue], out, out, f"-I{shop.trees['libsodium'] / 'include'}")


def codec(shop: Workshop, out: Path) -> None:
    native = ROOT / "native"
    glue = out / "framing_glue.c"
    shop.emit("native.framing_ffi:framing_ffi", glue, ROOT)
    shop.objects([glue], out, out, "-DPy_LIMITED_API=0x030b0000", f"-I{native}")
    # zig counts this instruction as none of SSE 4.2, as which the kernels ask for it.
    flags = ("-mcrc32",) if shop.tools.target == "x86_64" else ()
    shop.objects(sorted(native.glob("*.c")), ROOT, out, "-O2", *flags)


def openssl(shop: Workshop, out: Path) -> None:
    """What ssl and hashlib use of it; and the tables of the idna codec."""
    folder = shop.python.folder / "Modules"
    files = [folder / name for name in ("_ssl.c", "_hashopenssl.c", "unicodedata.c")]
    include = f"-I{shop.trees['openssl'] / 'include'}"
    shop.objects(files, folder, out, "-DPy_BUILD_CORE_BUILTIN", include)


EXTENSIONS: dict[str, tuple[Callable[[Workshop, Path], None], tuple[str, ...]]] = {
    "psutil": (psutil, ("psutil",)),
    "msgspec": (msgspec, ("msgspec",)),
    "pynacl": (pynacl, ("pynacl", "libsodium", "cffi", "pycparser")),
    "codec": (codec, ("cffi", "pycparser")),
    "openssl": (openssl, ("openssl",)),
}
"""How each is built, and the trees that it is built from."""


def extension(name: str, shop: Workshop, store: Store) -> list[Path]:
    """Its objects. Raises BuildError."""
    build, needs = EXTENSIONS[name]

    def make(folder: Path) -> None:
        build(shop, folder)

    def key() -> str:
        native = sorted((ROOT / "native").glob("*.*")) if name == "codec" else []
        ours = [(each.name, each.read_bytes()) for each in native]
        recipe = (getsource(build), getsource(Workshop), EMIT, FLAGS, shop.tools.key)
        trees = [str(shop.trees[each].relative_to(store.folder)) for each in needs]
        return key_of(recipe, trees, shop.python.folder.name, ours)

    return sorted(store.made(f"{name}-{shop.tools.target}", key, make).glob("*.o"))
