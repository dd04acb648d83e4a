"""`guardpost agent`: what it refuses before it touches a port, and the password it sets."""

import importlib
import io
import sys
from pathlib import Path

import pytest

from guardpost.agent.accounts import Accounts
from guardpost.cli import main
from guardpost.identity import ephemeral

KEY = ephemeral(lambda count: b"k" * count).public_key


@pytest.fixture(autouse=True)
def openssl() -> None:
    """An agent leaves it out of its process; this one is shared with other tests."""
    for module in ("ssl", "_hashlib"):
        importlib.import_module(module)


class NoTerminal(io.StringIO):
    def isatty(self) -> bool:
        return False


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main.main(["agent", *words]) == 255
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "words, said",
    [
        (("auto", "--allow", "nonsense"), "usage: --allow: no such file, and no key"),
        (("auto", "--baud", "7"), "usage: --baud is 50 to"),
        (("--allow", "nonsense", "/dev/ttyS0"), "usage: --allow: no such file, and no key"),
        (("tcp-listen:7000", "--baud", "9600"), "usage: --baud is for a serial port"),
        (("/dev/ttyS0?baud=9600", "--baud", "9600"), "usage: --baud is for a serial port"),
        (("/dev/ttyS0", "--baud", "7"), "usage: --baud is 50 to"),
        (("/dev/ttyS0?raise-baud=921600",), "usage: ?raise-baud= is the console's"),
        (("nonsense",), "no-such-target"),
        (("tcp-listen:7000", "--take-over"), "usage: --take-over is for a serial port"),
    ],
)
def test_what_makes_no_sense_is_refused(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert said in refusal(capsys, *words)


def test_an_agent_that_nobody_could_use_does_not_start(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    accounts = ("--accounts", str(tmp_path / "accounts"))
    said = refusal(capsys, "/dev/ttyS0", "--ephemeral", *accounts)
    assert "nobody could use this agent; give --allow KEY" in said
    assert "--set-password" in said
    said = refusal(capsys, "/dev/ttyS0", "--ephemeral", "--no-prompt", *accounts)
    assert "--set-password" not in said


def test_a_psk_that_others_can_read_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    psk = tmp_path / "psk"
    psk.write_text("guardpost-psk-1:" + "A" * 43 + "=\n")
    psk.chmod(0o644)
    options = ("--ephemeral", "--allow", KEY, "--psk", str(psk))
    assert "key-file" in refusal(capsys, str(tmp_path / "tty"), *options)


def test_a_password_comes_from_standard_input_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", NoTerminal("correct horse\n"))
    accounts = tmp_path / "accounts"
    assert main.main(["agent", "--set-password", "ann", "--accounts", str(accounts)]) == 0
    said = capsys.readouterr().err
    assert "ann may log in" in said
    assert "horse" not in said
    assert accounts.read_text().startswith("ann:$argon2id$")


def test_two_passwords_that_differ_change_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    typed = iter(["one", "two"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    accounts = tmp_path / "accounts"
    said = refusal(capsys, "--set-password", "ann", "--accounts", str(accounts))
    assert "differ" in said
    assert not Accounts(accounts).any()
