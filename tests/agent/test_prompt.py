"""Stories of a person at the text prompt."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.terminal import Person

from guardpost.agent.accounts import set_password
from guardpost.agent.prompt import IDLE_SECONDS
from guardpost.agent.prompt_state import PromptState
from guardpost.services.processes import Process

Story = Callable[[Person], Awaitable[None]]
PYTHON = sys.executable.encode()


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ann's password is `right`."""
    path = tmp_path_factory.mktemp("accounts") / "accounts"
    set_password(path, "ann", "right")
    return path


def tell(path: Path, story: Story) -> Person:
    async def whole() -> Person:
        person = Person(path)
        await story(person)
        person.prompt.close()
        await person.prompt.wait_closed()
        return person

    return asyncio.run(whole())


def test_it_is_silent_until_enter(accounts: Path) -> None:
    async def story(person: Person) -> None:
        assert person.types(b"ps\x1b[A \x08\x03 login: ") == b""
        answer = person.types(b"\r")
        assert answer == b"\r\nguardpost 9.9 on web01; type help\r\nguardpost> "
        assert person.types(b"\n") == b""

    tell(accounts, story)


@pytest.mark.parametrize(
    "answer",
    [
        b"\x1b[24;80R",
        b"\x1b[?62;1;6c",
        b"\x1b]11;rgb:0000/0000/0000\x07",
        b"\x1b]11;rgb:0000/0000/0000\x1b\\",
        b"\x1bP1+r544e=787465726d\x1b\\",
    ],
)
def test_what_a_terminal_answers_to_systemd_is_not_typed(accounts: Path, answer: bytes) -> None:
    """On a console systemd asks for size, kind and colours; the answers come here."""

    async def story(person: Person) -> None:
        assert person.types(answer) == b""
        person.types(b"\r")
        assert person.types(answer) == b""
        assert b"login NAME" in person.types(b"help\r")

    tell(accounts, story)


def test_what_a_guest_may_do(accounts: Path) -> None:
    async def story(person: Person) -> None:
        person.types(b"\r")
        assert b"login NAME" in person.types(b"help\r")
        assert b"kill" not in person.types(b"help\r")
        assert b"guardpost 9.9\r\n" in person.types(b"version\r")
        for line in (b"ps", b"kill 1", b"run id", b"page off", b"lock", b"exit"):
            person.clock.now += 20
            assert b"not logged in; first: login NAME" in person.types(line + b"\r")
        assert person.prompt.state is PromptState.GUEST
        assert b"no command is called 'frob'; type help" in person.types(b"frob\r")
        person.clock.now += 20
        assert b"quote as in a shell" in person.types(b"run 'a\r")
        assert b"usage: login NAME" in person.types(b"login\r")

    tell(accounts, story)


def test_without_a_password_there_is_no_login(tmp_path: Path) -> None:
    async def story(person: Person) -> None:
        person.types(b"\r")
        answer = person.types(b"login ann\r")
        assert b"no password set; run `guardpost agent --set-password` on the host" in answer
        assert person.prompt.state is PromptState.GUEST

    tell(tmp_path / "none", story)


def test_a_login(accounts: Path) -> None:
    async def story(person: Person) -> None:
        person.types(b"\r")
        assert person.types(b"login ann\r").endswith(b"Password: ")
        assert person.types(b"rightx\x7f") == b""
        assert b"welcome, ann" in await person.does(b"")
        assert person.prompt.user == "ann"
        assert b"right" not in person.seen
        assert b"ann is logged in" in person.types(b"login bob\r")
        person.types(b"exit\r")
        assert person.prompt.state is PromptState.ASLEEP
        assert person.types(b"ps") == b""

    tell(accounts, story)


def test_wrong_passwords_are_counted_and_slow(accounts: Path) -> None:
    async def story(person: Person) -> None:
        await person.logs_in(b"wrong")
        assert b"wrong name or password (1 so far); the next waits 1 s" in person.seen
        person.types(b"login bob\r")
        assert b"(2 so far); the next waits 2 s" in await person.does(b"right")
        person.types(b"login ann\r")
        person.clock.now -= 8  # at once, that is
        assert b"waiting" in person.types(b"right\r")
        assert person.prompt.state is PromptState.CHECKING
        await asyncio.sleep(0)
        assert b"^C" in person.types(b"\x03")
        assert person.prompt.state is PromptState.GUEST
        person.types(b"login ann\r")
        assert b"another login is being checked" in await person.does(b"right")

    tell(accounts, story)


