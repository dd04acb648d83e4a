"""A console's session with AMT's firmware, told in bytes and under a clock that a story moves."""

import json

import pytest
from support.tools import ROOT

from guardpost.errors import LocalProtocolError
from guardpost.transports.amt import digest
from guardpost.transports.amt.messages import Controls, fields, packed
from guardpost.transports.amt.redirection import (
    BEAT_SECONDS,
    LOGIN_SECONDS,
    RX_TIMEOUT_MS,
    SILENT_SECONDS,
    Ended,
    Event,
    Opened,
    Received,
    Redirection,
    Refusal,
    Refused,
    State,
)

TRACE = json.loads((ROOT / "tests" / "vectors" / "amt_handshake.json").read_text())

STARTED = "11 00 00 00 01 00 0c 00 57 01 00 00 00"
REALM, NONCE = b"Digest:" + b"4E" * 16, b"7f" * 16
LET_IN = "14 00 00 00 04 00 00 00 00"
SOL_RUNS = "21 00 00 00 01 00 00 00" + " 00" * 15


def offering(*logins: int) -> bytes:
    return bytes.fromhex("14 00 00 00 00") + len(logins).to_bytes(4, "little") + bytes(logins)


def challenge(how: int, *values: bytes) -> bytes:
    data = packed(*values)
    return bytes([0x14, 1, 0, 0, how]) + len(data).to_bytes(4, "little") + data


class Story:
    """`now` moves by itself only when a story says so."""

    def __init__(self, password: bytes = b"P@ssw0rd", **options: bool | int) -> None:
        self.now = 100.0
        plain, gather = bool(options.get("plain")), int(options.get("gather_ms", 100))
        self.session = Redirection(
            *(b"admin", password),
            plain=plain,
            gather_ms=gather,
            random_bytes=lambda count: b"\xab" * count,
            now=self.now,
        )

    def hear(self, *said: str | bytes) -> None:
        for each in said:
            data = bytes.fromhex(each) if isinstance(each, str) else each
            self.session.receive_data(data, self.now)

    def says(self) -> list[bytes]:
        return self.session.data_to_send()

    def said(self) -> bytes:
        """The one message that it now says."""
        (message,) = self.says()
        return message

    def events(self) -> list[Event]:
        found = []
        while (event := self.session.next_event()) is not None:
            found.append(event)
        return found

    def wait(self, seconds: float) -> None:
        """As a shell waits: waking the session whenever it asked for that."""
        until = self.now + seconds
        while (deadline := self.session.next_deadline()) is not None and deadline <= until:
            self.now = deadline
            self.session.handle_timeout(self.now)
        self.now = until

    def log_in(self) -> None:
        self.hear(STARTED, offering(4), challenge(4, REALM, NONCE, b"auth"), LET_IN)

    def open(self) -> None:
        self.log_in()
        self.hear(SOL_RUNS)
        self.events()
        self.says()


# -- opening


def test_the_handshake_is_that_of_a_real_console_with_real_firmware() -> None:
    """Byte for byte as recorded, where the record is whole; as long as recorded where it is not."""
    story, missing = Story(), challenge(4, REALM, NONCE, b"auth")[9:]
    assert story.said() == b"\x10\0\0\0SOL "
    for who, octets in TRACE["trace"][1:]:
        recorded = bytes.fromhex(octets.replace("*", ""))
        if who == "host":
            story.hear(recorded + (missing if "*" in octets else b""))
            continue
        said = story.said()
        assert said[: len(recorded)] == recorded
        if "*" in octets:
            assert len(said) == 9 + int.from_bytes(recorded[5:9], "little")
    assert story.session.state is State.OPENING


def test_the_proof_is_the_digest_and_names_what_it_was_made_of() -> None:
    story = Story()
    story.hear(STARTED, offering(1, 3, 4))
    first = story.says()[-1]
    assert fields(first[9:], 8) == (b"admin", b"", b"", b"/RedirectionService", *[b""] * 4)
    story.hear(challenge(4, REALM, NONCE, b"auth"))
    user, realm, nonce, uri, cnonce, nc, proof, qop = fields(story.said()[9:], 8)
    assert (user, realm, nonce, uri) == (b"admin", REALM, NONCE, b"/RedirectionService")
    assert (cnonce, nc, qop) == (b"ab" * 16, b"00000001", b"auth")
    good = digest.response(*(b"admin", b"P@ssw0rd", REALM, NONCE), cnonce=cnonce, nc=nc, qop=qop)
    assert proof == good


def test_older_firmware_gets_the_digest_of_rfc_2069() -> None:
    story = Story()
    story.hear(STARTED, offering(1, 3))
    assert story.says()[-1][:9].hex(" ") == "13 00 00 00 03 1f 00 00 00"
    story.hear(challenge(3, REALM, NONCE))
    *_, proof = fields(story.said()[9:], 7)
    assert proof == digest.response(b"admin", b"P@ssw0rd", REALM, NONCE)
    story.hear("14 00 00 00 03 00 00 00 00")
    assert story.session.state is State.OPENING


