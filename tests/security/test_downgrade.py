"""Somebody between the two who rewrites what they say: they get the session that both meant, or
none; and nothing that was to be sealed is ever said in the clear."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from support.pair import End, make_agent, make_console

from guardpost.protocol import events
from guardpost.protocol.console_connection import ConsoleConnection
from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import HELLO_BYTES, MARK, Hello

SECRET = b"what only the agent may read"
STEP_SECONDS = 0.01

Change = Callable[[Hello], Hello]


def same(hello: Hello) -> Hello:
    return hello


@dataclass
class Middle:
    """Rewrites hellos both ways, so that each end finds in order what it gets."""

    to_agent: Change = same
    to_console: Change = same
    asked: bytes = b""
    forged: bytes = b""

    def towards_agent(self, data: bytes) -> bytes:
        for raw in hellos(data):
            hello = Hello.decode(raw)
            if hello is not None and not hello.agent:
                self.asked, self.forged = raw, self.to_agent(hello).encode()
                data = data.replace(raw, self.forged)
        return data

    def towards_console(self, data: bytes) -> bytes:
        for raw in hellos(data):
            hello = Hello.decode(raw, answers=self.forged)
            if hello is not None:
                data = data.replace(raw, self.to_console(hello).encode(answers=self.asked))
        return data


def hellos(data: bytes) -> Iterator[bytes]:
    at = data.find(MARK)
    while at >= 0:
        yield data[at : at + HELLO_BYTES]
        at = data.find(MARK, at + 1)


class Line:
    """A console and an agent, a clock, and whoever is between them."""

    def __init__(
        self, middle: Middle | None = None, psks: tuple[bytes | None, bytes | None] = (None, None)
    ) -> None:
        self.console = End(make_console(psk=psks[0]))
        self.agent = End(make_agent(psk=psks[1]), "b")
        self.middle = middle or Middle()
        self.now = 100.0
        self.said = {"console": b"", "agent": b""}
        self.cut: Callable[[bytes], bytes] = lambda data: data

    def begin(self) -> None:
        assert isinstance(self.console.connection, ConsoleConnection)
        self.console.connection.begin(self.now, (Profile.CLEAN,))

    def run(self, seconds: float) -> None:
        stop = self.now + seconds
        to_agent, to_console = b"", b""
        while self.now < stop:
            self.now += STEP_SECONDS
            said = self._turn(self.console, to_console)
            answered = self._turn(self.agent, to_agent)
            self.said["console"] += said
            self.said["agent"] += answered
            to_agent = self.middle.towards_agent(said)
            to_console = self.cut(self.middle.towards_console(answered))

    def _turn(self, end: End, arrived: bytes) -> bytes:
        connection = end.connection
        if arrived:
            connection.receive_data(arrived, self.now)
        deadline = connection.next_deadline(self.now)
        if deadline is not None and deadline <= self.now:
            connection.handle_timeout(self.now)
        end.take_events(self.now)
        end.pump(self.now)
        return b"".join(connection.data_to_send(self.now))

    @property
    def is_established(self) -> bool:
        return any(end.of(events.SessionEstablished) for end in (self.console, self.agent))


FLIPS: dict[str, Change] = {
    "major 0": lambda hello: replace(hello, major=0),
    "major 2": lambda hello: replace(hello, major=2),
    "major 99": lambda hello: replace(hello, major=99),
    "another role": lambda hello: replace(hello, agent=not hello.agent),
    "another nonce": lambda hello: replace(hello, nonce=hello.nonce ^ 1),
    "no nonce": lambda hello: replace(hello, nonce=0),
    **{
        f"profile {number} {way}": lambda hello, number=number, way=way: (  # type: ignore[misc]
            replace(hello, **{way: number})
        )
        for number in (1, 2, 3, 4, 9)
        for way in ("to_agent", "to_console")
    },
}


def test_nobody_between_them_changes_nothing() -> None:
    line = Line()
    line.begin()
    line.run(5)
    assert line.console.of(events.SessionEstablished)
    assert line.agent.of(events.SessionEstablished)


@pytest.mark.parametrize("flip", FLIPS)
@pytest.mark.parametrize("whose", ["the console's", "the agent's", "both"])
def test_a_hello_that_was_rewritten_makes_no_session(whose: str, flip: str) -> None:
    """Neither end even learns whose key the other has."""
    to_agent = FLIPS[flip] if whose != "the agent's" else same
    to_console = FLIPS[flip] if whose != "the console's" else same
    line = Line(Middle(to_agent, to_console))
    line.begin()
    line.run(60)
    assert not line.is_established
    assert line.console.of(events.AgentKeyOffered) == []
    assert line.agent.of(events.ConsoleKeyOffered) == []
    assert line.console.of(events.HandshakeFailed)


def test_without_the_psk_there_is_no_session_either() -> None:
    """An agent that wants one cannot be talked out of it, nor a console."""
    for psks in ((b"k" * 32, None), (None, b"k" * 32)):
        line = Line(psks=psks)
        line.begin()
        line.run(60)
        assert not line.console.of(events.SessionEstablished)
        assert not line.agent.of(events.SessionEstablished)


TALK: dict[str, bytes] = {
    "silence": b"",
    "a prompt": b"\r\nguardpost agent\r\nguardpost> ",
    "a login": b"\r\nhost login: ",
    "a password": b"Password: ",
    "a shell": b"\r\nroot@host:~# ",
    "a boot loader": b"\r\nHit any key to stop autoboot:  3\r\n=> ",
    "an older agent": Hello(True, 5, 0, 0, major=0).encode(),
    "a newer agent": Hello(True, 5, 0, 0, major=7).encode(),
}


@pytest.mark.parametrize("talk", TALK)
def test_a_console_whose_agent_is_replaced_by_text_says_nothing_in_the_clear(talk: str) -> None:
    line = Line()
    line.begin()
    line.run(5)
    channel = line.console.connection.open_channel("test", b"", line.now)
    line.run(1)
    assert line.console.accepted
    line.cut = lambda data: TALK[talk] if int(line.now * 100) % 50 == 0 else b""
    before = len(line.said["console"])
    line.console.feed(channel, SECRET)
    line.run(90)
    said = line.said["console"][before:]
    assert said, "it did not even try"
    assert not any(SECRET[at : at + 6] in said for at in range(len(SECRET) - 5))
    for raw in hellos(said):
        hello = Hello.decode(raw)
        assert hello is None or hello.major == 1