def test_a_password_can_be_given_up(accounts: Path) -> None:
    async def story(person: Person) -> None:
        person.types(b"\r")
        person.types(b"login ann\r")
        assert person.types(b"rig\x03").endswith(b"guardpost> ")
        person.types(b"login ann\r")
        assert person.types(b"\r").endswith(b"guardpost> ")
        assert person.accounts.failures == 0

    tell(accounts, story)


def test_help_fits_the_screen(accounts: Path) -> None:
    async def story(person: Person) -> None:
        await person.logs_in()
        rows = person.types(b"help\r").split(b"\r\n")
        assert len(rows) <= 24
        assert all(len(row) < 80 for row in rows)
        starts = [part.split()[0] for row in rows for part in (row[:40], row[40:]) if part.strip()]
        for verb in (b"ps", b"kill", b"run", b"uptime", b"mem", b"disk", b"page", b"lock,", b"ip"):
            assert verb in starts

    tell(accounts, story)


def test_monitoring(accounts: Path) -> None:
    async def story(person: Person) -> None:
        await person.logs_in()
        table = await person.does(b"ps")
        assert b"      1 root     S  1:02:03      ? /sbin/init\r\n" in table
        assert b"[evil\\x1b[2J]" in table
        assert b"init" not in (await person.does(b"ps EVIL"))
        assert b"up 1 days, 2:03:04" in await person.does(b"uptime")
        assert b"memory    1.0G   512M" in await person.does(b"mem")
        assert b"  10.0G   4.0G   6.0G ext4     /\r\n" in await person.does(b"disk")
        person.host.facts.memory = None
        assert b"does not say" in await person.does(b"mem")

    tell(accounts, story)


def test_kill(accounts: Path) -> None:
    async def story(person: Person) -> None:
        await person.logs_in()
        assert b"sent TERM to process 42" in await person.does(b"kill 42")
        assert b"sent HUP to process 42" in await person.does(b"kill 42 sighup")
        assert person.host.signalled == [(42, "TERM"), (42, "HUP")]
        assert b"service: no process 43; it may have ended" in await person.does(b"kill 43")
        assert b"'-1' is no process number" in await person.does(b"kill -1")
        assert b"usage: kill PID [SIGNAL]" in await person.does(b"kill")

    tell(accounts, story)


def test_a_command_that_fails_inside_leaves_the_prompt(accounts: Path) -> None:
    async def story(person: Person) -> None:
        await person.logs_in()
        del person.host.facts
        assert b"this command failed" in await person.does(b"uptime")
        assert person.prompt.state is PromptState.USER

    tell(accounts, story)


def test_run_a_program(accounts: Path) -> None:
    code = b"import os; print(os.environ['GUARDPOST_USER'], end='\\t\\x1b['); raise SystemExit(3)"

    async def story(person: Person) -> None:
        await person.logs_in()
        answer = await person.does(PYTHON.join([b"run ", b' -c "' + code + b'"']))
        assert answer.endswith(b"ann     \\x1b[\r\n[exit status 3]\r\nguardpost> ")
        assert b"not-started: there is no program" in await person.does(b"run /no/such/program")

    tell(accounts, story)


def test_ctrl_c_stops_a_program_and_its_children(accounts: Path) -> None:
    code = b"import time; print('begun', flush=True); time.sleep(60)"

    async def story(person: Person) -> None:
        await person.logs_in()
        person.types(b"run " + PYTHON + b' -c "' + code + b'"\rmem\r')
        await person.until(lambda: b"begun\r\n" in person.seen)
        assert b"^C\r\n" in person.types(b"\x03")
        assert person.types(b"\x03") == b""
        await person.until(lambda: person.prompt.state is PromptState.USER)
        assert b"memory" not in person.seen

    tell(accounts, story)


def test_what_is_typed_ahead_runs_afterwards(accounts: Path) -> None:
    async def story(person: Person) -> None:
        person.types(b"\rlogin ann\rright\rmem\rdisk\r\nver")
        await person.until(lambda: person.seen.endswith(b"guardpost> ver"))
        assert person.seen.index(b"memory") < person.seen.index(b"ext4")

    tell(accounts, story)


