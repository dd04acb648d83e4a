"""`guardpost line` as a user types it."""

import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from guardpost.cli import cmd_line
from guardpost.linefaults import Faults


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    cmd_line.configure(parser)
    return parser.parse_args(["A", "B", *words])


def test_speeds_are_bits_and_become_bytes() -> None:
    assert parsed().baud == 11520
    assert parsed("--baud", "9600").baud == 960
    assert parsed("--baud", "unlimited").baud is None
    assert parsed("--baud-back", "unlimited").baud_back is None


def test_every_fault_has_its_option() -> None:
    args = parsed(
        *("--loss", "1e-4", "--flip", "0.5", "--burst", "0.1", "--dup", "0.2", "--hole", "0.3"),
        *("--mute", "1,6", "--mute", "20,1", "--rate-at", "3=9600", "--eat", "00,11,13"),
        *("--delay", "0.2", "--coalesce", "0.016", "--drop-buffer", "2048"),
    )
    assert cmd_line._faults(args) == Faults(
        loss=1e-4,
        flip=0.5,
        burst=0.1,
        dup=0.2,
        hole=0.3,
        mutes=((1.0, 6.0), (20.0, 1.0)),
        rate_changes=((3.0, 960.0),),
        eat=frozenset({0, 0x11, 0x13}),
        delay=0.2,
        coalesce=0.016,
        drop_buffer=2048,
    )


@pytest.mark.parametrize(
    "words",
    ["--loss 2", "--baud 0", "--baud fast", "--mute 6", "--rate-at 3", "--eat zz", "--delay -1"],
)
def test_a_wrong_value_is_refused(words: str) -> None:
    with pytest.raises(argparse.ArgumentError):
        parsed(*words.split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_told_to_stop_and_leaves_nothing(
    number: signal.Signals, tmp_path: Path
) -> None:
    a, b = tmp_path / "A", tmp_path / "B"
    with subprocess.Popen(
        [sys.executable, "-m", "guardpost", "line", a, b, "--stats"],
        stdout=subprocess.PIPE,
        text=True,
    ) as line:
        assert line.stdout is not None
        assert line.stdout.readline() == f"{a} {b}\n"
        assert a.is_char_device()
        line.send_signal(number)
        assert json.loads(line.stdout.read())["schema"] == 1
    assert line.returncode == 0
    assert not list(tmp_path.iterdir())


def test_a_taken_name_is_one_line_of_error(tmp_path: Path) -> None:
    (tmp_path / "A").touch()
    ended = subprocess.run(
        [sys.executable, "-m", "guardpost", "line", tmp_path / "A", tmp_path / "B"],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 255
    assert ended.stderr.startswith("guardpost: usage:")
    assert len(ended.stderr.splitlines()) == 1
