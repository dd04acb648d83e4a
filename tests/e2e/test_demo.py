"""`guardpost demo`, as a stranger meets it; on a quicker line than his, to save his time."""

import subprocess
import sys


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
    assert "PID" in shown
    assert "bytes of text copied in" in shown
    assert "bytes of text found equal in" in shown
    assert "[100000 bytes by HTTP" in shown
