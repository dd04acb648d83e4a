"""hosts.toml: a table per host, and a clear word for what is wrong in it."""

import sys
from pathlib import Path

import pytest

from guardpost.cli import hosts
from guardpost.cli.hosts import Host, is_address, lookup, resolve
from guardpost.cli.main import COMMANDS
from guardpost.errors import NoSuchTarget, UsageError

WEB = """
[web01]
line = "tcp:console:7001"
agent_key = "KEY"
identity = "~/web.key"
forwards = ["8080:127.0.0.1:80"]
profile = "console"
password_command = "pass show web01"
"""


def written(path: Path, text: str) -> list[Path]:
    path.write_text(text, encoding="utf-8")
    return [path]


def test_a_host_is_a_table(tmp_path: Path) -> None:
    files = written(tmp_path / "hosts.toml", WEB)
    assert lookup("web01", files) == Host(
        "web01",
        "tcp:console:7001",
        "KEY",
        "~/web.key",
        ("8080:127.0.0.1:80",),
        "console",
        "pass show web01",
    )
    assert lookup("web02", files) is None
    assert lookup("web01", [tmp_path / "none.toml"]) is None


def test_the_user_s_file_stands_before_the_system_s(tmp_path: Path) -> None:
    files = [
        *written(tmp_path / "user.toml", '[a]\nline = "/dev/a1"\n'),
        *written(tmp_path / "system.toml", '[a]\nline = "/dev/a2"\n[b]\nline = "COM3"\n'),
    ]
    assert [each.line for each in hosts.load(files).values()] == ["/dev/a1", "COM3"]


def test_a_target_is_a_name_or_an_address(tmp_path: Path) -> None:
    files = written(tmp_path / "hosts.toml", WEB)
    assert resolve("web01", files).line == "tcp:console:7001"
    assert resolve("/dev/ttyUSB0?baud=9600", files) == Host(*["/dev/ttyUSB0?baud=9600"] * 2)
    with pytest.raises(NoSuchTarget, match=r"'web1' .* \(did you mean 'web01'\?\)"):
        resolve("web1", files)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("tcp:h:1", True), ("./pty", True), ("com1", True), ("COMMON", False), ("web01", False)],
)
def test_an_address_is_known_by_its_form(word: str, expected: bool) -> None:
    assert is_address(word) is expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[exec]\nline = '/dev/a'", r"\[exec\]: a host may not bear a command's name"),
        ("['a/b']\nline = '/dev/a'", "holds no ':' or '/'"),
        ("line = '/dev/a'", "stands outside a table"),
        ("[a]\nlime = '/dev/a'", r"unknown field 'lime' \(did you mean 'line'\?\)"),
        ("[a]\nline = 7", "line must be a text"),
        ("[a]\nline = '/dev/a'\nforwards = '80:h:80'", "forwards must be a list of texts"),
        ("[a]\nagent_key = 'K'", "line must be an address"),
        ("[a]\nline = 'ttyUSB0'", "line must be an address"),
        ("[a", r"hosts\.toml: Expected"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        hosts.load(written(tmp_path / "hosts.toml", text))


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"hosts\.toml: .*decode"):
        hosts.load([tmp_path / "hosts.toml"])


def test_every_command_s_name_is_reserved() -> None:
    assert {each.name for each in COMMANDS} <= hosts.RESERVED_NAMES


def test_the_file_stands_beside_the_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPDATA" if sys.platform == "win32" else "XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "guardpost").mkdir()
    written(tmp_path / "guardpost" / "hosts.toml", WEB)
    assert resolve("web01").line == "tcp:console:7001"
