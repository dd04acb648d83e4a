"""`guardpost policy check`: the agent's own verdict, explained."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from guardpost.cli.main import main
from guardpost.identity import fingerprint, public_key_text

ADA, BOB, EVE = (bytes([each] * 32) for each in (1, 2, 3))


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    keys = tmp_path / "keys"
    keys.write_text(
        f"role=web {public_key_text(ADA)} ada@desk\n"
        f'permit="monitor,file-read=/var/log" {public_key_text(BOB)} bob\n'
        f"role=gone {public_key_text(EVE)} eve\x1b[2J\n"
    )
    config = tmp_path / "agent.toml"
    config.write_text('[roles.web]\npermit = "monitor,exec=/bin/sh,forward=*:443,listen=[::1]:80"')
    for each in (keys, config):
        each.chmod(0o600)
    return ("--allow", str(keys), "--config", str(config))


@pytest.mark.parametrize(
    "key, action, code",
    [
        *[("ada@desk", action, 0) for action in ("monitor", "exec=/bin/sh -c x", "forward=h:443")],
        *[("ada@desk", action, 0) for action in ("forward=[::1]:443", "listen=[::1]:80")],
        *[("ada@desk", action, 1) for action in ("shell", "admin", "exec=/bin/bash", "exec=./sh")],
        *[("ada@desk", action, 1) for action in ("forward=h:80", "forward=/run/x", "listen=*:80")],
        *[("bob", action, 0) for action in ("file-read=/var/log/x", "monitor")],
        *[("bob", action, 1) for action in ("file-write=/var/log/x", "file-read=/var/log/../x")],
        (public_key_text(ADA), "monitor", 0),
        (fingerprint(ADA), "monitor", 0),
        (public_key_text(EVE), "monitor", 1),
        (public_key_text(bytes(32)), "monitor", 1),
    ],
)
def test_the_exit_code_is_the_verdict(
    files: tuple[str, ...], key: str, action: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "check", key, action, *files]) == code
    said = capsys.readouterr().out
    assert said.startswith("allowed: " if code == 0 else "denied: ")
    assert all(line.isprintable() for line in said.splitlines())


def test_it_says_by_what(files: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    main(["policy", "check", "ada@desk", "forward=10.0.0.1:443", *files])
    assert capsys.readouterr().out == (
        "allowed: forward to this address is permitted\n"
        "  action   forward=10.0.0.1:443\n"
        f"  key      {fingerprint(ADA)}\n"
        "  comment  ada@desk\n"
        f"  line     {files[1]}:1\n"
        "  role     web\n"
        "  by       forward=*:443\n"
    )
    main(["policy", "check", "bob", "file-read=/var/log/x", *files])
    assert "  within   /var/log\n" in capsys.readouterr().out
    main(["policy", "check", "bob", "shell", *files])
    assert "  permits  monitor,file-read=/var/log\n" in capsys.readouterr().out
    main(["policy", "check", public_key_text(EVE), "shell", *files])
    said = capsys.readouterr()
    assert said.out.startswith(f"denied: there is no role 'gone' ({files[1]}:3)\n")
    assert "nobody is allowed by it: there is no role 'gone'" in said.err


def test_a_program_is_found_as_the_agent_finds_it(
    files: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/bin")
    assert main(["policy", "check", "ada@desk", "exec=sh -c x", *files]) == 0
    assert "action   exec=/bin/sh -c x\n" in capsys.readouterr().out


def test_json(files: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", "bob", "file-read=/var/log/x", "--json", *files]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "allowed": True,
        "reason": "file-read of this path is permitted",
        "action": "file-read=/var/log/x",
        "key": public_key_text(BOB),
        "fingerprint": fingerprint(BOB),
        "comment": "bob",
        "where": f"{files[1]}:2",
        "role": "",
        "permits": ["monitor", "file-read=/var/log"],
        "by": ["file-read=/var/log"],
        "roots": ["/var/log"],
    }
    stranger = public_key_text(bytes(32))
    assert main(["policy", "check", stranger, "shell", "--json", *files]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["allowed"], answer["permits"], answer["where"]) == (False, [], None)


@pytest.mark.parametrize(
    "words",
    [
        *(["check"], ["show", "bob", "shell"], ["check", "bob"]),
        *(["check", "nobody", "shell"], ["check", "", "shell"], ["check", "SHA256:x", "shell"]),
        *(["check", "bob", action] for action in ("sudo", "", "shell=x", "exec", "exec=")),
        ["check", "bob", "monitor=x"],
        *(["check", "bob", action] for action in ("forward=h", "forward=:1", "forward=h:x")),
        *(["check", "bob", action] for action in ("exec='", "exec=''", "file-read", "listen=80")),
    ],
)
def test_what_cannot_be_answered_is_an_error_and_no_verdict(
    files: tuple[str, ...], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", *words, *files]) == 255
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("guardpost: usage: ")


def test_no_comment_means_no_key(files: tuple[str, ...]) -> None:
    assert main(["policy", "check", "", "shell", *files, "--allow", public_key_text(ADA)]) == 255


def test_a_comment_of_two_keys_is_none(
    files: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--allow", f"{public_key_text(bytes(32))} bob")
    assert main(["policy", "check", "bob", "shell", *files, *more]) == 255
    assert fingerprint(BOB) in capsys.readouterr().err


def test_a_process_of_its_own_answers(files: tuple[str, ...]) -> None:
    command = shutil.which("guardpost", path=os.path.dirname(sys.executable))
    assert command
    asked = [command, "policy", "check", "bob", "shell", *files]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout.startswith("denied: shell is not permitted\n")
