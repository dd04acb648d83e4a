"""The audit's lines as real daemons keep them: busybox's syslogd, and systemd's journald.

Each runs in a mount namespace of its own, so that nobody else's lines get there.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.tools import need

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces of Linux")

JOURNALD = Path("/lib/systemd/systemd-journald")

RECORD = """
from guardpost.agent.audit import Audit
from guardpost.agent.audit_sinks import system_sink
audit = Audit(dict([system_sink()]))
audit.record("channel", "end", {"name": "ann \\x1b[2J ü", "status": 0})
audit.refuse("channel", {"name": "eve"})
"""
LINES = [
    r'audit=1 event=channel outcome=end name="ann \x1b[2J ü" status=0',
    "audit=1 event=channel outcome=refused name=eve",
]


def apart(script: str, folder: Path) -> str:
    """What `script` prints, run by sh where mounts are nobody else's; $1 is `folder`, and
    record() writes LINES."""
    unshare = need("unshare")
    if os.geteuid() != 0:
        pytest.skip("needs root, for a mount namespace")
    (folder / "record.py").write_text(RECORD)
    whole = f'record() {{ "{sys.executable}" "$1/record.py" 2>/dev/null; }}\n{script}'
    words = [unshare, "-m", "sh", "-euc", whole, "sh", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_syslogd_keeps_them(tmp_path: Path) -> None:
    script = f"""
        mkdir "$1/dev"; mount -t tmpfs none "$1/dev"
        for each in null urandom; do
            touch "$1/dev/$each"; mount --bind "/dev/$each" "$1/dev/$each"
        done
        mount --rbind "$1/dev" /dev
        {need("busybox")} syslogd -n -O "$1/log" & daemon=$!
        until [ -S /dev/log ]; do sleep 0.05; done
        record "$1"
        until grep -q eve "$1/log"; do sleep 0.05; done
        kill $daemon; cat "$1/log"
    """
    kept = [line for line in apart(script, tmp_path).splitlines() if "guardpost[" in line]
    assert [line.split("]: ")[1] for line in kept] == LINES
    assert "authpriv.info guardpost[" in kept[0]
    assert "authpriv.warn guardpost[" in kept[1]


@pytest.mark.slow
def test_journald_keeps_them(tmp_path: Path) -> None:
    journalctl = need("journalctl")
    script = f"""
        mount -t tmpfs none /run; mkdir -p /run/systemd/journal /run/log/journal
        {JOURNALD} & daemon=$!
        until [ -S /run/systemd/journal/socket ]; do sleep 0.05; done
        record "$1"
        # (It takes the kernel's log, too, where agents of this machine may have said who they are.)
        show() {{
            {journalctl} -D /run/log/journal/* -t guardpost _TRANSPORT=journal -o json --no-pager
        }}
        until show | grep -q eve; do sleep 0.05; done
        kill $daemon; show
    """
    kept = [json.loads(line) for line in apart(script, tmp_path).splitlines()]
    assert [entry["MESSAGE"] for entry in kept] == LINES
    assert [entry["PRIORITY"] for entry in kept] == ["6", "4"]
    assert {entry["SYSLOG_FACILITY"] for entry in kept} == {"10"}
