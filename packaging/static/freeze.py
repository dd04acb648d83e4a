"""Finds every module the program can import and writes them as one block of bytecode.

Run by the interpreter that was just built, so the bytecode is its own, and the host's Python does
not matter:

python freeze.py modules OUT ENTRY VARIANT KEPT FOLDER...
                                              OUT/frozen.bin, frozen_table.c, modules.txt
python freeze.py one OUT NAME SOURCE          OUT/baked.bin, baked_size.h

The same sources give the same bytes. What was found out about each stays in KEPT, so that a later
run reads only what changed.

Imports are found by reading: all of them, also those within functions, but for what only type
checkers or other systems see.
"""

import ast
import hashlib
import importlib
import marshal
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

# Linked into the executable besides the interpreter's own; main.c has the same names.
LINKED = {
    "guardpost._framing",
    "msgspec._core",
    "nacl._sodium",
    "psutil._psutil_linux",
}

# What is imported by C, or by a name that is put together.
HIDDEN = {
    "agent": ["encodings.ascii", "encodings.latin_1", "encodings.utf_8", "linecache", "traceback"],
    "full": ["encodings.idna"],
    "datetime": ["_strptime"],
    "msgspec": ["datetime", "decimal", "enum", "inspect", "uuid"],
}

# Imported by something we keep, for what is never done here; each is looked up in a `try`, or
# within a function that we do not call. What is listed goes with all that is under it.
LEFT_OUT = {
    "both": [
        *("bz2", "lzma", "tarfile", "zipfile", "zipimport"),  # shutil's archives
        *("ctypes", "_ctypes", "readline", "sqlite3", "test", "unittest", "tkinter"),
        *("doctest", "pdb", "pydoc", "cmd", "code", "codeop", "bdb", "profile", "cProfile"),
        *("multiprocessing", "concurrent.futures.process", "ssl_match_hostname"),
        *("xml", "xmlrpc", "ftplib", "smtplib", "imaplib", "telnetlib", "urllib.robotparser"),
        *("distutils", "setuptools", "pkg_resources", "sysconfig", "_sysconfigdata", "site"),
        *("importlib.metadata", "importlib.resources", "runpy", "pkgutil", "py_compile"),
        *("importlib._bootstrap", "importlib._bootstrap_external", "importlib.readers"),
        *("_py_abc", "_pyio", "plistlib", "tracemalloc", "statistics"),
        *("asyncio.windows_events", "asyncio.windows_utils", "asyncio.proactor_events"),
        *("asyncio.__main__", "webbrowser", "optparse", "rich.markdown", "rich.syntax"),
        *("serial.serialwin32", "serial.win32", "serial.serialjava", "serial.serialcli"),
        *("serial.rfc2217", "serial.urlhandler", "serial.tools.list_ports_windows"),
        *("serial.tools.list_ports_osx", "serial.threaded", "serial.tools.miniterm"),
        *("psutil._psaix", "psutil._psbsd", "psutil._psosx", "psutil._pssunos"),
        *("psutil._pswindows", "cffi", "pycparser", "yaml", "tomli_w", "attr", "typing_extensions"),
        *("pyghmi", "nturl2path", "this", "antigravity", "markdown_it", "pygments"),
    ],
    "agent": [
        # A line with a password is one for the console.
        *("guardpost.transports.amt", "guardpost.transports.ipmi", "guardpost.transports.tls"),
        *("ssl", "_ssl", "_hashlib", "unicodedata", "stringprep"),
        *("encodings.idna", "encodings.punycode", "rich", "argcomplete", "fractions"),
        *("email", "http", "html", "mimetypes", "_compat_pickle", "pickle", "pprint"),
        *("urllib.request", "urllib.error", "urllib.response"),
    ],
    "full": [],
}

NEVER = (
    *("TYPE_CHECKING", "typing.TYPE_CHECKING", "sys.platform == 'win32'"),
    "__name__ == '__main__'",
)

START = """
import sys, _frozen_importlib

class Linked:  # BuiltinImporter itself refuses names with a dot
    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is not None and name in sys.builtin_module_names:
            importer = _frozen_importlib.BuiltinImporter
            return _frozen_importlib.spec_from_loader(name, importer, origin="built-in")

sys.meta_path.insert(0, Linked)
sys.frozen = True
from {entry} import entry
sys.exit(entry())
"""

# The one module that differs between executables of the same code.
BAKED = "guardpost._baked"

TABLE = """\
#include <Python.h>
#include "baked_size.h"
extern const unsigned char frozen_blob[], baked_blob[];
PyObject *guardpost_code(const unsigned char *bytes, int size);
{loaders}const struct _frozen guardpost_frozen[] = {{
{rows}    {{0}}
}};
"""


def left_out(variant: str) -> set[str]:
    return {*LEFT_OUT["both"], *LEFT_OUT[variant]}


def is_listed(name: str, listed: set[str]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:count]) in listed for count in range(1, len(parts) + 1))


Import = tuple[str, tuple[str, ...], int]
"""What a statement names: the module, what is taken from it, and how many packages further up."""


