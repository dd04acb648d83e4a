"""The agent's files, as its options name them."""

import logging
import os
import socket
import sys
from pathlib import Path

import pytest
from support.golden import CONSOLE, golden

from guardpost.agent import audit_sinks
from guardpost.agent.authorized import AuthorizedConsoles
from guardpost.cli import agent_files
from guardpost.errors import UsageError
from guardpost.identity import parse_public_key, places, public_key_text

KEY = bytes(range(32))


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--config: there is no"):
        agent_files.settings(str(tmp_path / "agent.toml"))
    standing = agent_files.settings(None).path
    assert standing == places.agent_settings(os.environ)


@pytest.mark.parametrize("text", ["", "/var/log/a\0b", "~nobody-of-that-name/audit"])
def test_what_is_no_path_is_said_at_once(text: str) -> None:
    settings = agent_files.settings(None)
    with pytest.raises(UsageError, match=r"--audit .*: that is no path of a file"):
        agent_files.audit(text, settings)
    with pytest.raises(UsageError, match=r"--config .*: that is no path of a file"):
        agent_files.settings(text)


def test_allowed_keys_have_the_roles_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text('[roles.web]\npermit = "shell"')
    (tmp_path / "agent.toml").chmod(0o600)
    settings = agent_files.settings(str(tmp_path / "agent.toml"))
    found = agent_files.authorized([f"role=web {public_key_text(KEY)}"], settings).lookup(KEY)
    assert found is not None
    assert str(found.permits) == "shell"


def test_the_option_counts_before_the_settings(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(f"audit = '{tmp_path / 'set'}'")
    (tmp_path / "agent.toml").chmod(0o600)
    settings = agent_files.settings(str(tmp_path / "agent.toml"))
    agent_files.audit(None, settings).record("command", "begin", {"n": 1})
    agent_files.audit(str(tmp_path / "given"), settings).record("command", "begin", {"n": 2})
    assert (tmp_path / "set").read_text().endswith("outcome=begin n=1\n")
    assert (tmp_path / "given").read_text().endswith("outcome=begin n=2\n")


@pytest.mark.skipif(sys.platform == "win32", reason="no journal there")
def test_the_journal_has_each_line_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = logging.getLogger("guardpost.audit")
    monkeypatch.setattr(log, "propagate", True)
    monkeypatch.setattr(audit_sinks, "JOURNAL_SOCKET", str(tmp_path / "journal"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "journal"))
        journal.settimeout(5)
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
        agent_files.audit(None, agent_files.settings(None)).record("command", "begin", {})
        assert b"MESSAGE=audit=1 event=command outcome=begin\n" in journal.recv(65536)
        assert log.propagate
        status = os.fstat(2)
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        agent_files.audit(None, agent_files.settings(None))
        assert not log.propagate


# --- what is baked into an executable ---


def permits(consoles: AuthorizedConsoles, key: str) -> str | None:
    found = consoles.lookup(parse_public_key(key))
    return str(found.permits) if found is not None else None


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a host's files, which are not there yet."""
    monkeypatch.setattr(places, "authorized_consoles", lambda environ: tmp_path / "authorized")
    monkeypatch.setattr(places, "agent_settings", lambda environ: tmp_path / "agent.toml")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def test_a_golden_configuration_needs_no_files(host: Path) -> None:
    settings = agent_files.settings(None, golden())
    consoles = agent_files.authorized([], settings, facts=golden())
    assert permits(consoles, CONSOLE) == "monitor"
    assert consoles.warnings == []


def test_files_of_the_host_count_before_it(host: Path) -> None:
    settings = agent_files.settings(None, golden())
    consoles = agent_files.authorized([], settings, facts=golden())
    write(host / "authorized", f'permit="exec=/usr/bin/id" {CONSOLE}\n')
    assert permits(consoles, CONSOLE) == "exec=/usr/bin/id"
    (host / "authorized").unlink()
    write(host / "agent.toml", "[limits]\nchannels = 3\n")
    assert settings.now().channels == 3
    assert permits(consoles, CONSOLE) is None  # the file's policy has no role "web"
    (host / "agent.toml").unlink()
    assert permits(consoles, CONSOLE) == "monitor"


def test_a_config_that_was_named_is_the_whole_policy(host: Path) -> None:
    write(host / "other.toml", "")
    settings = agent_files.settings(str(host / "other.toml"), golden())
    assert "web" not in settings.now().roles


def test_what_is_wrong_in_it_is_told_and_allows_nobody(host: Path) -> None:
    facts = golden(AUTHORIZED=f'role="web" {CONSOLE}\nnonsense\n', POLICY="roles = 1")
    consoles = agent_files.authorized([], agent_files.settings(None, facts), facts=facts)
    assert permits(consoles, CONSOLE) is None
    assert any("baked in:2: skipped" in warning for warning in consoles.warnings)
    assert any(
        "the policy that is baked in: roles is a table" in warning for warning in consoles.warnings
    )
