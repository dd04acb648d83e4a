"""A command whose standard streams were closed works, and says what it has to say to nobody."""

import subprocess
import sys

import pytest

SEEN = (
    "import os, sys; from guardpost.cli import standard_streams as s; s.fill_in();"
    "taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(2)];"
    "print('out'); print('err', file=sys.stderr); sys.stdout.flush();"
    "sys.exit(0 if min(taken) > 2 and sys.stdin.read() == '' else 1)"
)


@pytest.mark.skipif(sys.platform == "win32", reason="sh closes them")
@pytest.mark.parametrize(
    ("closed", "out", "err"),
    [("<&-", b"out\n", b"err\n"), (">&-", b"", b"err\n"), ("<&- 2>&-", b"out\n", b"")],
)
def test_what_is_closed_becomes_the_null_device(closed: str, out: bytes, err: bytes) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {closed}', sys.executable, "-c", SEEN],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, out, err)
