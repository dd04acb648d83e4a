"""One run of pytest is the whole proof; this orders it in groups and says what was not run.

A group is a folder of tests/, but for the files named in `HOUSE`. At the end stand the seconds of
each group, what was skipped and why, and one line that installs what was missing. On a build
machine (CI=1) a skip that tests/allowed_skips does not list is a failure.
"""

import collections
import fnmatch
import os
from collections.abc import Generator, Iterable
from pathlib import Path

import hypothesis
import pytest
from support import frozen, tools
from support.plain_logins import hide_start_files

HERE = Path(__file__).parent

# In this order; every other folder is "units and properties".
GROUPS = (
    *("lint", "types", "house", "units and properties", "security", "fuzz", "native", "e2e"),
    *("packaging", "frozen"),
)
HOUSE = {
    "test_lint.py": "lint",
    "test_types.py": "types",
    "test_docs.py": "house",
    "test_freeze.py": "house",
    "test_imports.py": "house",
    "test_layout.py": "house",
}

hypothesis.settings.register_profile("each time", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.register_profile("all", deadline=None, max_examples=1000, print_blob=True)

seconds: dict[str, float] = collections.defaultdict(float)
left_out: dict[str, list[str]] = collections.defaultdict(list)  # reason -> tests


def group_of(path: Path) -> str:
    parts = path.relative_to(HERE).parts
    if len(parts) == 1:
        return HOUSE.get(parts[0], "units and properties")
    return parts[0] if parts[0] in GROUPS else "units and properties"


def on_build_machine() -> bool:
    return os.environ.get("CI") in ("1", "true")


def allowed_skips(lines: Iterable[str]) -> list[str]:
    """The patterns of tests/allowed_skips: one a line, the reason after `#`."""
    return [pattern for line in lines if (pattern := line.partition("#")[0].strip())]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="also slow tests, and more examples each")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("all" if config.option.all else "each time")
    hide_start_files()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: GROUPS.index(group_of(item.path)))
    if config.option.all:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
        left_out["slow (make test-all)"] += [item.nodeid for item in slow]


def needs_executable(item: pytest.Item) -> bool:
    return group_of(item.path) == "frozen"


def pytest_collection_finish(session: pytest.Session) -> None:
    if (
        any(needs_executable(item) for item in session.items)
        and not session.config.option.collectonly
    ):
        frozen.start()


def pytest_unconfigure() -> None:
    frozen.stop()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Wait for the build here, where pytest does not take that for a test that hangs."""
    if needs_executable(item):
        frozen.wait()
    return (yield)


def judge_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Note a skip; where everything should be there, call it a failure unless it is allowed."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    left_out[reason].append(report.nodeid)
    allowed = allowed_skips((HERE / "allowed_skips").read_text().splitlines())
    if on_build_machine() and not any(fnmatch.fnmatch(report.nodeid, each) for each in allowed):
        report.outcome = "failed"
        report.longrepr = f"skipped ({reason}), and tests/allowed_skips does not list it"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    seconds[group_of(item.path)] += report.duration
    judge_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    judge_skip(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    say = terminalreporter.write_line
    if seconds:
        terminalreporter.section("seconds by group")
    for group in GROUPS:
        if group in seconds:
            say(f"{seconds[group]:7.1f}  {group}")
    if left_out:
        terminalreporter.section("not run")
    for reason, tests in left_out.items():
        say(f"{reason}: {', '.join(tests[:6])}{' …' if len(tests) > 6 else ''}")
    if tools.missing_packages:
        say(f"to run those too: apt install {' '.join(sorted(tools.missing_packages))}")
