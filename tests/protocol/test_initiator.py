"""The console's way to a session, step by step, against a Responder or nobody at all."""

import pytest
from support.pair import AGENT_KEY, CONSOLE_KEY, random_bytes

from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import Hello
from guardpost.protocol.initiator import Initiator, Stage
from guardpost.protocol.limits import LISTEN_SECONDS
from guardpost.protocol.responder import Responder
from guardpost.protocol.responder import Stage as ResponderStage

START = 100.0
ASKED = START + LISTEN_SECONDS


def initiator(
    *profiles: Profile,
    consent: bool = False,
    not_before: float = 0.0,
) -> Initiator:
    return Initiator(
        static_private=CONSOLE_KEY,
        message_3_payload=b"\x80",
        profiles=profiles or (Profile.CLEAN,),
        random_bytes=random_bytes(1),
        psk=None,
        consent=consent,
        now=START,
        not_before=not_before,
    )


def responder(console_hello: bytes) -> Responder:
    hello = Hello.decode(console_hello)
    assert hello is not None
    return Responder(
        console_hello,
        hello,
        static_private=AGENT_KEY,
        message_2_payload=b"\x80",
        random_bytes=random_bytes(2),
        psk=None,
        now=ASKED,
    )


def asked(*profiles: Profile) -> Initiator:
    """It has sent its first hello."""
    one = initiator(*profiles)
    one.handle_timeout(ASKED)
    assert one.stage is Stage.HELLO_SENT
    return one


def times_out(one: Initiator, until: float) -> list[float]:
    """When its deadlines come, with nobody answering."""
    times: list[float] = []
    while one.deadline is not None and one.deadline <= until:
        times.append(round(one.deadline - START, 3))
        one.handle_timeout(one.deadline)
    return times


def to_console(one: Initiator, frames: list[bytes], now: float) -> None:
    assert one.decoder is not None
    for frame in frames:
        for which, body in one.decoder.feed(frame):
            if which >= 0:
                one.receive(body, now)


def to_agent(two: Responder, frames: list[bytes], now: float) -> None:
    for frame in frames:
        for which, body in two.decoder.feed(frame):
            if which >= 0:
                two.receive(body, now)


def offered(one: Initiator, two: Responder, now: float = ASKED + 0.1) -> None:
    """Hello and messages 1 and 2 have passed."""
    assert one.agent_hello(two.agent_hello, now)
    to_agent(two, one.frames, now)
    to_console(one, two.frames, now)
    one.frames, two.frames = [], []


def test_it_listens_before_it_speaks() -> None:
    one = initiator()
    one.handle_timeout(START + 0.29)
    assert one.stage is Stage.LISTENING
    assert one.hellos == []
    one.handle_timeout(ASKED)
    assert len(one.hellos) == 1


def test_after_a_break_it_waits() -> None:
    one = initiator(not_before=START + 6.0)
    assert one.deadline == START + 6.0


def test_nobody_answers_three_hellos() -> None:
    one = initiator()
    assert times_out(one, START + 60) == [0.3, 1.3, 3.3, 6.3]
    assert one.stage is Stage.FAILED
    assert not one.heard_hello
    assert one.hellos == []  # a failure says nothing more


def test_a_hello_is_repeated_as_it_was() -> None:
    one = initiator()
    times_out(one, START + 5)
    assert len(one.hellos) == 3
    assert len(set(one.hellos)) == 1


def test_nothing_is_typed_onto_a_boot_loader() -> None:
    one = initiator()
    one.text(b"Hit any key to stop autoboot:  3 ")
    times_out(one, START + 60)
    assert one.stage is Stage.FAILED
    assert "boot loader" in one.reason
    assert one.hellos == []


def test_not_even_a_repetition() -> None:
    one = asked()
    one.hellos = []
    one.text(b"\r\nPassword: ")
    times_out(one, START + 60)
    assert one.hellos == []
    assert "password prompt" in one.reason


