"""Our own words coming back are dropped, and nothing that a person types is."""

from hypothesis import given
from hypothesis import strategies as st

from guardpost.agent.echo import MIN_MATCH_BYTES, RECENT_BYTES, AnswerBudget, EchoFilter

SPOKEN = b"\r\nguardpost 1 on web01; type help\r\nguardpost> "


def spoken() -> EchoFilter:
    made = EchoFilter()
    made.spoke(SPOKEN, 0.0)
    return made


def test_what_was_said_is_dropped_but_for_its_empty_lines() -> None:
    assert spoken().feed(SPOKEN, 0.1) == b"\r\n"


def test_it_is_dropped_byte_by_byte_too() -> None:
    made = spoken()
    heard = b"".join([made.feed(SPOKEN[i : i + 1], 0.1) for i in range(len(SPOKEN))])
    assert heard == b"\r\n"


def test_a_line_that_begins_as_ours_is_dropped_to_its_end() -> None:
    made = spoken()
    assert made.feed(b"guardpost> help\rps\r", 0.1) == b"\nps\r"[1:]


def test_after_two_seconds_it_is_a_person() -> None:
    made = spoken()
    assert made.feed(b"guardpost> \r", 2.1) == b"guardpost> \r"


def test_an_echo_without_end_does_not_deafen() -> None:
    for echo in (b"guardpost> ", b"guardpost> x"):
        made = spoken()
        assert made.feed(echo, 0.1) == b""
        assert made.feed(b"help\r", 5.0) == b"help\r"
    made = spoken()
    made.feed(b"gua", 0.1)
    assert made.feed(b"x\r", 5.0) == b"guax\r"


def test_a_person_who_begins_like_us_is_heard() -> None:
    made = spoken()
    assert made.feed(b"gua", 0.1) == b""
    assert made.feed(b"x\r", 0.2) == b"guax\r"
    assert made.feed(b"guard\r", 0.3) == b"guard\r"
    assert made.feed(b"guard\x03", 0.3) == b"guard\x03"


def test_ctrl_c_is_heard_even_in_an_echo() -> None:
    made = spoken()
    assert made.feed(b"guardpost> garbage\x03ps\r", 0.1) == b"guardpost> garbage\x03ps\r"[-4:]


def test_what_waited_can_be_dropped() -> None:
    made = spoken()
    made.feed(b"guardp", 0.1)
    made.reset()
    assert made.feed(b"ps\r", 0.1) == b"ps\r"


@given(st.lists(st.binary(max_size=30), max_size=30), st.binary(max_size=60))
def test_nothing_is_invented_and_memory_is_bounded(said: list[bytes], heard: bytes) -> None:
    made = EchoFilter()
    for words in said:
        made.spoke(words * 20, 0.0)
    out = made.feed(heard, 1.0)
    assert len(out) <= len(heard)
    assert sum(len(line) for _, line in made._spoken) <= RECENT_BYTES
    made.reset()
    assert made.feed(b"\x1b" * 3 + b"z\r", 9.0) == b"\x1b" * 3 + b"z\r"


@given(st.text(alphabet="abcdefgh ", max_size=MIN_MATCH_BYTES - 1))
def test_short_lines_always_pass(line: str) -> None:
    made = EchoFilter()
    made.spoke(b"\r\n" + line.encode() + b" and more of it\r\n", 0.0)
    assert made.feed(line.encode() + b"\r", 0.1) == line.encode() + b"\r"


def budget() -> AnswerBudget:
    made = AnswerBudget(useless=3, answers=6, echo_bytes=100)
    made.heard(0.0)
    return made


def test_three_useless_lines_are_answered_then_none_until_silence() -> None:
    made = budget()
    assert [made.useless() for _ in range(4)] == [True, True, True, False]
    for second in range(1, 30):
        made.heard(second * 1.0)
        assert made.spent
    made.heard(40.0)
    assert made.useless()


def test_a_command_makes_up_for_useless_lines() -> None:
    made = budget()
    made.useless()
    made.useless()
    assert made.useful()
    assert made.useless()
    assert not made.spent


def test_commands_too_have_a_limit() -> None:
    made = budget()
    assert [made.useful() for _ in range(7)] == [True] * 6 + [False]
    made.heard(5.0)
    assert not made.useful()
    made.heard(15.0)
    assert made.useful()


def test_echo_has_a_limit() -> None:
    made = budget()
    assert made.echoed(60)
    assert made.echoed(60)
    assert not made.echoed(1)
    assert not made.useful()


def test_a_slow_person_never_meets_a_limit() -> None:
    made = budget()
    for moment in range(0, 300, 5):
        made.heard(float(moment))
        assert made.useless()