class Kept:
    """The imports and the bytecode of sources, by their contents; `folder` outlives a run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str, source: bytes) -> tuple[list[Import], bytes]:
        place = self._folder / hashlib.sha256(name.encode() + b"\0" + source).hexdigest()
        try:
            found: tuple[list[Import], bytes] = marshal.loads(place.read_bytes())
        except (OSError, ValueError, EOFError, TypeError):
            found = ([*imports(source)], bytecode(source, name))
            new = place.with_name(f"{place.name}.{os.getpid()}")
            new.write_bytes(marshal.dumps(found))
            new.replace(place)
        return found


class Finder:
    """Walks from module to module; `found` has the file of each, `code` the bytecode."""

    def __init__(self, folders: list[Path], without: set[str], kept: Kept) -> None:
        self._folders = folders
        self._without = without
        self._kept = kept
        self.code: dict[str, bytes] = {}
        self.found: dict[str, Path] = {}
        self.missing: set[str] = set()
        self.refused: set[tuple[str, str]] = set()

    def add(self, name: str) -> bool:
        """Whether there is such a module; it and what it imports are found then."""
        if name in self.found or name in sys.builtin_module_names or name in LINKED | {BAKED}:
            return True
        if is_listed(name, self._without):
            return False
        parent = name.rpartition(".")[0]
        if parent and not self.add(parent):
            return False
        file = self._file(name)
        if file is None:
            self.missing.add(name)
            return False
        self.found[name] = file
        package = name if file.name == "__init__.py" else parent
        statements, self.code[name] = self._kept.read(name, file.read_bytes())
        for statement in statements:
            for wanted in self._imported(statement, package):
                if not self.add(wanted) and is_listed(wanted, self._without):
                    self.refused.add((name, wanted))
        for hidden in HIDDEN.get(name, ()):
            self.add(hidden)
        return True

    def _file(self, name: str) -> Path | None:
        for folder in self._folders:
            path = folder.joinpath(*name.split("."))
            for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
                if file.is_file():
                    return file
        return None

    def _imported(self, statement: Import, package: str) -> Iterator[str]:
        """The modules that it means, within `package`."""
        module, names, level = statement
        parents = package.split(".")
        above = parents[: len(parents) - level + 1] if level else []
        base = ".".join([*above, *([module] if module else [])])
        yield base
        yield from (f"{base}.{name}" for name in names if self._file(f"{base}.{name}"))


def imports(source: bytes) -> Iterator[Import]:
    """What `source` imports, anywhere in it."""
    for node in executed(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, (), 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", tuple(alias.name for alias in node.names), node.level


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """The statements below `node`, but what stands under `if TYPE_CHECKING` or another system."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in NEVER:
            for other in child.orelse:
                yield other
                yield from executed(other)
        elif isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from executed(child)


def held(code: CodeType) -> Iterator[object]:
    """Every object that marshal would write for `code`."""
    yield from (code, code.co_filename, code.co_name, code.co_qualname, code.co_linetable)
    yield from (code.co_exceptiontable, code.co_names, *code.co_names, code.co_consts)
    yield from (*code.co_varnames, *code.co_cellvars, *code.co_freevars)
    for constant in code.co_consts:
        yield from within(constant)


def within(constant: object) -> Iterator[object]:
    yield constant
    if isinstance(constant, CodeType):
        yield from held(constant)
    elif isinstance(constant, tuple | frozenset):
        for each in constant:
            yield from within(each)


def bytecode(source: bytes, name: str) -> bytes:
    code = compile(source, f"<frozen {name}>", "exec", dont_inherit=True, optimize=2)
    # marshal notes for each object whether anybody else refers to it, and who does is chance. We
    # refer to all of them, so that it is always noted.
    keep = [*held(code)]
    result = marshal.dumps(code)
    del keep
    return result


def freeze_modules(out: Path, entry: str, variant: str, kept: Path, folders: list[Path]) -> None:
    finder = Finder(folders, left_out(variant), Kept(kept))
    sys.path[:0] = [str(folder) for folder in folders]
    commands = importlib.import_module(entry).COMMANDS
    hidden = [*HIDDEN["agent"], *(HIDDEN["full"] if variant == "full" else [])]
    for name in (entry, *(command.module for command in commands), *hidden):
        if not finder.add(name):
            raise SystemExit(f"error: there is no module {name}")
    blob = bytearray()
    modules = [(BAKED, "baked_blob, BAKED_SIZE", 0)]
    start = bytecode(START.format(entry=entry).encode(), "__main__")
    for name, code in [*sorted(finder.code.items()), ("__main__", start)]:
        blob += bytes(-len(blob) % 16)
        package = int(name in finder.found and finder.found[name].name == "__init__.py")
        modules.append((name, f"frozen_blob + {len(blob)}, {len(code)}", package))
        blob += code
    (out / "frozen.bin").write_bytes(blob)
    (out / "frozen_table.c").write_text(table(modules))
    lines = [f"{name}\n" for name in sorted(finder.found)]
    lines += [f"({name} is not there)\n" for name in sorted(finder.missing)]
    lines += [f"({wanted}, for {name}, is left out)\n" for name, wanted in sorted(finder.refused)]
    (out / "modules.txt").write_text("".join(lines))


def table(modules: list[tuple[str, str, int]]) -> str:
    """C: of each module its name, its place and size, and whether it is a package."""
    loaders, rows = [], []
    for number, (name, place, package) in enumerate(modules):
        get = f"code_{number}"
        loaders.append(f"static PyObject *{get}(void) {{ return guardpost_code({place}); }}\n")
        rows.append(f'    {{"{name}", {place}, {package}, {get}}},\n')
    return TABLE.format(loaders="".join(loaders), rows="".join(rows))


def freeze_one(out: Path, name: str, source: Path) -> None:
    code = bytecode(source.read_bytes(), name)
    (out / "baked.bin").write_bytes(code)
    (out / "baked_size.h").write_text(f"#define BAKED_SIZE {len(code)}\n")


if __name__ == "__main__":
    what, out, name, *more = sys.argv[1:]
    if what == "modules":
        variant, kept, *folders = more
        freeze_modules(Path(out), name, variant, Path(kept), [Path(each) for each in folders])
    else:
        freeze_one(Path(out), name, Path(more[0]))