def test_with_consent_it_is() -> None:
    one = initiator(consent=True)
    one.text(b"Hit any key to stop autoboot:  3 ")
    one.handle_timeout(ASKED)
    assert len(one.hellos) == 1


def test_all_the_way() -> None:
    one = asked()
    two = responder(one.hello)
    offered(one, two)
    assert one.stage is Stage.KEY_OFFERED
    assert one.message_2_payload == b"\x80"
    assert one.deadline is None  # a person may take his time
    one.accept(ASKED + 60.0)
    to_agent(two, one.frames, ASKED + 60.0)
    assert two.stage is ResponderStage.MESSAGE_3_READ
    assert two.payload == b"\x80"
    assert one.handshake is not None
    assert one.handshake.split() == tuple(reversed(two.handshake.split()))
    one.established()
    assert one.stage is Stage.ESTABLISHED
    assert one.deadline is None


def test_message_1_is_repeated_with_growing_patience() -> None:
    one = asked()
    one.agent_hello(responder(one.hello).agent_hello, ASKED + 0.1)
    # 0.25 s and twice the round trip of the hello, doubled each time, four in all.
    assert times_out(one, START + 60) == [0.85, 1.75, 3.55, 7.15]
    assert one.stage is Stage.FAILED
    assert one.heard_hello


def test_message_3_is_repeated_as_it_was() -> None:
    one = asked()
    offered(one, responder(one.hello))
    one.accept(ASKED + 1.0)
    times_out(one, ASKED + 5.0)
    assert len(one.frames) == 4
    assert len(set(one.frames)) == 1


def surveyed(one: Initiator, there: bytes, back: bytes, now: float) -> None:
    """Its survey crosses a path that eats these values."""
    (hello,) = one.hellos
    two = responder(hello)
    one.hellos, two.hellos = [], []
    assert one.agent_hello(two.agent_hello, now)
    while one.stage is Stage.SURVEYING:
        out, one.hellos = b"".join(one.hellos).translate(None, there), []
        for which, body in two.decoder.feed(out):
            if which >= 0:
                two.receive(body, now)
            else:
                two.residue(body)
        answer, two.hellos = b"".join(two.hellos).translate(None, back), []
        assert one.survey(answer, now)


def test_a_frame_with_every_value_goes_ahead_where_there_is_a_choice() -> None:
    one = asked(Profile.CLEAN, Profile.CONSOLE)
    two = responder(one.hello)
    one.agent_hello(two.agent_hello, ASKED)
    assert [len(frame) > 256 for frame in one.frames] == [True, False]
    to_agent(two, one.frames, ASKED)
    assert [len(frame) > 256 for frame in two.frames] == [True, False]
    to_console(one, two.frames, ASKED)
    assert one.stage is Stage.KEY_OFFERED


@pytest.mark.parametrize("lost", ["to the agent", "to the console"])
def test_message_2_without_that_frame_begins_a_survey_at_once(lost: str) -> None:
    one = asked(Profile.CLEAN, Profile.CONSOLE)
    two = responder(one.hello)
    one.agent_hello(two.agent_hello, ASKED)
    to_agent(two, one.frames[lost == "to the agent" :], ASKED)
    to_console(one, two.frames[lost == "to the console" :], ASKED)
    assert one.stage is Stage.SURVEYING


def test_hellos_pass_and_frames_do_not_so_the_path_is_surveyed() -> None:
    one = asked(Profile.CLEAN, Profile.XONXOFF, Profile.CONSOLE)
    first = one.hello
    one.agent_hello(responder(first).agent_hello, ASKED)
    one.hellos, one.frames = [], []
    assert one.deadline is not None
    one.handle_timeout(one.deadline)
    assert one.stage is Stage.SURVEYING
    surveyed(one, b"\x11\x13", b"\x1b", ASKED + 1)
    assert one.stage is Stage.HELLO_SENT
    (second,) = one.hellos
    hello = Hello.decode(second)
    assert hello is not None
    assert (hello.to_agent, hello.to_console) == (Profile.XONXOFF, Profile.CONSOLE)
    assert not one.agent_hello(responder(first).agent_hello, ASKED + 20)
    offered(one, responder(second), ASKED + 20)
    assert one.profiles == (Profile.XONXOFF, Profile.CONSOLE)


