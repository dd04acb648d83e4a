"""The frames of a session, and how both ends come to other profiles."""

from guardpost.protocol.framer import Framer
from guardpost.protocol.framing import Encoder, Profile
from guardpost.protocol.messages import Ping, Profiles

CLEAN = (Profile.CLEAN, Profile.CLEAN)
OTHER = (Profile.XONXOFF, Profile.CONSOLE)


def console() -> Framer:
    return Framer(CLEAN, (5, 7), console=True)


def test_what_one_end_encodes_the_other_reads() -> None:
    agent = Framer(OTHER, (5, 7), console=False)
    here = Framer(OTHER, (5, 7), console=True)
    assert agent.feed(here.encode(b"there")) == [(0, b"there")]
    assert here.feed(agent.encode(b"back")) == [(0, b"back")]
    assert (here.encoding, agent.encoding) == OTHER


def test_during_a_switch_it_hears_both_profiles_and_speaks_printable() -> None:
    framer = console()
    assert framer.begin_switch(OTHER, 100.0) == Profiles(1, 2)
    assert framer.encoding is Profile.PRINTABLE
    assert framer.feed(Encoder(Profile.CONSOLE, 7).encode(b"new")) == [(0, b"new")]
    assert framer.feed(b"\0" + Encoder(Profile.CLEAN, 7).encode(b"old")) == [(0, b"old")]


def test_the_ack_ends_it() -> None:
    framer = console()
    message = framer.begin_switch(OTHER, 100.0)
    framer.acked(Ping())
    assert framer.wanted is message
    framer.acked(message)
    assert framer.wanted is None
    assert framer.profiles == OTHER
    assert framer.encoding is Profile.XONXOFF
    assert framer.deadline is None


def test_it_is_said_again_and_given_up() -> None:
    framer = console()
    framer.begin_switch(OTHER, 100.0)
    said = []
    while (deadline := framer.deadline) is not None:
        if framer.handle_timeout(deadline):
            said.append(deadline)
    assert said == [101.5, 103.0, 104.5, 106.0, 107.5]
    assert framer.profiles == CLEAN
    assert framer.encoding is Profile.CLEAN
