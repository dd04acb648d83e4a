"""One map from errors to words and exit codes."""

import argparse

import pytest

from guardpost import errors
from guardpost.cli.failures import report


def args(
    verbose: int = 0, exit_codes: str = "plain", exit_of_defect: int = 255
) -> argparse.Namespace:
    return argparse.Namespace(verbose=verbose, exit_codes=exit_codes, exit_of_defect=exit_of_defect)


@pytest.mark.parametrize(
    ("error", "line", "plain", "detailed"),
    [
        (errors.NoSuchTarget("what now"), "no-such-target: what now", 255, 3),
        (errors.LineBusy("held"), "line-busy: held", 255, 4),
        (errors.NotAllowed("no"), "not-allowed: no", 255, 5),
        (errors.AgentKeyChanged("no"), "agent-key-changed: no", 255, 5),
        (errors.ChannelReset(errors.ResetCode.NOT_ALLOWED, "no"), "not-allowed: no", 255, 5),
        (errors.ChannelReset(errors.ResetCode.TIMEOUT, "x:1"), "timeout: x:1", 124, 124),
        (errors.LineLost("gone"), "line-lost: gone", 255, 6),
        (errors.AgentSilent("nothing"), "agent-silent: nothing", 255, 7),
        (errors.UsageError("so"), "usage: so", 255, 255),
        (TimeoutError("5 s are over"), "timeout: 5 s are over", 124, 124),
        (FileNotFoundError(2, "No such file", "x"), "no-such-file: x: No such file", 255, 255),
        (ModuleNotFoundError("", name="rich"), "missing-package: rich is not here; pip install"
         " 'guardpost-sol[console]'", 255, 255),
        (ExceptionGroup("", [ValueError(), errors.LineLost("gone")]), "line-lost: gone", 255, 6),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_an_exit_code(
    error: BaseException, line: str, plain: int, detailed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error, args()) == report(error, None) == plain
    assert capsys.readouterr().err == f"guardpost: {line}\n" * 2
    assert report(error, args(exit_codes="detailed")) == detailed


def test_a_defect_shows_its_traceback_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(KeyError("x"), args()) == 255
    assert capsys.readouterr().err.startswith("guardpost: internal: KeyError: 'x'")
    with pytest.raises(KeyError) as raised:
        raise KeyError("x")
    assert report(raised.value, args(verbose=1)) == 255
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("x"), 1),
        (MemoryError(), 1),
        (OSError(11, "try again"), 1),
        (errors.LocalProtocolError("x"), 1),
        (errors.UsageError("x"), 255),
        (errors.KeyFileError("x"), 255),
        (errors.LineBusy("x"), 255),
    ],
)
def test_an_agent_that_broke_is_told_from_one_that_says_why(
    error: BaseException, code: int
) -> None:
    """What starts agents again goes by that."""
    assert report(error, args(exit_of_defect=1)) == code


def test_an_interrupted_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(KeyboardInterrupt(), args()) == 130
    assert report(BaseExceptionGroup("", [KeyboardInterrupt()]), None) == 130
    assert capsys.readouterr().err == ""


def test_an_error_cannot_touch_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report(errors.ServiceError("\x1b[2Jgone\r\nroot# "), args())
    assert capsys.readouterr().err == "guardpost: service: \\x1b[2Jgone\\x0d\\x0aroot# \n"
