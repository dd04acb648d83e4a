"""Where audit lines end: real files and real sockets."""

import os
import re
import socket
import stat
import sys
from pathlib import Path

import pytest

from guardpost.agent import audit_sinks
from guardpost.agent.audit import Audit
from guardpost.agent.audit_sinks import AuditFile, is_journal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sockets and modes of POSIX")


def file(path: Path | None) -> AuditFile:
    return AuditFile(lambda: path, clock=lambda: 1_800_000_000.25)


def test_a_line_has_its_time_and_nobody_else_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "audit.log"
    sink = file(path)
    sink("a", False)
    sink("b", True)
    assert path.read_text() == "time=2027-01-15T08:00:00.250Z a\ntime=2027-01-15T08:00:00.250Z b\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    sink.close()
    file(path)("c", False)
    assert len(path.read_text().splitlines()) == 3


def test_a_file_that_was_moved_away_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    sink = file(path)
    sink("a", False)
    path.rename(tmp_path / "audit.log.1")
    sink("b", False)
    path.unlink()
    sink("c", False)
    assert "Z a" in (tmp_path / "audit.log.1").read_text()
    assert path.read_text().endswith("Z c\n")
    sink.close()


def test_no_file_is_no_error_and_another_one_may_be_wished_for(tmp_path: Path) -> None:
    path: Path | None = None
    sink = AuditFile(lambda: path)
    sink("nowhere", False)
    for name in ("one", "two"):
        path = tmp_path / name
        sink(name, False)
        assert path.read_text().endswith(f"Z {name}\n")
    sink.close()


def test_neither_a_link_nor_a_fifo_nor_a_folder_is_written_to(tmp_path: Path) -> None:
    target = tmp_path / "target"
    (tmp_path / "link").symlink_to(target)
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    try:
        for name in ("link", "fifo", "."):
            with pytest.raises(OSError):
                file(tmp_path / name)("x", False)
    finally:
        os.close(reader)
    assert not target.exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_raises_and_the_next_line_begins_anew(tmp_path: Path) -> None:
    """With RLIMIT_FSIZE, a disk that takes a part of a line."""
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from guardpost.agent.audit_sinks import AuditFile\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "path = Path(sys.argv[1]); sink = AuditFile(lambda: path)\n"
        "sink('first', False)\n"
        "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 7, hard))\n"
        "for _ in 'ab':\n"
        "    try: sink('lost', False)\n"
        "    except OSError: print('OSError')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\n"
        "sink('last', False)\n"
    )
    import subprocess

    path = tmp_path / "audit.log"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("OSError\nOSError\n", "")
    first, torn, last = path.read_text().splitlines()
    assert first.endswith("Z first")
    assert len(torn) == 7
    assert re.fullmatch(r"time=\S+Z last", last)


def listener(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(path))
    sock.settimeout(5)
    return sock


def test_the_journal_gets_fields(tmp_path: Path) -> None:
    with listener(tmp_path / "journal") as daemon:
        sink = audit_sinks.Journal(str(tmp_path / "journal"))
        sink('event=x name="ü"', True)
        fields = dict(line.split("=", 1) for line in daemon.recv(65536).decode().splitlines())
        assert fields == {
            "MESSAGE": 'event=x name="ü"',
            "PRIORITY": "4",
            "SYSLOG_FACILITY": "10",
            "SYSLOG_IDENTIFIER": "guardpost",
            "SYSLOG_PID": str(os.getpid()),
        }


def test_syslog_gets_a_line(tmp_path: Path) -> None:
    with listener(tmp_path / "log") as daemon:
        audit_sinks.Syslog(str(tmp_path / "log"))("event=x", False)
        line = daemon.recv(65536).decode()
        assert re.fullmatch(r"<86>[A-Z]\w\w [ \d]\d \d\d:\d\d:\d\d guardpost\[\d+\]: event=x", line)


def test_a_daemon_that_does_not_read_costs_lines_and_one_that_restarts_gets_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log"
    audit = Audit({"syslog": audit_sinks.Syslog(str(path))})
    audit.record("command", "begin", {"n": 1})  # nobody there yet
    with listener(path):
        for _ in range(5000):
            audit.record("command", "begin", {"n": 2})  # and nobody reads: must not wait
    path.unlink()
    with listener(path) as daemon:
        audit.record("command", "begin", {"n": 3})
        assert b"event=audit outcome=lost lines=" in daemon.recv(65536)
        assert b"n=3" in daemon.recv(65536)


def test_the_host_s_own_log_is_the_journal_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_sinks, "JOURNAL_SOCKET", str(tmp_path / "journal"))
    monkeypatch.setattr(audit_sinks, "SYSLOG_SOCKET", str(tmp_path / "log"))
    assert audit_sinks.system_sink() is None
    (tmp_path / "log").touch()
    found = audit_sinks.system_sink()
    assert found is not None
    assert found[0] == "syslog"
    (tmp_path / "journal").touch()
    found = audit_sinks.system_sink()
    assert found is not None
    assert found[0] == "the journal"


def test_a_stream_of_the_journal_is_known(tmp_path: Path) -> None:
    with open(tmp_path / "x", "wb") as stream:
        status = os.fstat(stream.fileno())
        ours = f"{status.st_dev}:{status.st_ino}"
        assert is_journal(stream.fileno(), ours)
        assert not is_journal(stream.fileno(), f"{ours}1")
        assert not is_journal(stream.fileno(), None)
