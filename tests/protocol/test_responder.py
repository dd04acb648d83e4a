"""The agent's half-open handshake: answers, repeats what it said, and fails quietly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pair import AGENT_KEY, CONSOLE_KEY, random_bytes

from guardpost.protocol.framing import Decoder, Profile
from guardpost.protocol.handshake import Handshake
from guardpost.protocol.hello import Hello, epoch, handshake_states
from guardpost.protocol.limits import HALF_OPEN_SECONDS
from guardpost.protocol.responder import Responder, Stage

START = 100.0


def responder(profile: int = 0, psk: bytes | None = None) -> Responder:
    hello = Hello(False, 4711, profile, profile)
    return Responder(
        hello.encode(),
        hello,
        static_private=AGENT_KEY,
        message_2_payload=b"\x80",
        random_bytes=random_bytes(2),
        psk=psk,
        now=START,
    )


def console_of(two: Responder, psk: bytes | None = None) -> Handshake:
    return Handshake(
        initiator=True,
        prologue=two.console_hello + two.agent_hello,
        static_private=CONSOLE_KEY,
        random_bytes=random_bytes(3),
        psk=psk,
    )


def body_of(two: Responder, frame: bytes) -> bytes:
    states = handshake_states(epoch(two.console_hello, two.agent_hello))
    ((which, body),) = Decoder(two.profiles[1], (states[1],)).feed(frame)
    assert which == 0
    return body


def test_the_hello_is_answered_with_the_profiles_that_were_asked_for() -> None:
    two = responder(Profile.CONSOLE)
    (answer,) = two.hellos
    hello = Hello.decode(answer, answers=two.console_hello)
    assert hello is not None
    assert hello.agent
    assert (hello.to_agent, hello.to_console) == (Profile.CONSOLE, Profile.CONSOLE)


def test_a_profile_it_does_not_have_becomes_printable() -> None:
    two = responder(8)
    assert two.profiles == (Profile.PRINTABLE, Profile.PRINTABLE)
    assert two.to_console is Profile.PRINTABLE


def test_a_repeated_hello_gets_the_same_answer() -> None:
    two = responder()
    two.hello_repeated()
    assert two.hellos == [two.agent_hello] * 2


@pytest.mark.parametrize("psk", [None, bytes(32)], ids=["no psk", "psk"])
def test_all_the_way(psk: bytes | None) -> None:
    two = responder(psk=psk)
    one = console_of(two, psk)
    two.receive(b"\x01" + one.write_message(), START + 1)
    assert two.stage is Stage.MESSAGE_2_SENT
    body = body_of(two, two.frames[0])
    assert body[0] == 2
    assert one.read_message(body[1:]) == b"\x80"
    two.receive(b"\x03" + one.write_message(b"name"), START + 2)
    assert two.stage is Stage.MESSAGE_3_READ
    assert two.payload == b"name"
    assert two.handshake.split() == tuple(reversed(one.split()))


def test_a_repeated_message_1_gets_the_same_message_2() -> None:
    two = responder()
    message = b"\x01" + console_of(two).write_message()
    two.receive(message, START + 1)
    two.receive(message, START + 5)
    assert len(two.frames) == 2
    assert two.frames[0] == two.frames[1]


def test_only_progress_keeps_it_open() -> None:
    two = responder()
    assert two.deadline == START + HALF_OPEN_SECONDS
    message = b"\x01" + console_of(two).write_message()
    two.receive(message, START + 1)
    assert two.deadline == START + 1 + HALF_OPEN_SECONDS
    two.receive(message, START + 5)
    two.receive(b"\x07what", START + 6)
    assert two.deadline == START + 1 + HALF_OPEN_SECONDS


def test_another_message_1_is_ignored() -> None:
    two = responder()
    two.receive(b"\x01" + console_of(two).write_message(), START)
    two.receive(b"\x01" + bytes(32), START)
    assert len(two.frames) == 1
    assert two.stage is Stage.MESSAGE_2_SENT


def test_message_3_comes_after_message_1() -> None:
    two = responder()
    two.receive(b"\x03" + bytes(64), START)
    assert two.stage is Stage.HELLO_ANSWERED


def test_another_psk_fails() -> None:
    two = responder(psk=bytes(32))
    one = console_of(two, psk=b"\1" + bytes(31))
    two.receive(b"\x01" + one.write_message(), START)
    one.read_message(body_of(two, two.frames.pop())[1:])
    two.receive(b"\x03" + one.write_message(), START)
    assert two.stage is Stage.FAILED
    assert two.frames == []


@given(st.lists(st.binary(min_size=1, max_size=120), max_size=4))
def test_any_frames_end_in_silence(bodies: list[bytes]) -> None:
    two = responder()
    for body in bodies:
        two.receive(body, START)
        two.receive(b"\x01" + body, START)
        two.receive(b"\x03" + body, START)
    assert two.stage is not Stage.MESSAGE_3_READ
    assert len(two.frames) <= 4
