"""The shape of the house: every module has its test, and no file or function grows without end."""

import ast
from pathlib import Path

import pytest
from support.tools import ROOT

PACKAGE = ROOT / "guardpost"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")

TOP_LEVEL = {
    *("pyproject.toml", "guardpost", "native", "tests", "bench", "build_frozen.py", "README.md"),
    *("CHANGELOG.md", "LICENSE", "NOTICE", "MANIFEST.in", "Makefile", "docs", "packaging", ".ci"),
    *(".gitignore",),
}
NOT_OURS = {
    *(".git", ".venv", "build", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache"),
    *(".hypothesis", ".benchmarks", "guardpost_sol.egg-info", "__pycache__"),
}

# Modules without a test file of their own, and where they are tested instead.
TESTED_ELSEWHERE = {
    "__main__": "one line; tests/cli/test_main.py starts it",
    "errors": "a table of classes; every other test",
    "aio/stream": "a typing.Protocol",
    "protocol/agent_connection": "its parts have theirs; tests/protocol/test_story_*.py as a whole",
    "protocol/association": "the stack of parts that have theirs; tests/protocol/test_story_*.py",
    "protocol/connection": "what both ends share; tests/protocol/test_story_*.py",
    "protocol/console_connection": "as the agent's; tests/protocol/test_story_*.py",
    "protocol/establish": "tests/protocol/test_story_entry.py",
    "protocol/events": "plain values; every story in tests/protocol",
    "protocol/statistics": "figures; tests/protocol/test_story_figures.py",
    "protocol/limits": "numbers; the tests of those who use them",
    "cli/agent_options": "tests/cli/test_agent_config.py and test_cmd_agent.py give them",
    "cli/parser": "tests/cli/test_grammar.py, beside the rules it keeps",
    "cli/process_targets": "tests/cli/test_cmd_kill.py and test_cmd_nice.py",
    "cli/shared_port": "needs a host and a getty; tests/e2e/test_guest.py",
    "cli/topics": "texts; tests/cli/test_main.py shows them",
    "cli/cmd_demo": "tests/e2e/test_demo.py runs it",
    "cli/cmd_owner_process": "tests/cli/test_cmd_owner.py and tests/e2e/test_owner.py",
    "console/beside": "needs an owner; tests/cli/test_cmd_terminal.py",
    "console/figures": "a dataclass; test_console.py",
    "console/line": "NamedTuples and a typing.Protocol",
    "console/owned_channel": "needs an owner; tests/e2e/test_owner.py",
    "console/owner_channel": "needs both its ends; tests/e2e/test_owner.py",
    "console/question": "needs a terminal; tests/e2e/test_owner.py",
    "ports/facts": "plain values; tests/ports",
    "ports/habits": "a table; tests/ports/test_linux.py, on machines of each vendor",
    "cli/background": "tests/e2e/test_forwards.py, with real processes",
    "cli/forwards": "tests/e2e/test_forwards.py",
    "services/listener": "tests/services/test_forwarding.py and test_listen.py",
    "agent/verb": "what the families of commands share; each has its tests",
    "services/asker": "plain values; tests/agent/test_reception.py",
    "services/program": "what exec and jobs share; tests/services/test_exec.py",
    "ports/sysfs": "tests/ports/test_linux.py, on trees of old and new kernels",
    "cli/cmd_get": "tests/cli/test_copying.py, with its twin",
    "cli/cmd_put": "tests/cli/test_copying.py, with its twin",
    "services/files/agent": "both halves copy real files in tests/services/files",
    "services/files/arrival": "as the agent's half",
    "services/files/console": "as the agent's half",
    "services/files/events": "plain values; tests/services/files",
    "services/files/landing": "as the agent's half",
    "services/files/messages": "tests/services/files/test_hostile_copies.py",
    "services/files/named": "tests/services/files/test_copies.py, where things go",
    "services/files/outgoing": "as the agent's half",
    "services/files/receiving": "tests/services/files/test_hostile_copies.py",
    "services/files/sending": "as the agent's half",
    "services/files/sources": "as the agent's half",
    "services/files/part": "cut, torn and planted ones in tests/services/files/test_copies.py",
    "services/files/reading": "as the agent's half",
    "services/files/signing": "as the agent's half",
    "transports/ipmi/bmc": "needs a BMC; tests/transports/test_transports_ipmi_stream.py has one",
    "transports/telnet/stream": "test_conformance.py; ser2net in tests/e2e/test_counterparts.py",
}

# Files of more than 400 lines and functions of more than 40, with the reason (600 and 60 at most).
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}

JUNK_DRAWERS = {"utils.py", "util.py", "helpers.py", "misc.py", "common.py", "tools.py"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def lines_of(function: Function) -> int:
    """The length without decorators and docstring."""
    body = function.body
    has_docstring = ast.get_docstring(function, clean=False) is not None
    skipped = (body[0].end_lineno or 0) - body[0].lineno + 1 if has_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - skipped


def test_the_top_level_is_fixed() -> None:
    found = {path.name for path in ROOT.iterdir()} - NOT_OURS
    assert found <= TOP_LEVEL


def test_every_folder_of_the_package_is_a_package() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [each for each in folders if not (each / "__init__.py").exists()] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_has_its_test_file(path: Path) -> None:
    name = name_of(path)
    if name in TESTED_ELSEWHERE:
        return
    wanted = {f"test_{path.stem}.py", f"test_{name.replace('/', '_')}.py"}
    found = {each.name for each in (ROOT / "tests").rglob("test_*.py")}
    assert wanted & found, f"{name}: neither of {sorted(wanted)} exists, and it is not listed here"


def test_what_is_listed_exists() -> None:
    names = {name_of(path) for path in MODULES}
    assert set(TESTED_ELSEWHERE) <= names
    assert set(LONG_FILES) <= names
    assert {each.partition(":")[0] for each in LONG_FUNCTIONS} <= names


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_grows_without_end(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.name not in JUNK_DRAWERS, "name it by its noun"
    assert len(text.splitlines()) <= (600 if name_of(path) in LONG_FILES else 400)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function):
            where = f"{name_of(path)}:{node.name}"
            assert lines_of(node) <= (60 if where in LONG_FUNCTIONS else 40), where
        if isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, Function)]
            assert len(methods) <= 25, f"{name_of(path)}:{node.name}"
