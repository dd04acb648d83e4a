"""The control socket: a line in, a line out, and nobody can block the simulator with it."""

import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardpost.errors import UsageError
from guardpost.linecontrol import LineControl


def command(line: str) -> str:
    if line == "bad":
        raise UsageError("no such command")
    return f"done {line}"


@pytest.fixture
def control(tmp_path: Path) -> Iterator[LineControl]:
    control = LineControl(str(tmp_path / "control"), command)
    yield control
    control.close()
    assert not (tmp_path / "control").exists()


def serve(control: LineControl) -> None:
    while readable := select.select(control.descriptors(), [], [], 0)[0]:
        for descriptor in readable:
            control.serve(descriptor)


def dial(tmp_path: Path) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(str(tmp_path / "control"))
    return peer


def test_each_line_gets_its_answer(control: LineControl, tmp_path: Path) -> None:
    with dial(tmp_path) as peer:
        peer.sendall(b"mute 6\nbad\nra")
        serve(control)
        assert peer.recv(1000) == b"done mute 6\nerror: no such command\n"
        peer.sendall(b"te 5\n")
        serve(control)
        assert peer.recv(1000) == b"done rate 5\n"


def test_a_peer_that_leaves_or_never_ends_its_line_is_let_go(
    control: LineControl, tmp_path: Path
) -> None:
    with dial(tmp_path):
        serve(control)
        assert len(control.descriptors()) == 2
    serve(control)
    assert len(control.descriptors()) == 1
    with dial(tmp_path) as peer:
        peer.sendall(bytes(10_000))
        serve(control)
        assert len(control.descriptors()) == 1


def test_a_name_that_is_taken_is_refused(control: LineControl, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="another name"):
        LineControl(str(tmp_path / "control"), command)


def test_a_peer_that_reads_no_answers_does_not_hold_up_the_line(
    control: LineControl, tmp_path: Path
) -> None:
    with dial(tmp_path) as peer:
        for _ in range(400):
            peer.sendall(b"mute 6\n" * 500)
            serve(control)
    serve(control)
    assert len(control.descriptors()) == 1
