"""`guardpost-agent`: the words of the small executable, and how little its version costs."""

import subprocess
import sys

import pytest

from guardpost import __version__
from guardpost.cli import agent_program


def run(*words: str) -> int:
    return agent_program.run(words)


@pytest.mark.parametrize("words", ["", "/dev/none --no-prompt", "--allow KEY -v /dev/none"])
def test_everything_else_is_the_agent_s(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from guardpost.cli import cmd_agent

    served = []
    monkeypatch.setattr(cmd_agent, "run", lambda args: served.append(args.port) or 7)
    assert run(*words.split()) == 7
    assert served == ["/dev/none" if words else None]


def test_ports_and_policy_are_as_in_guardpost(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("policy", "check", "nobody", "shell") == 255
    assert "no line of authorized_consoles has 'nobody'" in capsys.readouterr().err
    assert run("ports", "--nonsense") == 255
    assert "guardpost-agent ports: unrecognized arguments" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["help", "--help"])
def test_help_is_the_agent_s(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(words)
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: guardpost-agent [")
    assert "--self-test" in said


def test_help_on_a_command_is_that_command_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("help", "ports") == 0
    assert capsys.readouterr().out.startswith("usage: guardpost-agent ports")


def test_what_only_a_console_does_is_a_port_that_is_not_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("shell", "web01") == 255
    assert capsys.readouterr().err.count("\n") == 1


def test_the_version_imports_next_to_nothing() -> None:
    code = (
        "import sys; before = {*sys.modules}; from guardpost.cli import agent_program;"
        "code = agent_program.run(['--version']); print(*{*sys.modules} - before); sys.exit(code)"
    )
    result = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    version, loaded = result.stdout.splitlines()
    assert version == f"guardpost {__version__}"
    assert {*loaded.split()} <= {
        *("guardpost", "guardpost.cli", "guardpost.cli.agent_program", "guardpost.cli.main"),
        *("guardpost.cli.grammar", "guardpost.cli.standard_streams", "guardpost.cli.versions"),
        *("guardpost.baked", "gc"),
    }
