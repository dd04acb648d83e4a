"""The agent is also built as one executable with its modules inside: no files, no metadata, -OO."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.tools import ROOT

PACKAGE = ROOT / "guardpost"
MODULES = sorted(PACKAGE.rglob("*.py"))
POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
METADATA = ("importlib.metadata", "importlib.resources", "pkg_resources", "pkgutil")

# They ask what is installed, and only where something can be (`--version -v`, `--licenses`).
MAY_READ_METADATA = {"cli/licenses.py", "cli/versions.py"}

# Calls that have no effect, so that -O may drop them.
PURE = {"all", "any", "callable", "isinstance", "issubclass", "len", "max", "min", "type"}


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names] if not node.level else []
    return []


def outside_platform_guards(node: ast.AST, *, enter_functions: bool) -> Iterator[ast.AST]:
    """`node`'s descendants, without those that only one system ever runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "sys.platform" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not enter_functions:
            continue
        yield child
        yield from outside_platform_guards(child, enter_functions=enter_functions)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_can_be_frozen(path: Path) -> None:
    """No `__file__`, no metadata, no ctypes on POSIX, nothing that -OO would take away."""
    tree = parse(path)
    for node in ast.walk(tree):
        where = f"{relative(path)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Name):
            assert node.id != "__file__", f"{where}: a frozen module has no file"
        name = getattr(node, "id", getattr(node, "attr", ""))
        assert name != "__doc__", f"{where}: -OO removes docstrings"
        if relative(path) not in MAY_READ_METADATA:
            assert not any(each.startswith(METADATA) for each in imported(node)), where
        if isinstance(node, ast.Assert):
            calls = [each for each in ast.walk(node.test) if isinstance(each, ast.Call)]
            called = {ast.unparse(each.func) for each in calls}
            assert called <= PURE, f"{where}: -O drops this assertion with its calls"
    for node in outside_platform_guards(tree, enter_functions=True):
        assert not any(each.split(".")[0] == "ctypes" for each in imported(node)), relative(path)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_importing_a_module_needs_no_posix(path: Path) -> None:
    for node in outside_platform_guards(parse(path), enter_functions=False):
        for name in imported(node):
            assert name.split(".")[0] not in POSIX_ONLY, f"{relative(path)}:{node.lineno}: {name}"  # type: ignore[attr-defined]


def run(code: str) -> None:
    result = subprocess.run(
        [sys.executable, "-OO", "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_every_module_imports_without_docstrings_and_assertions() -> None:
    names = [relative(path).removesuffix(".py").replace("/", ".") for path in MODULES]
    wanted = [f"guardpost.{name.removesuffix('.__init__')}" for name in names if "__" not in name]
    run(f"import importlib\nfor name in {wanted!r}: importlib.import_module(name)")


def test_a_package_imports_where_posix_modules_do_not_exist() -> None:
    """Only our own imports count: the standard library looks after itself."""
    packages = [relative(path.parent).replace("/", ".") for path in PACKAGE.rglob("__init__.py")]
    wanted = [f"guardpost.{name}".removesuffix("..") for name in packages]
    run(f"""
import builtins, importlib
real = builtins.__import__
def guarded(name, globals=None, *rest):
    ours = (globals or {{}}).get("__name__", "").startswith("guardpost")
    if ours and name.partition(".")[0] in {sorted(POSIX_ONLY)!r}:
        raise ModuleNotFoundError(f"{{name}}, imported by {{globals['__name__']}}")
    return real(name, globals, *rest)
builtins.__import__ = guarded
for name in {[name.rstrip(".") for name in wanted]!r}: importlib.import_module(name)
""")
