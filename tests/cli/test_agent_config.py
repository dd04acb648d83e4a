"""Who says what an agent is started with, and a dump that says the same again."""

import argparse
import types
from pathlib import Path

import pytest

from guardpost.agent.settings import STARTING, parse_settings
from guardpost.baked import Facts
from guardpost.cli import agent_config, main
from guardpost.identity import ephemeral

KEY = ephemeral(lambda count: b"k" * count).public_key


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "agent.toml"


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


def dump(capsys: pytest.CaptureFixture[str], file: Path, *words: str) -> str:
    """What `guardpost agent --dump-config` prints; the host's own keys play no part."""
    accounts = ("--accounts", str(file.with_name("accounts")))
    assert main.main(["agent", "--dump-config", "--config", str(file), *accounts, *words]) == 0
    return capsys.readouterr().out


def line(dumped: str, name: str) -> str:
    return next(each for each in dumped.splitlines() if f"{name} = " in each)


def test_there_is_a_default_for_every_setting() -> None:
    assert {*agent_config.DEFAULTS} == {*STARTING}


def test_the_command_line_counts_before_the_file_and_the_file_before_nothing(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    write(file, 'port = "/dev/ttyS1"\nbaud = 57600\ntake-over = true\nprompt = false')
    dumped = dump(capsys, file, "--baud", "9600", "--no-take-over")
    assert line(dumped, "port") == f'port = "/dev/ttyS1"  # {file}'
    assert line(dumped, "baud") == "baud = 9600  # command line"
    assert line(dumped, "take-over") == "take-over = false  # command line"
    assert line(dumped, "quiet-kernel") == "quiet-kernel = false  # default"
    assert "# no text prompt" in dumped


def test_a_rescue_system_takes_no_port_from_others(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    write(file, f'take-over = true\nprompt = false\nidentity = "{file.with_name("none")}"')
    dumped = dump(capsys, file, "--recovery")
    assert line(dumped, "take-over") == "take-over = false  # default"
    assert "# identity: ephemeral, a new key at each start" in dumped.splitlines()
    assert line(dumped, "prompt") == f"prompt = false  # {file}"


def test_a_rescue_system_asks_for_no_psk_that_the_command_line_replaces(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    write(file, f'psk = "{file.with_name("none")}"')
    here = str(file.with_name("psk"))
    assert line(dump(capsys, file, "--recovery", "--psk", here), "psk").startswith(
        f'psk = "{here}"'
    )


def test_a_dump_is_an_agent_toml_that_says_the_same(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    write(
        file,
        """
        port = "/dev/serial/by-id/\\u0041 B"
        baud = 57600
        psk = "/etc/guardpost/psk"
        raise-baud = false
        audit = "/var/log/audit of guardpost"
        [roles.web]
        permit = "monitor,exec=/usr/bin/id"
        [limits]
        channels = 7
        """,
    )
    dumped = dump(capsys, file, "--quiet-kernel", "--identity", "/root/a.key")
    again, before = parse_settings(dumped), parse_settings(file.read_text())
    assert again.starting == {
        **before.starting,
        **{"quiet-kernel": True, "identity": "/root/a.key", "take-over": False, "prompt": True},
    }
    assert (again.roles, again.audit, again.channels) == (
        *(before.roles, before.audit, before.channels),
    )


@pytest.mark.parametrize("name", ["/dev/serial/by-id/\U0001f50c", '/dev/a\x7f\\"\t\x01\u2028ü'])
def test_any_text_comes_back_from_a_dump(
    capsys: pytest.CaptureFixture[str], file: Path, name: str
) -> None:
    write(file, "")
    assert parse_settings(dump(capsys, file, "--psk", name)).starting["psk"] == name


def test_a_name_that_is_no_text_is_in_no_agent_toml(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    write(file, "")
    words = ("--dump-config", "--config", str(file), "--psk", "/srv/\udcff")
    assert main.main(["agent", *words]) == 255
    assert r'agent.toml is UTF-8, and "/srv/\xff" is not' in capsys.readouterr().err


def test_a_dump_has_whole_paths(
    capsys: pytest.CaptureFixture[str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, "")
    monkeypatch.chdir(file.parent)
    monkeypatch.setenv("HOME", str(file.parent))
    dumped = dump(capsys, file, "--psk", "secret", "--identity", "~/a.key", "--audit", "log")
    said = parse_settings(dumped)
    assert said.starting["psk"] == str(file.with_name("secret"))
    assert said.starting["identity"] == str(file.with_name("a.key"))
    assert said.audit == file.with_name("log")


def test_a_dump_tells_of_a_key_that_is_in_no_file(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    write(file, "")
    for option in ("--ephemeral", "--recovery"):
        dumped = dump(capsys, file, option)
        assert "# identity: ephemeral, a new key at each start" in dumped.splitlines()
        assert "identity.key" not in dumped
    args = argparse.Namespace(identity=None, ephemeral=False, recovery=True)
    source = types.ModuleType("guardpost._baked")
    vars(source).update(IDENTITY_SEED="ab" * 32)
    assert agent_config.identity_line(args, Facts(source)) == "# identity: baked in"


def test_a_dump_names_who_may_come_in_and_tells_no_secret(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    write(file, "")
    write(file.with_name("accounts"), "ann:$argon2id$v=19$secret\n")
    dumped = dump(capsys, file, "--allow", f'permit="monitor" {KEY} the \x1b[31m desk')
    assert "--allow: monitor (the " in dumped
    assert "# text prompt, for: ann" in dumped
    assert "secret" not in dumped
    assert "\x1b" not in dumped


def test_a_doubtful_file_starts_no_agent(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    write(file, 'psk = "/etc/guardpost/psk"\n[roles.web]\npermits = "monitor"')
    for words in (("--dump-config",), ("--allow", KEY, "--ephemeral", "/dev/null")):
        assert main.main(["agent", "--config", str(file), *words]) == 255
        assert f"usage: {file}: there is no setting of [roles.web]" in capsys.readouterr().err


def test_what_makes_no_sense_in_the_file_is_refused_as_on_the_command_line(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    write(file, 'port = "tcp-listen:7000"\ntake-over = true')
    assert main.main(["agent", "--config", str(file), "--allow", KEY]) == 255
    assert "usage: --take-over is for a serial port" in capsys.readouterr().err
