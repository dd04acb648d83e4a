"""Who may come in, and a shell for who is in: a real one."""

import os
import sys
from pathlib import Path

import pytest
from support.prompt_stories import logged_in
from support.terminal import Person

from guardpost.agent.authorized import AuthorizedConsoles
from guardpost.agent.prompt import IDLE_SECONDS
from guardpost.agent.prompt_state import PromptState
from guardpost.identity import public_key_text

KEY = bytes(range(32))


def test_users_are_those_with_a_password() -> None:
    async def story(person: Person) -> None:
        assert b"ann  (you)\r\n" in await person.does(b"users")

    logged_in(story)


def test_a_key_is_allowed_and_counts_at_once(tmp_path: Path) -> None:
    file = tmp_path / "etc" / "authorized_consoles"
    keys = AuthorizedConsoles([], standing_file=file)
    typed = public_key_text(KEY).encode()

    async def story(person: Person) -> None:
        assert b"reads no file of keys" in await person.does(b"allow " + typed)
        person.host.authorized_file = file
        assert b"usage" in await person.does(b"allow")
        assert keys.lookup(KEY) is None
        for wrong in (b"abc", typed[:-1], typed + b" fly", typed + b' monitor,"x'):
            await person.does(b"allow " + wrong)
            person.clock.now += 30
        assert not file.exists()
        assert b"monitor" in await person.does(b"allow " + typed + b" monitor")
        entry = keys.lookup(KEY)
        assert entry is not None
        assert str(entry.permits) == "monitor"
        assert b"stands in" in await person.does(b"allow " + typed)

    logged_in(story)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="a pty")
def test_a_shell_has_all_keys_until_it_ends() -> None:
    async def story(person: Person) -> None:
        person.types(b"shell\r")
        await person.until(lambda: b"hang it up" in person.seen)
        person.types(b"trap 'echo caught' INT; tty && echo $GUARDPOST_USER\r")
        await person.until(lambda: b"/dev/pts/" in person.seen and b"\nann\r\n" in person.seen)
        person.types(b"sleep 100\r")
        await person.until(lambda: b"sleep 100" in person.seen)
        person.types(b"\x03")
        person.types(b"echo still-$((20+3))\r")
        await person.until(lambda: b"still-23" in person.seen)
        person.types(b"exit\r")
        await person.until(lambda: person.prompt.state is PromptState.USER)
        assert b"ann  (you)" in await person.does(b"users")

    logged_in(story)


@pytest.mark.skipif(sys.platform == "win32", reason="a pty")
@pytest.mark.parametrize("end", ["a BREAK", "nobody types"])
def test_a_shell_is_hung_up(end: str, tmp_path: Path) -> None:
    alive = tmp_path / "alive"

    async def story(person: Person) -> None:
        person.types(b"shell\r")
        await person.until(lambda: b"hang it up" in person.seen)
        person.types(f"echo $$ > {alive}.new; mv {alive}.new {alive}\r".encode())
        await person.until(alive.exists)
        if end == "a BREAK":
            person.prompt.lock("a BREAK came")
        else:
            person.clock.now += IDLE_SECONDS + 1
            person.prompt.text(b"touch " + str(tmp_path / "too-late").encode() + b"\r")
        assert person.prompt.state is PromptState.ASLEEP
        await person.prompt.wait_closed()

    logged_in(story)
    assert not os.path.exists(f"/proc/{alive.read_text().strip()}")
    assert not (tmp_path / "too-late").exists()
