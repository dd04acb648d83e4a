"""What a command says of a line without a session: real programs at the other end, or recordings.

Each verdict takes the six seconds that an agent is given to answer, so all are asked for at once.
"""

import contextlib
import os
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from support.rig import Rig, rig
from support.tools import need

from guardpost.protocol.hello import Hello

RECORDINGS = Path(__file__).parents[1] / "recordings"
U_BOOT = (RECORDINGS / "u-boot.txt").read_bytes()

Scene = Callable[[Rig], contextlib.AbstractContextManager[object]]


def hello_is_out(made: Rig, process: "subprocess.Popen[bytes]") -> None:
    """From now on the console is listening; what was on the line before it may not have read."""
    while made.control.stats()["ab"]["sent"] == 0 and process.poll() is None:
        time.sleep(0.02)


@contextlib.contextmanager
def program(made: Rig, *argv: str) -> Iterator[None]:
    """Its terminal is the line, as for whatever runs on a host's port."""
    terminal = os.open(made.there, os.O_RDWR | os.O_NOCTTY)
    child = subprocess.Popen(
        argv,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        env={"TERM": "vt100", "PATH": os.environ["PATH"], "PS1": "root@web01:~# "},
    )
    os.close(terminal)
    try:
        yield
    finally:
        child.kill()
        child.wait()


def getty(made: Rig) -> contextlib.AbstractContextManager[None]:
    name = os.path.realpath(made.there).removeprefix("/dev/")
    return program(made, "agetty", "-L", name, "115200", "vt100")


def shell(made: Rig) -> contextlib.AbstractContextManager[None]:
    return program(made, "bash", "--norc", "-i")


def says(text: bytes, speed: int | None = None) -> Scene:
    """Somebody at the other end who goes on saying this."""

    @contextlib.contextmanager
    def scene(made: Rig) -> Iterator[None]:
        end = os.open(made.there, os.O_RDWR | os.O_NOCTTY)
        if speed is not None:
            attributes = termios.tcgetattr(end)
            attributes[4] = attributes[5] = speed
            termios.tcsetattr(end, termios.TCSANOW, attributes)
        over = threading.Event()

        def go_on() -> None:
            while not over.wait(0.1):
                os.write(end, text)

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            os.close(end)

    return scene


@contextlib.contextmanager
def nobody(made: Rig) -> Iterator[None]:
    yield


def other_console(made: Rig) -> contextlib.AbstractContextManager[object]:
    return says(Hello(False, 4711, 0, 0).encode())(made)


def newer_agent(made: Rig) -> contextlib.AbstractContextManager[object]:
    """It answers the hello that it hears with its own major version."""

    @contextlib.contextmanager
    def scene() -> Iterator[None]:
        end = os.open(made.there, os.O_RDWR | os.O_NOCTTY)

        def answer() -> None:
            heard = b""
            while len(heard) < 41:
                heard += os.read(end, 41)
            os.write(end, Hello(True, 1, 0, 0, major=2).encode(answers=heard[:41]))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield
        thread.join(10)
        os.close(end)

    return scene()


# name -> what is there, options of the line, whether it waits for our hello, words
SCENES: dict[str, tuple[Scene, tuple[str, ...], bool, str]] = {
    "silence": (nobody, (), False, "nothing was heard at all"),
    "a Debian getty": (getty, (), True, "a login prompt is there"),
    "a shell": (shell, (), True, "a shell is there"),
    "a boot loader": (
        # Its last line alone: whenever the console looks, it has heard this and no line end since.
        says(U_BOOT[: U_BOOT.index(b"autoboot:") + 12].rpartition(b"\n")[2]),
        (),
        False,
        "the line shows a boot loader",
    ),
    "kernel messages": (
        says(b"[    1.884612] scsi 0:0:0:0: Direct-Access     ATA\r\n"),
        (),
        False,
        "kernel messages are there",
    ),
    "a wrong speed": (
        says((RECORDINGS / "debian-getty.txt").read_bytes(), termios.B9600),
        ("--real-speeds",),
        False,
        "slower than ours",
    ),
    "a loopback": (nobody, ("--echo",), False, "only our own hello came back"),
    "another console": (other_console, (), False, "another console is attached"),
    "an agent of another major version": (newer_agent, (), False, "speaks version 2"),
}


def verdict(name: str) -> str:
    scene, options, after_hello, _ = SCENES[name]
    with rig(*options, baud=115200, agent=None) as made, contextlib.ExitStack() as stack:
        if not after_hello:
            stack.enter_context(scene(made))
        argv = made.argv("exec", "--no-owner", "--trust-new", f"{made.here}?baud=115200", "true")
        process = subprocess.Popen(argv, env=made.environment, stderr=subprocess.PIPE)
        if after_hello:
            hello_is_out(made, process)
            stack.enter_context(scene(made))
        _, said = process.communicate(timeout=60)
        assert process.returncode == 255, said
        return said.decode()


@pytest.fixture(scope="module")
def verdicts() -> Iterator[dict[str, "Future[str]"]]:
    with ThreadPoolExecutor(len(SCENES)) as pool:
        yield {name: pool.submit(verdict, name) for name in SCENES}


@pytest.mark.parametrize("name", SCENES)
def test_the_error_says_what_was_seen(verdicts: dict[str, "Future[str]"], name: str) -> None:
    if name == "a Debian getty":
        need("agetty")
    said = verdicts[name].result(timeout=120)
    assert SCENES[name][3] in said
    assert said.count("\n") == 1, said
    assert said.startswith("guardpost: agent-silent: ")


class PartyLine(threading.Thread):
    """A terminal server: every client may write to the line, and all of them hear it."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self.line = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.clients: list[socket.socket] = []
        threading.Thread(target=self.accept, daemon=True).start()
        self.start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.clients.append(client)
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(4096):
                os.write(self.line, data)
        self.clients.remove(client)

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self.line, 4096):
                for client in list(self.clients):
                    with contextlib.suppress(OSError):
                        client.sendall(data)


def test_a_second_console_on_the_same_line_is_told_of_the_first() -> None:
    with rig(baud=115200, agent=None) as made:
        second = ("--identity", str(made.folder / "second.key"))
        key = made.run("key", *second).stdout.decode().strip()
        made.start_agent("--allow", key)
        line = PartyLine(made.here)
        first = subprocess.Popen(
            made.argv("exec", "--no-owner", "--trust-new", f"tcp:127.0.0.1:{line.port}")
            + ["sh", "-c", "echo up; sleep 60"],
            env=made.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
        )
        try:
            assert first.stdout is not None
            assert first.stdout.readline() == b"up\n"
            target = f"tcp:localhost:{line.port}"
            done = made.run("exec", "--no-owner", "--trust-new", *second, target, "true")
            assert done.returncode == 255
            assert b"line-busy" in done.stderr
            assert b"another console has a session" in done.stderr
            assert first.poll() is None
        finally:
            first.terminate()
            first.wait(10)
            line.listener.close()
