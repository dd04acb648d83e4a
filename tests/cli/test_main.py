"""One table of commands, one map from errors to words and exit codes."""

import argparse
import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.imports import loaded_by

from guardpost import __version__, errors
from guardpost.cli import hosts
from guardpost.cli.main import COMMANDS, Command, main

seen: list[argparse.Namespace] = []


@pytest.fixture(autouse=True)
def nobody_s_hosts(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(hosts, "standard_files", lambda: (tmp_path / "hosts.toml",))
    (tmp_path / "hosts.toml").write_text('[web01]\nline = "/dev/ttyUSB0"\n')
    seen.clear()
    yield
    sys.modules.pop("cmd_ring", None)


def ring(
    run: Callable[[argparse.Namespace], int], *, name: str = "ring", remote_status: bool = False
) -> list[Command]:
    """A table of one command, `NAME TARGET [CMD ...]`, that does `run`."""
    module = types.ModuleType("cmd_ring")

    def configure(parser: argparse.ArgumentParser) -> None:
        from guardpost.cli.options import add_console_options

        add_console_options(parser, json=True)
        parser.add_argument("--timeout", type=float)
        parser.add_argument("target", metavar="TARGET")
        parser.add_argument("command", nargs=argparse.REMAINDER)

    def remember(args: argparse.Namespace) -> int:
        seen.append(args)
        return run(args)

    module.configure, module.run = configure, remember  # type: ignore[attr-defined]
    sys.modules["cmd_ring"] = module
    return [Command(name, "cmd_ring", "ring a bell", remote_status=remote_status)]


def failing(error: BaseException) -> list[Command]:
    def run(args: argparse.Namespace) -> int:
        raise error

    return ring(run)


def test_a_command_gets_its_arguments_and_gives_the_exit_code() -> None:
    assert main(["ring", "web01"], ring(lambda args: 7)) == 7
    assert (seen[0].target, seen[0].command, seen[0].connect_timeout) == ("web01", [], 30.0)
    assert (seen[0].json, seen[0].trust_new, seen[0].verbose) == (False, False, 0)


@pytest.mark.parametrize(
    "line",
    [
        "-v --psk secret ring --timeout 5 web01 ls -l --timeout 9",
        "ring -v web01 --timeout 5 --psk=secret ls -l --timeout 9",
        "--timeout 5 -v ring --psk secret web01 -- ls -l --timeout 9",
        "ring --timeout=5 --psk secret -v -- web01 ls -l --timeout 9",
    ],
)
def test_options_stand_anywhere_before_the_remote_command(line: str) -> None:
    assert main(line.split(), ring(lambda args: 0)) == 0
    assert (seen[0].target, seen[0].timeout, seen[0].psk) == ("web01", 5.0, "secret")
    assert seen[0].command == ["ls", "-l", "--timeout", "9"]
    assert seen[0].verbose == 1


def test_one_double_dash_is_removed_and_no_more() -> None:
    main(["ring", "web01", "--", "--", "-x"], ring(lambda args: 0))
    assert seen[0].command == ["--", "-x"]


def test_an_error_of_a_command_becomes_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    gone = failing(errors.LineLost("gone"))
    assert main(["ring", "web01"], gone) == 255
    assert capsys.readouterr().err == "guardpost: line-lost: gone\n"
    assert main(["ring", "--exit-codes=detailed", "web01"], gone) == 6
    assert main(["ring", "web01"], failing(KeyboardInterrupt())) == 130


def test_detailed_exit_codes_are_not_for_commands_with_a_remote_status() -> None:
    commands = ring(lambda args: 0, remote_status=True)
    assert main(["ring", "--exit-codes=detailed", "web01"], commands) == 255


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rign web01", "usage: no such command or target 'rign' (did you mean 'ring'?);"),
        ("wbe01", "usage: no such command or target 'wbe01' (did you mean 'web01'?);"),
        ("frobnicate", "usage: no such command or target 'frobnicate';"),
        ("ring", "usage: guardpost ring: the following arguments are required: TARGET"),
        ("ring --time 5 web01", "usage: guardpost ring: "),
        ("ring --timeout soon web01", "usage: guardpost ring: argument --timeout: invalid"),
        ("help frob", "usage: no help on 'frob'"),
    ],
)
def test_wrong_usage_is_one_line(
    line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split(), ring(lambda args: 0)) == 255
    shown = capsys.readouterr()
    assert shown.err.startswith(f"guardpost: {message}")
    assert (shown.err.count("\n"), shown.out) == (1, "")


@pytest.mark.parametrize("target", ["web01", "/dev/ttyS0", "com3", "tcp:host:1", "ring:4"])
def test_a_target_alone_is_a_shell_on_it(target: str) -> None:
    commands = ring(lambda args: 7, name="shell")
    assert main(["-v", target, "--timeout", "5"], commands) == 7
    assert (seen[0].target, seen[0].timeout, seen[0].verbose) == (target, 5.0, 1)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"], COMMANDS) == 0
    shown = capsys.readouterr().out
    assert all(
        f"\n  {each.name} " in shown and each.help in shown for each in COMMANDS if each.help
    )
    assert max(map(len, shown.splitlines())) <= 79
    assert main([], COMMANDS) == 255
    assert main(["help", "ring"], ring(lambda args: 0)) == 0
    assert "--connect-timeout" in capsys.readouterr().out


@pytest.mark.parametrize("topic", ["targets", "exit-codes", "options"])
def test_help_has_topics(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", topic]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 4


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.name)
def test_every_command_has_help(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", command.name]) == 0
    assert capsys.readouterr().out.startswith(f"usage: guardpost {command.name}")


def guardpost(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "guardpost", *words], text=True, capture_output=True, **options
    )


@pytest.mark.parametrize("words", ["--version", "help", "help targets"])
def test_what_needs_no_command_imports_hardly_anything(words: str) -> None:
    loaded = loaded_by(*words.split())
    assert {each for each in loaded if each.startswith("guardpost")} <= {
        *("guardpost", "guardpost.cli", "guardpost.cli.main", "guardpost.cli.grammar"),
        *("guardpost.cli.standard_streams", "guardpost.cli.versions", "guardpost.cli.topics"),
        "guardpost.baked",
    }
    assert not {"argparse", "re", "typing", "enum", "dataclasses", "pathlib", "asyncio"} & loaded


def test_the_version_is_printed() -> None:
    result = guardpost("--version")
    assert (result.stdout, result.returncode) == (f"guardpost {__version__}\n", 0)


def test_a_reader_that_has_gone_is_no_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    result = subprocess.run(
        [sys.executable, "-m", "guardpost", "help"], stdout=write_end, stderr=subprocess.PIPE
    )
    os.close(write_end)
    assert (result.returncode, result.stderr) == (141, b"")
