import pytest

from guardpost.console.diagnosis import Silence, farewell
from guardpost.errors import (
    AgentStopped,
    GoAwayCode,
    GuardpostError,
    LineBusy,
    LineLost,
    NotAllowed,
)
from guardpost.errors import RemoteProtocolError as Broken
from guardpost.protocol import events
from guardpost.protocol.console_connection import RESTARTED
from guardpost.protocol.framing import Profile
from guardpost.protocol.path import Damage


@pytest.mark.parametrize(
    ("what", "hint"),
    [("other-console", "another console"), ("other-agent", "an agent"), ("agent", "psk")],
)
def test_a_strange_hello_outranks_text(what: str, hint: str) -> None:
    silence = Silence()
    silence.text(b"web01 login: ")
    silence.heard(what)
    assert hint in silence.seen()


def test_who_echoes_is_told_by_what_he_says() -> None:
    silence = Silence()
    silence.heard("echo")
    assert "our own hello" in silence.seen()
    silence.text(b"web01 login: ")
    assert "a login prompt" in silence.seen()


def test_what_a_survey_found_is_told_where_the_handshake_fails_all_the_same() -> None:
    silence = Silence()
    high = frozenset(range(128, 256))
    profiles = (Profile.PRINTABLE, Profile.PRINTABLE)
    assert silence.surveyed(events.PathSurveyed(Damage(frozenset(), frozenset()), profiles)) == ""
    assert "7 bits" in silence.surveyed(events.PathSurveyed(Damage(high, high), profiles))
    failed = events.HandshakeFailed(True, "the agent answered our hello and then fell silent")
    assert "7 bits" in str(silence.explain("x", failed))


def test_bytes_that_nobody_could_read_mean_the_wrong_speed() -> None:
    silence = Silence()
    silence.text(bytes(range(128, 180)))
    assert "?baud=" in silence.seen()
    words = Silence()
    words.text(b"something says something\r\n")
    assert "there was text but no agent" in words.seen()


def test_a_handshake_that_fails_after_the_hello_is_another_story() -> None:
    failed = events.HandshakeFailed(True, "the agent answered our hello and then fell silent")
    assert "?profile=printable" in str(Silence().explain("x", failed))
    other = events.HandshakeFailed(True, "the agent speaks version 2 of the protocol, we speak 1")
    assert "the agent's version" in str(Silence().explain("x", other))
    waiting = events.HandshakeFailed(False, "the line shows a boot menu; nothing was sent")
    assert "guardpost terminal" in str(Silence().explain("x", waiting))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (GoAwayCode.NOT_ALLOWED, NotAllowed),
        (GoAwayCode.BUSY, LineBusy),
        (GoAwayCode.SUPERSEDED, LineLost),
        (GoAwayCode.SHUTTING_DOWN, AgentStopped),
        (GoAwayCode.PROTOCOL, Broken),
        (GoAwayCode.DONE, LineLost),
        (None, LineLost),
    ],
)
def test_each_end_has_its_error(code: GoAwayCode | None, kind: type[GuardpostError]) -> None:
    error = farewell("/dev/ttyS0", events.SessionEnded(code, "because", True), "KEY")
    assert type(error) is kind
    assert "/dev/ttyS0" in str(error)
    assert "\n" not in str(error)


def test_a_restarted_agent_has_its_own_word_and_says_what_to_do_next() -> None:
    error = farewell("web01", events.SessionEnded(None, RESTARTED, True), "KEY")
    assert error.word == "agent-restarted"
    assert str(error) == (
        "web01: the agent was restarted, perhaps with its host; what ran there may have ended; "
        "run the command again for a new session"
    )