def test_pages(accounts: Path) -> None:
    async def story(person: Person) -> None:
        await person.logs_in()
        person.host.table = [Process(pid) for pid in range(100, 200)]
        assert (await person.does(b"ps")).endswith(b"--More--")
        assert b"    121 ?" in person.seen
        assert b"    122 ?" not in person.seen
        person.types(b"\r")
        await person.until(lambda: b"    122 ?" in person.seen)
        assert b"    123 ?" not in person.seen
        assert person.types(b"x") == b""
        person.types(b" ")
        await person.until(lambda: b"    145 ?" in person.seen)
        await person.until(lambda: person.prompt.state is PromptState.PAGING)
        person.types(b"q")
        await person.until(lambda: person.prompt.state is PromptState.USER)
        assert b"    150 ?" not in person.seen
        assert (await person.does(b"ps")).endswith(b"--More--")
        person.types(b"\x03")
        await person.until(lambda: person.prompt.state is PromptState.USER)
        person.types(b"page off\r")
        assert b"    199 ?" in await person.does(b"ps")
        assert b"usage: page on|off" in person.types(b"page x\r")

    tell(accounts, story)


def test_five_minutes_without_a_key_lock(accounts: Path) -> None:
    async def story(person: Person) -> None:
        await person.logs_in()
        person.types(b"kill 4")
        person.clock.now += IDLE_SECONDS
        assert person.types(b"2") == b""
        assert person.prompt.user is None
        answer = person.types(b"\r")
        assert b"locked (nobody typed for 5 minutes)" in answer
        assert person.types(b"\x1b[A\r").count(b"kill") == 0
        assert person.host.signalled == []

    tell(accounts, story)


def test_an_unwatched_command_goes_on_and_then_the_prompt_is_locked(accounts: Path) -> None:
    code = b"import time; print('begun', flush=True); time.sleep(0.3)"

    async def story(person: Person) -> None:
        await person.logs_in()
        person.types(b"run " + PYTHON + b' -c "' + code + b'"\r')
        await person.until(lambda: b"begun" in person.seen)
        person.clock.now += IDLE_SECONDS
        assert person.types(b"mem\r") == b""
        await person.until(lambda: person.prompt.state is not PromptState.RUNNING)
        assert person.prompt.state is PromptState.ASLEEP
        assert b"[exit status 0]" in person.seen
        assert not person.seen.endswith(b"guardpost> ")

    tell(accounts, story)


@pytest.mark.parametrize("typed", [b"", b"kill 42", b"login x\r", b"login ann\rright\r"])
def test_a_lock_is_silent_and_leaves_nobody_in(accounts: Path, typed: bytes) -> None:
    async def story(person: Person) -> None:
        await person.logs_in()
        person.types(b"exit\r\r" + typed if b"login" in typed else typed)
        start = len(person.seen)
        person.prompt.lock("a console came")
        assert person.seen[start:] == b""
        assert person.prompt.state is PromptState.ASLEEP
        await asyncio.sleep(0.05)
        assert b"guardpost 9.9 on web01" in person.types(b"\r")
        assert person.types(b"\r").endswith(b"\r\nguardpost> ")
        assert person.host.signalled == []

    tell(accounts, story)


def test_a_lock_stops_the_command_that_runs(accounts: Path) -> None:
    code = b"[print('y' * 70, flush=True) for _ in iter(int, 1)]"

    async def story(person: Person) -> None:
        await person.logs_in()
        person.types(b"page off\rrun " + PYTHON + b' -c "' + code + b'"\r')
        await person.until(lambda: b"yyy" in person.seen)
        person.prompt.lock("BREAK")
        size = len(person.seen)
        await person.prompt.wait_closed()
        assert len(person.seen) == size
        assert b"locked (BREAK)" in person.types(b"\r")

    tell(accounts, story)


def test_a_hello_leaves_a_guests_line(accounts: Path) -> None:
    async def story(person: Person) -> None:
        person.types(b"\r")
        person.types(b"vers")
        person.prompt.lock("a console came")
        assert b"guardpost 9.9\r\n" in person.types(b"ion\r")

    tell(accounts, story)


