"""Is our session still known to the agent that answers our hellos?"""

from guardpost.protocol.inquiry import Inquiry, Step
from guardpost.protocol.limits import KNOWN_SECONDS, KNOWN_SETTLE_SECONDS, KNOWN_TRIES

ROUND_TRIP = 0.01


def run(inquiry: Inquiry, now: float, answers: list[bool]) -> tuple[Step | None, float]:
    """Asks whenever it says so; `answers`: which of those hellos are answered."""
    left = list(answers)
    while inquiry.deadline is not None:
        now = inquiry.deadline
        step = inquiry.handle_timeout(now)
        if step is not Step.ASK:
            return step, now
        inquiry.asked(b"hello %d" % len(left), now)
        if left.pop(0):
            now += ROUND_TRIP
            inquiry.answered(now)
    return None, now


def asked_and_answered() -> Inquiry:
    inquiry = Inquiry()
    inquiry.asked(b"hello", 0.0)
    assert inquiry.deadline is None
    inquiry.answered(ROUND_TRIP)
    return inquiry


def test_hellos_answered_and_pings_not_are_proof_within_some_round_trips() -> None:
    step, at = run(asked_and_answered(), ROUND_TRIP, [True] * KNOWN_TRIES)
    assert step is Step.UNKNOWN
    rounds = KNOWN_TRIES + 1
    assert round(at, 6) == round(rounds * (KNOWN_SETTLE_SECONDS + 2 * ROUND_TRIP), 6)


def test_a_hello_that_gets_lost_on_the_way_proves_nothing_and_costs_its_patience() -> None:
    answers = [False] + [True] * (KNOWN_TRIES - 1)
    step, at = run(asked_and_answered(), ROUND_TRIP, answers)
    assert step is Step.UNKNOWN
    assert KNOWN_SECONDS < at < KNOWN_SECONDS + (KNOWN_TRIES + 1) * 0.3


def test_a_line_that_falls_mute_after_the_hello_proves_nothing() -> None:
    inquiry = asked_and_answered()
    assert run(inquiry, ROUND_TRIP, [False] * KNOWN_TRIES)[0] is Step.UNDECIDED
    assert inquiry.deadline is None
    inquiry.answered(100.0)  # when it comes back all the same, it begins anew
    assert run(inquiry, 100.0, [True] * KNOWN_TRIES)[0] is Step.UNKNOWN


def test_a_slow_line_is_given_two_round_trips() -> None:
    inquiry = Inquiry()
    inquiry.asked(b"hello", 0.0)
    inquiry.answered(4.0)
    assert inquiry.deadline == 4.0 + KNOWN_SETTLE_SECONDS + 4.0
    assert inquiry.handle_timeout(inquiry.deadline) is Step.ASK
    inquiry.asked(b"hello", 8.25)
    assert inquiry.deadline == 8.25 + 8.0


def test_a_packet_that_opened_ends_it() -> None:
    inquiry = asked_and_answered()
    inquiry.stop()
    assert inquiry.deadline is None
    assert inquiry.handle_timeout(100.0) is None


def test_the_same_answer_twice_counts_once() -> None:
    inquiry = asked_and_answered()
    before = inquiry.deadline
    inquiry.answered(0.2)
    assert inquiry.deadline == before