def test_after_a_survey_that_nobody_answers_it_goes_on_printable() -> None:
    one = asked(Profile.CLEAN, Profile.CONSOLE)
    one.agent_hello(responder(one.hello).agent_hello, ASKED)
    while one.stage is not Stage.HELLO_SENT and one.deadline is not None:
        one.hellos.clear()
        one.handle_timeout(one.deadline)
    (second,) = one.hellos
    hello = Hello.decode(second)
    assert hello is not None
    assert (hello.to_agent, hello.to_console) == (Profile.PRINTABLE, Profile.PRINTABLE)


def test_a_survey_is_no_excuse_to_speak_to_a_boot_loader() -> None:
    one = asked(Profile.CLEAN, Profile.CONSOLE)
    one.agent_hello(responder(one.hello).agent_hello, ASKED)
    assert one.deadline is not None
    one.handle_timeout(one.deadline)
    one.hellos, one.frames = [], []
    one.survey(b"\r\nHit any key to stop autoboot:  3 ", ASKED + 2)
    times_out(one, ASKED + 60)
    assert one.stage is Stage.FAILED
    assert one.hellos == []


def test_the_agent_decides_the_profiles() -> None:
    one = asked(Profile.CONSOLE)
    answer = Hello(True, 1, Profile.PRINTABLE, Profile.CONSOLE).encode(answers=one.hello)
    assert one.agent_hello(answer, ASKED)
    assert one.profiles == (Profile.PRINTABLE, Profile.CONSOLE)


def test_an_agent_of_another_version_ends_it() -> None:
    one = asked()
    answer = Hello(True, 1, 0, 0, major=2).encode(answers=one.hello)
    assert one.agent_hello(answer, ASKED)
    assert one.stage is Stage.FAILED
    assert "version 2" in one.reason
    assert one.frames == []


@pytest.mark.parametrize("what", ["before we asked", "to another console", "our own echo"])
def test_what_is_no_answer_to_us(what: str) -> None:
    one = initiator() if what == "before we asked" else asked()
    other = Hello(False, 5, 0, 0).encode()
    candidate = one.hello if what == "our own echo" else Hello(True, 1, 0, 0).encode(answers=other)
    stage = one.stage
    assert not one.agent_hello(candidate, ASKED)
    assert one.stage is stage


def test_a_repeated_answer_is_taken_and_changes_nothing() -> None:
    one = asked()
    two = responder(one.hello)
    offered(one, two)
    assert one.agent_hello(two.agent_hello, ASKED + 1)
    assert one.stage is Stage.KEY_OFFERED
    assert one.frames == []


@pytest.mark.parametrize("body", [b"\x02", b"\x02" + bytes(96)], ids=["cut", "zeros"])
def test_a_bad_message_2_ends_it_quietly(body: bytes) -> None:
    one = asked()
    one.agent_hello(responder(one.hello).agent_hello, ASKED)
    one.receive(body, ASKED + 0.1)
    assert one.stage is Stage.FAILED
    assert one.frames == []


@pytest.mark.parametrize("body", [b"\x01", b"\x03abc", b"\x10abc", b"\xff"])
def test_other_frames_are_ignored(body: bytes) -> None:
    one = asked()
    one.agent_hello(responder(one.hello).agent_hello, ASKED)
    one.receive(body, ASKED + 0.1)
    assert one.stage is Stage.MESSAGE_1_SENT


def test_it_accepts_nothing_before_a_key_was_offered() -> None:
    one = asked()
    one.accept(ASKED)
    assert one.frames == []
    assert one.stage is Stage.HELLO_SENT
