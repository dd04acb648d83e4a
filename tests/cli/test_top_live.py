"""`guardpost top` as a process on a terminal: what it shows, and how it leaves that terminal."""

import argparse
import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from support import commands

if sys.platform == "win32":
    pytest.skip("Windows prints instead", allow_module_level=True)

import fcntl
import struct
import termios

from guardpost.cli.process_tree import branches_for
from guardpost.cli.screen import ENTER, LEAVE
from guardpost.cli.top_live import LiveTop
from guardpost.cli.top_model import Shown
from guardpost.cli.top_view import Asking, TopView
from guardpost.services.processes import Process

PATIENCE_SECONDS = 30


class Person:
    """Sits at a terminal of 80x24 at which `guardpost top` runs."""

    def __init__(self, leader: int, process: "subprocess.Popen[bytes]") -> None:
        self.leader = leader
        self.process = process
        self.seen = b""

    def types(self, text: bytes) -> None:
        self.seen = b""
        os.write(self.leader, text)

    def sees(self, wanted: bytes) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while wanted not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"no {wanted!r} in {self.seen[-2000:]!r}"
            if select.select([self.leader], [], [], left)[0]:
                self.seen += os.read(self.leader, 65536)

    def resizes(self, columns: int, rows: int) -> None:
        self.seen = b""
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@contextlib.contextmanager
def person(*options: str, term: str = "xterm-256color") -> Iterator[Person]:
    leader, follower = os.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(follower)
    os.environ["TERM"], old = term, os.environ.get("TERM", "dumb")
    try:
        process = commands.command(
            *("top", "web01", "-d", "0.3", *options),
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            # As a shell does, so that the terminal tells it of a new size.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
    finally:
        os.environ["TERM"] = old
    try:
        yield Person(leader, process)
        assert termios.tcgetattr(follower) == before, "the terminal was left changed"
    finally:
        process.kill()
        process.wait()
        os.close(leader)
        os.close(follower)


class Pieces:
    """A terminal whose keys come in pieces, and that is gone after them."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [*pieces]

    async def read(self, limit: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def typed(*pieces: bytes, lost: str = "") -> tuple[LiveTop, TopView]:
    view = TopView(branches_for("ascii"))
    view.arrange([Shown(Process(pid, name="x", started=1.0)) for pid in range(5)])

    async def story() -> LiveTop:
        live = LiveTop(argparse.Namespace(delay=1.0, target="web01"), view)
        live._end = Pieces(*pieces)
        if lost:
            live._on_lost(lost)
        await live._read_keys()
        return live

    return asyncio.run(story()), view


def test_an_arrow_that_comes_in_pieces_is_one_key() -> None:
    _, view = typed(b"/", b"\x1b", b"[C", b"a\x1b[", b"D", b"\x1bO", b"P")
    assert (view.asking, view.typed) == (Asking.FILTER, "a")
    _, view = typed(b"/a\r\x1b", b"[B")
    assert (view.filter, view.place, view.sort) == ("a", 1, "cpu")


def test_what_happens_to_the_line_is_said_in_the_page_until_the_next_refresh(capfd) -> None:
    live, _ = typed(b"h")
    live._tell("the line has gone\x1b[2J; the session waits")
    assert live._status() == "the line has gone\\x1b[2J; the session waits"
    assert capfd.readouterr() == ("", "")


def test_what_is_wished_while_the_line_is_away_is_not_done_later() -> None:
    live, _ = typed(b"k\r", lost="the line has gone")
    assert live._wishes.empty()
    assert live._status() == "not done: the line is away"
    live, _ = typed(b"k\rx", lost="the line has gone")
    assert live._status() == "the line has gone; waiting for the agent"
    live._said = "process 1 has got TERM"
    live._on_lost("it has gone")
    assert live._status() == "it has gone; waiting for the agent", "news come first"


def test_a_page_keys_another_size_and_the_way_out() -> None:
    with person() as ann:
        ann.sees(ENTER)
        ann.sees(b"COMMAND")
        ann.sees(b"every 0.3 s")
        ann.types(b"h")
        ann.sees(b"Any key goes back.")
        ann.types(b"x")
        ann.sees(b"COMMAND")
        ann.resizes(50, 10)
        ann.sees(b"\x1b[10H")
        assert b"\x1b[11H" not in ann.seen
        ann.types(b"q")
        ann.sees(LEAVE)
        assert ann.process.wait(PATIENCE_SECONDS) == 0


def test_a_process_is_niced_and_killed_from_the_list() -> None:
    mark = f"guardpost-victim-{os.getpid()}"
    with subprocess.Popen(["sh", "-c", f": {mark}; read x"], stdin=-1) as victim:
        with person("--filter", f": {mark}") as ann:
            ann.sees(f"{victim.pid}".encode())
            ann.types(b"n")
            ann.sees(f"nice value for {victim.pid}".encode())
            ann.types(b"\x154\r")
            ann.sees(b"has the nice value 4")
            assert os.getpriority(os.PRIO_PROCESS, victim.pid) == 4
            ann.types(b"k")
            ann.sees(f"signal for {victim.pid}".encode())
            ann.types(b"\x1b")
            ann.sees(b"every 0.3 s")
            ann.types(b"k\x15NONSENSE\r")
            ann.sees(b"unknown-signal: ")
            assert victim.poll() is None
            ann.types(b"k\r")
            ann.sees(b"has got TERM")
            assert victim.wait(PATIENCE_SECONDS) == -signal.SIGTERM
            ann.types(b"q")
            assert ann.process.wait(PATIENCE_SECONDS) == 0


@pytest.mark.parametrize(
    "leave", [lambda ann: ann.types(b"\x03"), lambda ann: ann.process.send_signal(signal.SIGTERM)]
)
def test_ctrl_c_and_sigterm_leave_the_terminal_as_it_was(leave) -> None:
    with person() as ann:
        ann.sees(b"COMMAND")
        leave(ann)
        ann.sees(LEAVE)
        assert ann.process.wait(PATIENCE_SECONDS) == 130


def test_a_dumb_terminal_is_printed_on() -> None:
    with person("-n", "2", term="dumb") as ann:
        ann.sees(b"COMMAND")
        assert ann.process.wait(PATIENCE_SECONDS) == 0
        assert b"\x1b" not in ann.seen
