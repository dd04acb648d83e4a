"""A real `guardpost agent` on a pty line: people at terminals, consoles, and everything rude."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from support.bare_terminal import BareTerminal, Screen, screen
from support.pair import make_console
from support.ptyline import pty_line
from support.rig import Rig, rig
from support.tools import need

from guardpost.aio.driver import Driver
from guardpost.aio.supervisor import reopen
from guardpost.errors import GoAwayCode
from guardpost.identity import Identity
from guardpost.protocol import events
from guardpost.protocol.framing import Profile
from guardpost.services.exec import run as run_program
from guardpost.transports import open_url

CONSOLE = Identity(bytes(range(32)))
PATIENCE_SECONDS = 15.0


@contextlib.contextmanager
def ready(*options: str) -> Iterator[Rig]:
    """A line of 921600 with an agent that has said who it is."""
    with rig(agent=("--allow", CONSOLE.public_key, *options)) as made:
        wait_for(lambda: "words" in made.agent_log())
        yield made


def wait_for(happened: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Console:
    """A console in this process, which keeps its line as a real one does."""

    def __init__(self, path: str) -> None:
        self.connection = make_console(int.from_bytes(os.urandom(4), "big"), CONSOLE.private)
        self.driver = Driver(self.connection, self._on_event)
        self.text = b""
        self.goodbye: events.SessionEnded | None = None
        self.live = asyncio.Event()
        self._path = path
        self._plain: list[bytes] = []

    def _on_event(self, event: events.Event) -> None:
        match event:
            case events.AgentKeyOffered():
                self.connection.accept_agent(self.driver.now())
                self.driver.wake()
            case events.SessionEstablished():
                self.live.set()
            case events.SessionEnded():
                self.goodbye = event
            case events.Text(data):
                self.text += data

    async def keep(self) -> None:
        while True:
            stream = await reopen(lambda: open_url(self._path))
            self.stream = stream
            try:
                await self.driver.run(stream)
            except Exception:
                pass
            finally:
                await stream.close()
            await asyncio.sleep(0.1)

    async def exec(self, *words: str) -> tuple[int, bytes]:
        argv = [os.fsencode(word) for word in words]
        here, there = os.pipe()
        try:
            with open(os.devnull, "wb") as nowhere:
                code = await run_program(
                    self.driver, argv, stdin=None, stdout=there, stderr=nowhere.fileno()
                )
            os.close(there)
            there = -1
            return code, os.read(here, 65536)
        finally:
            os.close(here)
            if there >= 0:
                os.close(there)


@contextlib.asynccontextmanager
async def session(path: str) -> AsyncIterator[Console]:
    console = Console(path)
    keeping = asyncio.ensure_future(console.keep())
    await asyncio.sleep(0.1)
    console.connection.begin(console.driver.now(), (Profile.CLEAN,))
    console.driver.wake()
    await asyncio.wait_for(console.live.wait(), PATIENCE_SECONDS)
    try:
        yield console
    finally:
        console.connection.close(GoAwayCode.DONE, "", console.driver.now())
        console.driver.wake()
        await console.driver.flush(1.0)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        console.driver.stop()


async def until(happened: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not happened():
            await asyncio.sleep(0.02)


# -- people


def test_a_person_gets_the_prompt_within_two_seconds_and_help_in_24_lines() -> None:
    with ready() as line, BareTerminal(line.here) as person:
        person.asks(b"\r", b"type help\r\nguardpost> ", 2.0)
        shown = person.asks(b"help\n", b"\r\nguardpost> ", 2.0)
        assert b"login NAME" in shown
        assert shown.count(b"\r\n") <= 24
        assert person.listens(0.5) == b"", "it speaks only when spoken to"


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(("picocom", "-q", "-l", "-b", "921600"), id="picocom"),
        pytest.param(("tio", "-b", "921600"), id="tio", marks=pytest.mark.slow),
    ],
)
def test_a_terminal_program_gets_the_prompt_before_and_after_a_session(
    program: tuple[str, ...],
) -> None:
    tmux, program = need("tmux"), (need(program[0]), *program[1:])

    def helps(shown: Screen) -> None:
        deadline = time.monotonic() + 3  # the editor is deaf for 2 s after a frame
        while "guardpost>" not in shown.shows():
            assert time.monotonic() < deadline, shown.shows()
            shown.types("Enter")
            time.sleep(0.3)
        shown.types("help", "Enter")
        after = shown.waits_for(lambda text: text.count("guardpost>") >= 2)
        assert "  login NAME           log in; asks for the password\nguardpost>" in after

    with ready() as line:
        with screen(tmux, line.folder, *program, line.here) as shown:
            time.sleep(0.5)
            helps(shown)
        done = line.console("exec", "--no-owner", "--", "echo", "over the same bytes")
        assert (done.returncode, done.stdout) == (0, b"over the same bytes\n"), done.stderr
        with screen(tmux, line.folder, *program, line.here) as shown:
            time.sleep(0.5)
            helps(shown)


def test_a_person_types_between_the_frames_of_a_session() -> None:
    async def story(line: Rig) -> None:
        async with session(line.here) as console:
            assert await console.exec("echo", "one") == (0, b"one\n")
            await asyncio.sleep(2.5)
            await console.stream.write(b"\r")
            await until(lambda: b"guardpost> " in console.text, 2)
            await console.stream.write(b"version\r")
            await until(lambda: b"\r\nguardpost 0." in console.text, 2)
            assert await console.exec("echo", "two") == (0, b"two\n")

    with ready() as line:
        asyncio.run(story(line))


def test_who_is_logged_in_is_logged_out_by_a_console(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts"
    set_password = ["agent", "--set-password", "ann", "--accounts", str(accounts)]
    subprocess.run([sys.executable, "-m", "guardpost", *set_password], input=b"right\n", check=True)
    with ready("--accounts", str(accounts)) as line:
        with BareTerminal(line.here) as person:
            person.asks(b"\r", b"guardpost> ")
            person.asks(b"login ann\r", b"Password: ")
            person.asks(b"right\r", b"welcome, ann\r\nguardpost> ")
            person.asks(b"run echo 42\r", b"\r\n42\r\n")
        assert line.console("exec", "--no-owner", "--", "true").returncode == 0
        with BareTerminal(line.here) as person:
            assert b"locked" in person.wakes()
        assert "right" not in line.agent_log().replace("rights", "")


# -- its end


def test_sigterm_says_goodbye_and_gives_the_port_back_as_it_was() -> None:
    if sys.platform == "win32":
        pytest.skip("no ptys")
    import termios

    async def story(line: Rig, child: Path) -> None:
        async with session(line.here) as console:
            running = asyncio.ensure_future(
                console.exec("sh", "-c", f"echo $$ > {child}; exec sleep 600")
            )
            await until(lambda: child.exists() and child.read_text())
            assert line.agent_process is not None
            line.agent_process.terminate()
            await until(lambda: console.goodbye, 2)
            assert console.goodbye is not None
            assert console.goodbye.code is GoAwayCode.SHUTTING_DOWN
            await asyncio.gather(running, return_exceptions=True)

    with rig(agent=None) as line:
        port = os.open(line.there, os.O_RDWR | os.O_NOCTTY)
        before = termios.tcgetattr(port)
        before[3] |= termios.ICANON | termios.ECHO
        termios.tcsetattr(port, termios.TCSANOW, before)
        before = termios.tcgetattr(port)
        os.close(port)
        line.start_agent("--allow", CONSOLE.public_key)
        wait_for(lambda: "words" in line.agent_log())
        child = line.folder / "child"
        asyncio.run(story(line, child))
        assert line.agent_process is not None
        assert line.agent_process.wait(10) == 0
        port = os.open(line.there, os.O_RDWR | os.O_NOCTTY)
        assert termios.tcgetattr(port) == before
        os.close(port)
        with pytest.raises(ProcessLookupError):
            os.kill(int(child.read_text()), 0)


def test_an_agent_that_was_killed_leaves_a_port_that_works() -> None:
    with ready() as line:
        with BareTerminal(line.here) as person:
            person.asks(b"\r", b"guardpost> ")
            assert line.agent_process is not None
            line.agent_process.kill()
            line.agent_process.wait()
            log = len(line.agent_log())
            line.start_agent()
            wait_for(lambda: "words" in line.agent_log()[log:])
            person.asks(b"\r", b"guardpost> ")


def test_it_refuses_to_start_when_nobody_could_use_it(tmp_path: Path) -> None:
    with pty_line(baud=921600) as (_, there, _):
        argv = [sys.executable, "-m", "guardpost", "agent", there, "--ephemeral"]
        done = subprocess.run(
            [*argv, "--accounts", str(tmp_path / "none")],
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert done.returncode == 255
    assert done.stderr.startswith("guardpost: usage: nobody could use this agent; give --allow KEY")
    assert "--set-password" in done.stderr


def test_a_port_that_is_not_there_is_an_error_unless_it_is_waited_for(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "guardpost", "agent", str(tmp_path / "tty"), "--ephemeral"]
    argv += ["--allow", CONSOLE.public_key]
    done = subprocess.run([*argv, "--exit-codes=detailed"], capture_output=True, timeout=20)
    assert done.returncode == 3
    assert b"no-such-target" in done.stderr
    with subprocess.Popen([*argv, "--wait"], stderr=subprocess.PIPE) as waiting:
        assert waiting.stderr is not None
        while b"waiting for the line" not in (shown := waiting.stderr.readline()):
            assert shown
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(5) == 0


def test_it_says_who_it_is_before_anybody_comes_to_a_socket(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "guardpost", "agent", f"unix-listen:{tmp_path}/line"]
    argv += ["--ephemeral", "--allow", CONSOLE.public_key]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as agent:
        assert agent.stderr is not None
        while b"words" not in (said := agent.stderr.readline()):
            assert said

        async def story() -> None:
            for _ in range(2):  # one after the other
                async with session(f"unix:{tmp_path}/line") as console:
                    assert await console.exec("echo", "hello") == (0, b"hello\n")

        asyncio.run(story())
        agent.terminate()
        assert agent.wait(5) == 0
        assert not (tmp_path / "line").exists()


def test_a_hangup_signal_changes_nothing() -> None:
    with ready() as line, BareTerminal(line.here) as person:
        assert line.agent_process is not None
        line.agent_process.send_signal(signal.SIGHUP)
        person.asks(b"\r", b"guardpost> ", 2.0)


# -- everything rude


def test_a_megabyte_of_noise_is_survived_and_the_prompt_answers_soon_after() -> None:
    with pty_line(baud="unlimited") as (here, there, _):
        argv = [sys.executable, "-m", "guardpost", "agent", there, "--ephemeral"]
        agent = subprocess.Popen(
            [*argv, "--allow", CONSOLE.public_key], stderr=subprocess.PIPE, text=True
        )
        assert agent.stderr is not None
        while "words" not in agent.stderr.readline():
            pass
        try:
            with BareTerminal(here) as person:
                for _ in range(64):
                    person.types(os.urandom(16384))
                    person.listens(0.001)
                person.listens(0.2)
                person.wakes(2.5)
                assert agent.poll() is None
        finally:
            agent.terminate()
            agent.communicate(timeout=10)


def test_it_never_talks_to_its_own_echo() -> None:
    """What it sends comes back to it: a loopback plug."""
    with pty_line("--echo", baud=921600) as (looped, far, _):
        argv = [sys.executable, "-m", "guardpost", "agent", looped, "--ephemeral"]
        agent = subprocess.Popen(
            [*argv, "--allow", CONSOLE.public_key], stderr=subprocess.PIPE, text=True
        )
        assert agent.stderr is not None
        while "words" not in agent.stderr.readline():
            pass
        try:
            with BareTerminal(far) as person:
                person.types(b"\rhelp\r")
                said = person.listens(2.0)
                assert b"guardpost> " in said
                assert len(said) < 2000
                assert person.listens(1.5) == b""
        finally:
            agent.terminate()
            agent.communicate(timeout=10)


def test_a_port_that_is_pulled_out_and_put_back_finds_the_agent_and_the_session() -> None:
    async def story(line: Rig) -> None:
        async with session(line.here) as console:
            assert await console.exec("echo", "before") == (0, b"before\n")
            sleeping = asyncio.ensure_future(console.exec("sh", "-c", "sleep 3; echo slept"))
            await asyncio.sleep(0.3)
            line.control("unplug")
            await asyncio.sleep(1)
            line.control("plug")
            back = time.monotonic()
            assert await sleeping == (0, b"slept\n")
            assert time.monotonic() - back < 5
            assert await console.exec("echo", "after") == (0, b"after\n")

    with ready() as line:
        asyncio.run(story(line))
        assert "event=session outcome=suspended" in line.agent_log()
        assert 'reason="the line is gone"' in line.agent_log()
        assert "event=session outcome=resumed" in line.agent_log()
        with BareTerminal(line.here) as person:
            person.wakes()
