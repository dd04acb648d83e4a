"""agent.toml: what it may say, and that nobody gains by what is wrong in it."""

import contextlib
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.agent.permits import EVERYTHING, Permits
from guardpost.agent.settings import STARTING, Settings, SettingsFile, read_settings
from guardpost.errors import UsageError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "agent.toml"


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)


def test_all_that_can_be_set(file: Path) -> None:
    write(
        file,
        """
        port = "/dev/ttyS1"
        baud = 57600
        identity = "/root/agent.key"
        psk = "/root/psk"
        prompt = false
        take-over = true
        quiet-kernel = true
        raise-baud = false
        audit = "/var/log/guardpost/audit.log"
        [roles.web]
        permit = "monitor, exec=/usr/bin/systemctl"
        [roles.nothing]
        [limits]
        channels = 3
        """,
    )
    settings = read_settings(file)
    assert settings.audit == Path("/var/log/guardpost/audit.log")
    assert settings.channels == 3
    assert {*settings.starting} == {*STARTING}
    assert settings.starting["port"] == "/dev/ttyS1"
    assert settings.starting["prompt"] is False
    assert settings.roles == {
        "monitor": Permits.parse("monitor"),
        "full": EVERYTHING,
        "web": Permits.parse("monitor,exec=/usr/bin/systemctl"),
        "nothing": Permits(),
    }


def test_without_a_file_there_are_two_roles(file: Path) -> None:
    for path in (None, file):
        settings = SettingsFile(path)
        assert {*settings.now().roles} == {"monitor", "full"}
        assert settings.now().channels == 1024
        assert settings.now().audit is None
        assert settings.warnings == []


def test_it_is_known_where_the_settings_stand(file: Path) -> None:
    assert SettingsFile(None).source == ""
    settings = SettingsFile(file, without="baud = 9600")
    assert settings.at_start().starting == {"baud": 9600}
    assert settings.source == "baked in"
    write(file, "baud = 19200")
    assert settings.at_start().starting == {"baud": 19200}
    assert settings.source == str(file)


@pytest.mark.parametrize("text", ["", "# baud = 19200\n"])
def test_a_file_that_sets_nothing_counts_as_none(file: Path, text: str) -> None:
    settings = SettingsFile(file, without="baud = 9600")
    write(file, text)
    assert settings.at_start().starting == {"baud": 9600}
    assert settings.source == "baked in"
    write(file, "[roles]\n")
    assert settings.at_start().starting == {}, "whoever wants none of it says so"
    assert settings.source == str(file)


def test_a_role_of_the_house_can_be_set_otherwise(file: Path) -> None:
    write(file, '[roles.full]\npermit = "monitor"')
    assert read_settings(file).roles["full"] == Permits.parse("monitor")


@pytest.mark.parametrize(
    "text",
    [
        *("roles", "[roles", "x = 1", "audit = 1", 'audit = "relative"', "roles = 1"),
        *(r'audit = "/var/log/a\u0000b"',),
        *("[roles]\nweb = 1", '[roles.web]\npermits = "monitor"', "[roles.web]\npermit = 1"),
        *('[roles.web]\npermit = "monitr"', '[roles."a b"]\npermit = "monitor"'),
        *("port = 1", 'port = ""', 'baud = "fast"', "baud = 7", "baud = true", 'psk = "x"'),
        *("take-over = 1", 'prompt = "no"', "quiet_kernel = true", 'identity = ""'),
        *("baud = 20000001", f"baud = 0x{'f' * 5000}"),
        *("[limits]\nchannels = 0", "[limits]\nchannels = 1025", "[limits]\nchannels = true"),
        *('[limits]\nchannels = "3"', "[limits]\nfiles = 3", "limits = 3", "[consoles]"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_allows_nobody(file: Path, text: str) -> None:
    write(file, text)
    with pytest.raises(UsageError) as wrong:
        read_settings(file)
    assert str(wrong.value).startswith(str(file))
    assert str(wrong.value).isprintable()
    settings = SettingsFile(file)
    assert settings.now() == Settings({})
    assert len(settings.warnings) == 1
    with pytest.raises(UsageError):
        settings.at_start()


def test_a_file_is_read_again_when_it_changes(file: Path) -> None:
    settings = SettingsFile(file)
    write(file, '[roles.web]\npermit = "monitor"')
    assert settings.now().roles["web"] == Permits.parse("monitor")
    write(file, '[roles.web]\npermit = "shell"')
    assert settings.now().roles["web"] == Permits.parse("shell")
    write(file, "[roles.web")
    assert settings.now().roles == {}
    file.unlink()
    assert "web" not in settings.now().roles
    assert settings.warnings == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_a_file_that_others_may_write_allows_nobody(file: Path) -> None:
    write(file, '[roles.web]\npermit = "monitor"')
    file.chmod(0o666)
    settings = SettingsFile(file)
    assert settings.now().roles == {}
    assert "chmod go-w" in settings.warnings[0]


@given(st.text(max_size=60))
def test_any_text_is_settings_or_a_usage_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(text.encode("utf-8", "replace"))
    file.chmod(0o600)
    with contextlib.suppress(UsageError):
        read_settings(file)
