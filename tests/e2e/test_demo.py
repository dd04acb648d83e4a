"""`guardpost demo`, as a stranger meets it; on a quicker line than his, to save his time."""

import os
import pty
import select
import subprocess
import sys
import time


def test_the_demo_shows_everything_and_ends_by_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "guardpost", "demo", "--baud", "460800"],
        capture_output=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    shown = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert done.stderr.decode().startswith("guardpost: made a new identity")
    assert done.stderr.count(b"\n") == 1
    assert "hello from" in shown
    assert "exit code 7" in shown
    assert "/dev/pts/" in shown
    assert "exit code 5" in shown
    assert "PID" in shown
    assert "bytes of text copied in" in shown
    assert "bytes of text found equal in" in shown
    assert "[100000 bytes by HTTP" in shown


def test_the_demo_may_be_a_shell() -> None:
    master, slave = pty.openpty()
    words = [sys.executable, "-m", "guardpost", "demo", "--baud", "460800", "--shell"]
    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown, deadline = b"", time.monotonic() + 60
    os.write(master, b"echo in the sh''ell; exit\n")
    while b"in the shell" not in shown:
        ready = select.select([master], [], [], max(0.0, deadline - time.monotonic()))[0]
        assert ready, shown
        shown += os.read(master, 65536)
    assert process.wait(30) == 0
    os.close(master)
