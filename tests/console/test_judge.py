import asyncio
from pathlib import Path

import pytest

from guardpost.console.judge import Judge
from guardpost.errors import AgentKeyChanged, UnknownAgent
from guardpost.identity import fingerprint, words
from guardpost.trust.known_agents import KnownAgents

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
NAME = "serial:/dev/ttyS0"


class Person:
    def __init__(self, answer: bool | None) -> None:
        self.answer = answer
        self.questions: list[str] = []
        self.told: list[str] = []

    async def ask(self, question: str) -> bool | None:
        self.questions.append(question)
        return self.answer

    def judge(self, file: Path, *, pinned: bytes | None = None, trust_new: bool = False) -> Judge:
        return Judge(
            NAME,
            KnownAgents(file),
            pinned=pinned,
            trust_new=trust_new,
            ask=self.ask,
            tell=self.told.append,
        )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "known_agents"


def test_a_yes_is_remembered_and_not_asked_again(file: Path) -> None:
    person = Person(True)
    asyncio.run(person.judge(file)(KEY, False))
    asyncio.run(person.judge(file)(KEY, False))
    assert len(person.questions) == 1
    assert fingerprint(KEY) in person.questions[0]
    assert words(KEY) in person.questions[0]
    assert KnownAgents(file).lookup(NAME) == KEY


@pytest.mark.parametrize("answer", [False, None])
def test_anything_but_yes_is_no(file: Path, answer: bool | None) -> None:
    with pytest.raises(UnknownAgent, match="--trust-new"):
        asyncio.run(Person(answer).judge(file)(KEY, False))
    assert not file.exists()


def test_trust_new_asks_nobody_but_never_takes_another_key(file: Path) -> None:
    person = Person(None)
    asyncio.run(person.judge(file, trust_new=True)(KEY, False))
    assert person.questions == []
    with pytest.raises(AgentKeyChanged, match="--forget serial:/dev/ttyS0"):
        asyncio.run(person.judge(file, trust_new=True)(OTHER, False))


def test_an_ephemeral_key_is_shown_and_never_remembered(file: Path) -> None:
    person = Person(True)
    asyncio.run(person.judge(file)(KEY, True))
    assert "ephemeral" in person.questions[0]
    assert "not remembered" in person.told[0]
    assert not file.exists()


def test_a_pin_is_the_only_key_and_writes_nothing(file: Path) -> None:
    asyncio.run(Person(None).judge(file, pinned=KEY)(KEY, False))
    with pytest.raises(AgentKeyChanged):
        asyncio.run(Person(True).judge(file, pinned=KEY)(OTHER, False))
    assert not file.exists()
