"""`guardpost key`, as a person and as a script meet it."""

import argparse
import json
from pathlib import Path

import pytest

from guardpost.cli import cmd_key
from guardpost.errors import KeyFileError, UsageError
from guardpost.identity import fingerprint, parse_public_key, public_key_text, words
from guardpost.trust.known_agents import KnownAgents

KEY = bytes([7] * 32)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's keys are touched by a test."""
    for name in ("XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "config"))
    return tmp_path / "config" / "guardpost"


def key(*words: str) -> int:
    parser = argparse.ArgumentParser()
    cmd_key.configure(parser)
    return cmd_key.run(parser.parse_args(words))


def test_the_public_key_alone_stands_on_standard_output(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert key() == 0
    first = capsys.readouterr()
    assert len(parse_public_key(first.out)) == 32
    assert str(home / "identity.key") in first.err
    assert key() == 0
    assert capsys.readouterr() == (first.out, "")


def test_another_identity_has_another_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key()
    key("--identity", str(tmp_path / "other.key"))
    ours, other = capsys.readouterr().out.split()
    assert ours != other
    assert (tmp_path / "other.key").exists()


def test_the_fingerprint_comes_with_words(capsys: pytest.CaptureFixture[str]) -> None:
    key()
    public = parse_public_key(capsys.readouterr().out)
    key("--fingerprint")
    assert capsys.readouterr().out == f"{fingerprint(public)} ({words(public)})\n"


def test_json_has_all_of_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key("--json")
    found = json.loads(capsys.readouterr().out)
    public = parse_public_key(found["public_key"])
    assert found == {
        "schema": 1,
        "public_key": public_key_text(public),
        "fingerprint": fingerprint(public),
        "words": words(public),
        "file": str(home / "identity.key"),
    }


def test_an_agent_is_forgotten_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = KnownAgents(home / "known_agents")
    known.remember("web01", KEY, ephemeral=False)
    assert key("--forget", "web01") == 0
    assert capsys.readouterr().out == f"forgot web01 {public_key_text(KEY)}\n"
    assert known.lookup("web01") is None
    assert not (home / "identity.key").exists()
    with pytest.raises(UsageError, match="web01"):
        key("--forget", "web01")


def test_forgetting_from_another_file_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agents"
    KnownAgents(path).remember("/dev/ttyS0", KEY, ephemeral=False)
    key("--known-agents", str(path), "--json", "--forget", "/dev/ttyS0")
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "forgotten": "/dev/ttyS0",
        "public_key": public_key_text(KEY),
    }


def test_a_malformed_identity_is_an_error_not_a_new_key(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    path.write_text("nonsense")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a guardpost identity"):
        key("--identity", str(path))
    assert path.read_text() == "nonsense"
