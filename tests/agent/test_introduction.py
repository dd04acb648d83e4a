"""What a person at the text prompt learns of the agent's key, and of one that is not there yet."""

import asyncio
from pathlib import Path

import pytest
from support.terminal import Person

from guardpost.agent.accounts import set_password
from guardpost.agent.introduction import NOT_READY, introduction
from guardpost.identity import Identity, ephemeral, fingerprint, words

KEPT = Identity(b"k" * 32)
EPHEMERAL = ephemeral(lambda count: b"e" * count)


def lines(*identities: Identity) -> list[bytes]:
    return [line.encode() for each in identities for line in introduction(each)]


@pytest.mark.parametrize("identity", [KEPT, EPHEMERAL])
def test_a_key_is_shown_for_eyes_and_for_a_telephone(identity: Identity) -> None:
    first, second = introduction(identity)
    assert fingerprint(identity.public) in first
    assert first.endswith("(ephemeral)") == identity.is_ephemeral
    assert second == f"words {words(identity.public)}"
    assert max(len(first), len(second)) <= 79


def test_one_that_lives_as_long_as_the_boot_is_in_the_banner(tmp_path: Path) -> None:
    person = Person(tmp_path / "accounts")
    person.host.identity = KEPT
    assert all(line not in person.types(b"\r") for line in lines(KEPT))
    person = Person(tmp_path / "accounts")
    person.host.identity = EPHEMERAL
    answer = person.types(b"\r")
    assert all(line in answer for line in lines(EPHEMERAL))
    assert answer.endswith(b"guardpost> ")


def test_version_shows_every_key(tmp_path: Path) -> None:
    person = Person(tmp_path / "accounts")
    person.host.identity = KEPT
    person.types(b"\r")
    answer = person.types(b"version\r")
    assert all(line in answer for line in lines(KEPT))
    assert KEPT.private.hex().encode() not in answer


def test_without_random_bytes_the_prompt_answers_and_says_so(tmp_path: Path) -> None:
    set_password(tmp_path / "accounts", "ann", "right")

    async def story() -> None:
        person = Person(tmp_path / "accounts")
        person.host.obstacle = NOT_READY
        said = NOT_READY.encode()
        assert len(said) <= 79
        assert said in person.types(b"\r")
        assert said in person.types(b"version\r")
        assert b"login NAME" in person.types(b"help\r")
        answer = person.types(b"login ann\r")
        assert said in answer
        assert b"Password" not in answer
        person.host.obstacle = ""
        assert person.types(b"login ann\r").endswith(b"Password: ")
        assert b"welcome, ann" in await person.does(b"right")
        person.prompt.close()
        await person.prompt.wait_closed()

    asyncio.run(story())