def test_the_password_itself_is_sent_only_where_that_was_asked_for() -> None:
    story = Story()
    story.hear(STARTED, offering(1, 2))
    (refused,) = story.events()
    assert refused == Refused(Refusal.NO_DIGEST, "it offers 1, 2")
    assert b"P@ssw0rd" not in b"".join(story.says())

    story = Story(plain=True)
    story.hear(STARTED, offering(1, 4))
    assert story.says()[-1].hex(" ") == (
        "13 00 00 00 01 0f 00 00 00 05 61 64 6d 69 6e 08 50 40 73 73 77 30 72 64"
    )
    story.hear("14 00 00 00 01 00 00 00 00")
    assert story.session.state is State.OPENING


def test_a_plain_login_that_is_not_offered_is_no_reason_for_another() -> None:
    story = Story(plain=True)
    story.hear(STARTED, offering(4))
    assert story.events() == [Refused(Refusal.NO_PLAIN, "it offers 4")]


def test_the_session_s_settings() -> None:
    """10 000 bytes, gather 20 ms, never drop, close at 10 s, flush at 100 ms, beat each 5 s."""
    story = Story(gather_ms=20)
    story.log_in()
    assert story.says()[-1].hex(" ") == (
        "20 00 00 00 01 00 00 00 10 27 14 00 00 00 10 27 64 00 88 13 00 00 00 00"
    )
    story.hear(SOL_RUNS)
    assert story.events() == [Opened((12, 0))]


# -- refusals


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (1, Refusal.DISABLED),
        (2, Refusal.BUSY),
        (3, Refusal.DISABLED),
        (255, Refusal.FAILED),
        (77, Refusal.FAILED),
    ],
)
@pytest.mark.parametrize("rest", ["00 00", "00 00 01 00 0c 00 57 01 00 00 00"])
def test_busy_and_switched_off_are_told_apart(status: int, why: Refusal, rest: str) -> None:
    story = Story()
    story.hear(f"11 {status:02x} {rest}")
    assert story.events() == [Refused(why, f"status {status}")]
    assert story.session.next_deadline() is None


def test_a_long_list_of_logins_makes_no_long_error() -> None:
    story = Story()
    story.hear(STARTED, offering(*[7] * 2000))
    (refused,) = story.events()
    assert refused == Refused(Refusal.NO_DIGEST, "it offers " + "7, " * 15 + "7 and 1984 more")


def test_a_login_that_is_not_supported_is_no_wrong_password() -> None:
    story = Story()
    story.hear(STARTED, offering(4), challenge(4, REALM, NONCE, b"auth"))
    story.hear("14 02 00 00 04 00 00 00 00")
    assert story.events() == [Refused(Refusal.NOT_SUPPORTED, "login 4")]


@pytest.mark.parametrize("again", ["14 01 00 00 04 00 00 00 00", "challenge"])
def test_a_wrong_password_is_tried_once(again: str) -> None:
    story = Story()
    story.hear(STARTED, offering(4), challenge(4, REALM, NONCE, b"auth"))
    story.says()
    story.hear(challenge(4, REALM, NONCE, b"auth") if again == "challenge" else again)
    assert story.events() == [Refused(Refusal.CREDENTIALS)]
    assert story.says() == []


def test_a_login_may_be_refused_instead_of_the_challenge() -> None:
    story = Story()
    story.hear(STARTED, offering(4), "14 02 00 00 04 00 00 00 00")
    assert story.events() == [Refused(Refusal.NOT_SUPPORTED, "login 4")]


def test_serial_over_lan_that_does_not_start() -> None:
    story = Story()
    story.log_in()
    story.hear("21 01" + " 00" * 21)
    assert story.events() == [Refused(Refusal.NOT_STARTED, "status 1")]


def test_firmware_that_does_not_tell_how_to_log_in() -> None:
    story = Story()
    story.hear(STARTED, "14 02 00 00 00 00 00 00 00")
    assert [type(event) for event in story.events()] == [Refused]


@pytest.mark.parametrize(
    ("heard", "while_"),
    [([], "starting"), ([STARTED], "asking how to log in"), ([STARTED, offering(4)], "challenge")],
)
def test_firmware_that_falls_silent_is_given_up(heard: list[str | bytes], while_: str) -> None:
    story = Story()
    story.hear(*heard)
    story.wait(LOGIN_SECONDS - 0.1)
    assert story.events() == []
    story.wait(0.2)
    (refused,) = story.events()
    assert isinstance(refused, Refused)
    assert refused.why is Refusal.SILENT
    assert while_ in refused.detail


@pytest.mark.parametrize("early", [SOL_RUNS, "2a" + " 00" * 9, LET_IN, "23 00 00 00 00 00 00 00"])
def test_a_message_out_of_its_turn_breaks_the_protocol(early: str) -> None:
    story = Story()
    story.hear(early)
    (refused,) = story.events()
    assert isinstance(refused, Refused)
    assert refused.why is Refusal.PROTOCOL
    story.hear(STARTED)
    assert story.events() == []


