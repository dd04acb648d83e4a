"""The agent's files, as its options name them."""

import logging
import os
import socket
import sys
from pathlib import Path

import pytest

from guardpost.agent import audit_sinks
from guardpost.cli import agent_files
from guardpost.errors import UsageError
from guardpost.identity import places, public_key_text

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