def test_after_close_nothing_is_heard(accounts: Path) -> None:
    async def story(person: Person) -> None:
        await person.logs_in()
        person.prompt.close()
        person.prompt.close()
        person.prompt.lock("late")
        assert person.types(b"\rps\r") == b""

    tell(accounts, story)


def test_no_fragment_ever_runs(accounts: Path) -> None:
    async def story(person: Person) -> None:
        await person.logs_in()
        for half in (b"kill 42", b"kill 42 ", b"\x1b[", b"kill 42 KI", b"run "):
            person.types(half)
            start = len(person.seen)
            person.prompt.noise()
            assert person.seen[start:] == b""
            await person.does(b"")
        assert person.host.signalled == []

    tell(accounts, story)


def test_noise_drops_what_was_typed_ahead_and_half_a_password(accounts: Path) -> None:
    async def story(person: Person) -> None:
        person.types(b"\rlogin ann\rwro")
        person.prompt.noise()
        person.types(b"right\rkill 42\r")
        person.prompt.noise()
        await person.until(lambda: person.prompt.state is PromptState.USER)
        await asyncio.sleep(0.01)
        assert person.host.signalled == []

    tell(accounts, story)


def test_a_looped_line_falls_silent(accounts: Path) -> None:
    async def story(person: Person) -> None:
        person.types(b"\r")
        heard = 0
        for _ in range(1000):
            person.clock.now += 0.01
            said, heard = person.seen[heard:], len(person.seen)
            person.prompt.text(said)
        assert person.seen[heard:] == b""
        assert len(person.seen) < 1000
        person.clock.now += 10
        person.prompt.text(b"help\r")
        assert b"login NAME" in person.seen[heard:]

    tell(accounts, story)


@pytest.mark.parametrize(
    "first", [b"\r", b"\rx", b"\r\x08", b"\rhelp\r", b"\rhelp\r\x08\x08 x\x08"]
)
@pytest.mark.parametrize("names", [("web01", "web01"), ("web01", "db02")])
def test_two_prompts_wired_together_fall_silent(
    accounts: Path, first: bytes, names: tuple[str, str]
) -> None:
    async def story(one: Person) -> None:
        clock = one.clock
        other = Person(accounts, clock)
        one.host.facts.name, other.host.facts.name = names
        for person, name in zip((one, other), names, strict=True):
            person.prompt._host = type(person.host.host)(
                "9.9", lambda name=name: name, lambda: None, list, person.host.signal
            )
        one.prompt.text(first)
        heard = {one: 0, other: 0}
        for _ in range(5000):
            clock.now += 0.005
            for speaker, listener in ((one, other), (other, one)):
                said = speaker.seen[heard[speaker] :]
                heard[speaker] = len(speaker.seen)
                listener.prompt.text(said) if said else None
            if heard == {one: len(one.seen), other: len(other.seen)}:
                break
        assert heard == {one: len(one.seen), other: len(other.seen)}, "they talk for ever"
        assert len(one.seen) + len(other.seen) < 40_000
        other.prompt.close()

    tell(accounts, story)


def test_a_terminal_that_echoes_us_does_not_log_in_or_out(accounts: Path) -> None:
    async def story(person: Person) -> None:
        await person.logs_in()
        heard = len(person.seen)
        person.prompt.text(b"version\r")
        for _ in range(500):
            person.clock.now += 0.01
            said, heard = person.seen[heard:], len(person.seen)
            person.prompt.text(said.replace(b"\r\n", b"\r\n\r\n"))
            await asyncio.sleep(0)
        assert person.seen[heard:] == b""
        assert person.prompt.user == "ann"

    tell(accounts, story)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=30) | st.sampled_from([b"\r", b"help\r", b"login x\r"])))
def test_any_bytes_from_a_stranger_are_survived(accounts: Path, pieces: list[bytes]) -> None:
    async def story(person: Person) -> None:
        for piece in pieces:
            person.types(piece)
            if piece.endswith(b"\0"):
                person.prompt.noise()
        assert person.prompt.user is None
        assert set(person.seen) <= {*range(0x20, 0x7F), 0x0D, 0x0A, 0x08, 0x07}

    tell(accounts, story)