def test_protection_of_the_whole_is_no_login_of_ours() -> None:
    story = Story()
    story.hear(STARTED, offering(4), challenge(4, REALM, NONCE, b"auth-int"))
    (refused,) = story.events()
    assert isinstance(refused, Refused)
    assert "auth-int" in refused.detail
    story = Story()
    story.hear(STARTED, offering(4), challenge(4, REALM, NONCE, b"auth-int, auth"))
    assert story.session.state is State.PROVING


def test_what_does_not_fit_into_a_message_is_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        Story(password=bytes(256))


# -- the open line


def test_bytes_both_ways() -> None:
    story = Story()
    story.open()
    story.session.send(bytes(range(256)), story.now)
    assert story.said() == b"\x28\0\0\0\x02\0\0\0\0\x01" + bytes(range(256))
    story.hear("2a 00 00 00 00 00 00 00 02 00 ff 00", "2a 00 00 00 00 00 00 00 01 00 41")
    assert story.events() == [Received(b"\xff\0"), Received(b"A")]


def test_much_is_sent_in_messages_that_the_oldest_firmware_takes() -> None:
    story = Story()
    story.open()
    story.session.send(bytes(2500), story.now)
    assert [len(each) - 10 for each in story.says()] == [1000, 1000, 500]


def test_nothing_is_sent_before_the_line_is_open() -> None:
    story = Story()
    with pytest.raises(LocalProtocolError, match="starting"):
        story.session.send(b"x", story.now)


def test_the_firmware_hears_from_a_quiet_console_in_time() -> None:
    story = Story()
    story.open()
    story.wait(60)
    beats = story.says()
    assert {each[0] for each in beats} == {0x2B}
    assert len(beats) >= 60 / (RX_TIMEOUT_MS / 1000) * 2
    assert BEAT_SECONDS * 2 < RX_TIMEOUT_MS / 1000


def test_a_busy_console_needs_no_heartbeat() -> None:
    story = Story()
    story.open()
    for _ in range(20):
        story.wait(BEAT_SECONDS / 2)
        story.session.send(b"x", story.now)
    assert {each[0] for each in story.says()} == {0x28}


def test_the_firmware_s_heartbeats_are_not_thrown_back_and_its_pings_are() -> None:
    story = Story()
    story.open()
    story.hear("2b 00 00 00 63 00 00 00")
    assert story.says() == []
    story.hear("24 00 00 00 63 00 00 00")
    assert story.said().hex(" ") == "25 00 00 00 63 00 00 00"


def test_pings_of_one_that_reads_nothing_do_not_pile_up_answers() -> None:
    story = Story()
    story.open()
    story.says()
    story.hear("24 00 00 00 63 00 00 00 " * 10_000)
    assert len(story.says()) <= 16
    story.hear("24 00 00 00 64 00 00 00")
    assert story.said().hex(" ") == "25 00 00 00 64 00 00 00"


def test_silence_means_something_only_where_there_were_heartbeats() -> None:
    story = Story()
    story.open()
    assert story.session.silent_at(story.now) is None
    story.hear("2b 00 00 00 01 00 00 00")
    heard = story.now
    assert story.session.silent_at(heard) == heard + SILENT_SECONDS
    story.wait(3)
    story.hear("2a 00 00 00 00 00 00 00 01 00 41")
    assert story.session.silent_at(heard) == heard + 3 + SILENT_SECONDS
    # Whoever did not listen has heard nothing for that reason.
    assert story.session.silent_at(heard + 100) == heard + 100 + SILENT_SECONDS


def test_the_host_s_com_port_and_its_break_are_told() -> None:
    story = Story()
    story.open()
    story.hear("29 00 00 00 00 00 00 00 07 04")
    (told,) = story.events()
    assert isinstance(told, Controls)
    assert (told.rts, told.dtr, told.is_break, told.power_on) == (True, True, True, True)


# -- endings


def test_a_session_is_ended_properly() -> None:
    story = Story()
    story.open()
    story.session.close()
    assert story.said()[0] == 0x22
    story.hear("2a 00 00 00 00 00 00 00 01 00 41", "2b 00 00 00 01 00 00 00")
    assert story.says() == []
    story.hear("23 00 00 00 02 00 00 00")
    assert story.said().hex(" ") == "12 00 00 00"
    assert story.events() == [Ended()]
    story.session.close()
    assert story.says() == []


def test_one_that_was_never_open_ends_at_once() -> None:
    story = Story()
    story.says()
    story.hear(STARTED)
    story.says()
    story.session.close()
    assert story.said().hex(" ") == "12 00 00 00"
    assert story.events() == [Ended()]


def test_the_firmware_may_end_it_too() -> None:
    story = Story()
    story.open()
    story.hear("23 00 00 00 00 00 00 00")
    assert story.events() == [Ended()]
    assert story.said().hex(" ") == "12 00 00 00"


def test_a_lost_connection_says_nothing_more() -> None:
    story = Story()
    story.open()
    story.session.send(b"never arrives", story.now)
    story.session.receive_eof()
    story.session.close()
    assert (story.says(), story.session.next_deadline()) == ([], None)
