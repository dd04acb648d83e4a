"""What a real line does in the middle of a transfer, and what both ends make of it."""

import contextlib
import hashlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from support.rig import Rig, read_line, rig
from support.web import page, web_server

SIZE = 250_000  # 2.7 s of a 921600 line


class Download(threading.Thread):
    """Fetches one page through a tunnel; `data` grows, `error` says how it ended."""

    def __init__(self, port: int, path: str) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.path = path
        self.data = b""
        self.error = ""
        self.start()

    def run(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
                connection.sendall(f"GET {self.path} HTTP/1.0\r\n\r\n".encode())
                while data := connection.recv(65536):
                    self.data += data
        except OSError as error:
            self.error = type(error).__name__

    def wait_for(self, size: int, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while len(self.data) < size:
            assert time.monotonic() < deadline, f"only {len(self.data)} bytes came"
            assert self.is_alive() or len(self.data) >= size, self.error
            self.join(0.02)

    def whole(self, seconds: float = 60.0) -> bool:
        self.join(seconds)
        return (
            hashlib.sha256(self.data[-SIZE:]).digest() == hashlib.sha256(page(self.path)).digest()
        )


@contextlib.contextmanager
def downloading(made: Rig) -> Iterator[Download]:
    with web_server() as web, made.forward(f"0:127.0.0.1:{web}") as (port,):
        download = Download(port, f"/{SIZE}/trouble")
        download.wait_for(20_000)
        yield download


@pytest.fixture
def line() -> Iterator[Rig]:
    with rig(baud=921600) as made:
        yield made


def test_a_mute_of_six_seconds_costs_six_seconds(line: Rig) -> None:
    with downloading(line) as download:
        line.control("mute 6")
        muted_at = time.monotonic()
        before = len(download.data)
        download.wait_for(before + 50_000)
        waited = time.monotonic() - muted_at
        assert download.whole()
    assert 5.5 < waited < 9.5


def test_a_port_that_is_pulled_and_put_back_loses_nothing(line: Rig) -> None:
    with downloading(line) as download:
        line.control("unplug")
        time.sleep(1.0)  # the time somebody's hand needs; nothing can announce it
        line.control("plug")
        assert download.whole()


def test_a_killed_agent_is_noticed_and_its_successor_serves(line: Rig) -> None:
    with downloading(line) as download:
        assert line.agent_process is not None
        os.kill(line.agent_process.pid, signal.SIGKILL)
        line.agent_process.wait()
        line.start_agent()
        download.join(30)
        assert not download.is_alive()
        assert download.error == "ConnectionResetError", "a lost session must not look like an end"
        assert not download.whole()
    done = line.console("exec", "--", "echo", "served again")
    assert (done.returncode, done.stdout) == (0, b"served again\n"), done.stderr


def test_a_killed_agent_shows_with_the_next_command_and_the_one_after_it_works(line: Rig) -> None:
    """Nobody uses the session meanwhile, so its owner has nothing to find out by."""
    first = line.console("exec", "--persist", "60", "--", "echo", "first")
    assert (first.returncode, first.stdout) == (0, b"first\n"), first.stderr
    owner = owner_pid(line)
    assert line.agent_process is not None
    os.kill(line.agent_process.pid, signal.SIGKILL)
    line.agent_process.wait()
    line.start_agent()
    second = line.console("exec", "--", "echo", "second")  # joins that owner
    assert (second.returncode, second.stdout) == (255, b"")
    assert second.stderr.startswith(b"guardpost: agent-restarted: "), second.stderr
    assert b"; run the command again" in second.stderr
    third = line.console("exec", "--", "echo", "third")
    assert (third.returncode, third.stdout) == (0, b"third\n"), third.stderr
    assert owner_pid(line) != owner


def test_a_killed_owner_is_noticed_and_the_next_command_works(line: Rig) -> None:
    with web_server() as web:
        words = ("--trust-new", line.here, "-L", f"127.0.0.1:0:127.0.0.1:{web}")
        with line.background("forward", *words) as forward:
            port = int(read_line(forward).split(" to ")[0].rsplit(":", 1)[1])
            download = Download(port, f"/{SIZE}/trouble")
            download.wait_for(20_000)
            os.kill(owner_pid(line), signal.SIGKILL)
            assert forward.wait(10) == 255
            assert forward.stderr is not None
            assert b"guardpost: line-lost: " in forward.stderr.read()
            assert not download.whole(10)
    done = line.console("exec", "--", "echo", "superseded")
    assert (done.returncode, done.stdout) == (0, b"superseded\n"), done.stderr


def test_a_slow_reader_stalls_only_its_own_channel(line: Rig) -> None:
    with web_server() as web, line.forward(f"0:127.0.0.1:{web}") as (port,):
        with socket.create_connection(("127.0.0.1", port)) as idle:
            idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            idle.sendall(b"GET /8000000/stalled HTTP/1.0\r\n\r\n")
            idle.recv(1)
            other = Download(port, f"/{SIZE}/trouble")
            assert other.whole()


def owner_pid(line: Rig) -> int:
    done = line.run("owner", line.here, "check")
    digits = "".join(c if c.isdigit() else " " for c in done.stdout.decode().split("pid")[-1])
    return int(digits.split()[0])
