"""Sent packets and their fate, and the size of the next one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.limits import (
    FRAME_BULK_SECONDS,
    FRAME_INTERACTIVE_SECONDS,
    FRAME_MIN_BYTES,
    FRAME_SHARED,
    FRAME_SHARED_MEMORY_SECONDS,
    FRAME_START_BYTES,
    INTERACTIVE_MEMORY_SECONDS,
    PACKET_BODY_MAX_BYTES,
    PROBE_FIRST_SECONDS,
)
from guardpost.protocol.messages import Ack, Credit, Message
from guardpost.protocol.recovery import FrameSize, Recovery

BAUD_115200 = 11520.0
START = 100.0


def carried(number: int) -> list[Message]:
    """What packet `number` holds here."""
    return [Credit(number, number)]


def recovery_with(*numbers: int) -> Recovery:
    recovery = Recovery()
    for number in numbers:
        recovery.sent(number, 300, carried(number), START + number / 100, waited=False)
    return recovery


def ack(*ranges: tuple[int, int], delay: int = 0) -> Ack:
    return Ack(ranges, 1_000_000, delay)


# --- fates ---


def test_what_is_acked_goes_back_to_its_owner_once() -> None:
    recovery = recovery_with(0, 1, 2)
    fate = recovery.acked(ack((0, 2)), START + 1)
    assert (fate.acked, fate.lost) == (carried(0) + carried(1), [])
    assert recovery.acked(ack((0, 2)), START + 1).acked == []
    assert recovery.acked(ack((0, 3)), START + 1).acked == carried(2)
    assert recovery.probe_deadline() is None


def test_a_later_ack_proves_a_loss() -> None:
    recovery = recovery_with(0, 1, 2, 3)
    fate = recovery.acked(ack((2, 3), (0, 1)), START + 1)
    assert (fate.acked, fate.lost) == (carried(0) + carried(2), carried(1))
    assert recovery.packets_lost == 1
    assert recovery.probe_deadline() is not None


def test_an_ack_for_what_was_never_sent_is_a_violation() -> None:
    recovery = recovery_with(0)
    recovery.sent_unacked(1, 40, START)
    recovery.acked(ack((0, 2)), START + 1)
    with pytest.raises(RemoteProtocolError):
        recovery.acked(ack((0, 3)), START + 1)


def test_the_round_trip_leaves_out_the_peers_delay() -> None:
    recovery = recovery_with(0)
    recovery.acked(ack((0, 1), delay=300_000), START + 0.5)
    assert recovery.round_trip.smoothed == pytest.approx(0.2)


def test_an_ack_whose_largest_is_not_ours_to_time_gives_no_sample() -> None:
    recovery = recovery_with(0)
    recovery.sent_unacked(1, 40, START)
    assert recovery.acked(ack((0, 2)), START + 0.5).acked == carried(0)
    assert recovery.round_trip.smoothed is None


def test_a_probe_hands_out_the_oldest_and_the_next_one_nothing() -> None:
    recovery = recovery_with(0, 1)
    assert recovery.probe_deadline() == START + PROBE_FIRST_SECONDS
    assert recovery.probe(START + 1).lost == carried(0)
    assert recovery.probe(START + 2).lost == []
    assert recovery.probes == 2
    # The packet was only slow: what it held is under way again, and not acked twice.
    assert recovery.acked(ack((0, 2)), START + 3).acked == carried(1)
    assert recovery.probes == 0


def test_probes_come_later_and_later() -> None:
    recovery = recovery_with(0)
    waits = []
    now = START
    for _ in range(3):
        deadline = recovery.probe_deadline()
        assert deadline is not None
        waits.append(deadline - now)
        now = deadline
        recovery.probe(now)
    assert waits == pytest.approx([0.5, 1.0, 2.0])


def test_an_answer_starts_the_probes_over() -> None:
    recovery = recovery_with(0)
    recovery.probe(START + 1)
    recovery.answered(START + 2)
    assert recovery.probes == 0
    assert recovery.probe_deadline() == START + 2 + PROBE_FIRST_SECONDS


def test_nothing_outstanding_needs_no_probe() -> None:
    recovery = Recovery()
    recovery.sent_unacked(0, 40, START)
    assert recovery.probe_deadline() is None


def test_giving_up_hands_out_everything() -> None:
    recovery = recovery_with(0, 1, 2)
    recovery.probe(START + 1)
    assert recovery.give_up().lost == carried(1) + carried(2)
    assert recovery.probe_deadline() is None
    assert recovery.line.in_flight == 0
    # An ack that comes after all is no violation.
    assert recovery.acked(ack((0, 3)), START + 9).acked == []


@given(st.lists(st.sampled_from(["send", "ack", "probe", "give up"]), max_size=60), st.data())
def test_every_message_has_one_fate(steps: list[str], data: st.DataObject) -> None:
    recovery, fates, now = Recovery(), list[Message](), START
    sent = 0
    for step in steps:
        now += 0.05
        if step == "send":
            recovery.sent(sent, 300, carried(sent), now, waited=True)
            sent += 1
        elif step == "ack" and sent:
            stop = data.draw(st.integers(1, sent))
            start = data.draw(st.integers(0, stop - 1))
            fate = recovery.acked(ack((start, stop)), now)
            fates += fate.acked + fate.lost
        elif step == "probe" and recovery.probe_deadline() is not None:
            fates += recovery.probe(now).lost
        elif step == "give up":
            fates += recovery.give_up().lost
    fates += recovery.give_up().lost
    assert sorted(message.channel for message in fates if isinstance(message, Credit)) == list(
        range(sent)
    )
    assert recovery.line.in_flight == 0


# --- the size of a frame ---


def grown(rate: float = BAUD_115200) -> FrameSize:
    """After many packets without a loss."""
    frame = FrameSize()
    for _ in range(200):
        frame.acked(frame.bytes_at(rate, START))
    return frame


def test_it_starts_small_while_nothing_tells_the_rate() -> None:
    assert FrameSize().bytes_at(None, START) == FRAME_START_BYTES


@pytest.mark.parametrize("rate", [960.0, BAUD_115200, 92160.0])
def test_line_time_bounds_it(rate: float) -> None:
    assert grown(rate).bytes_at(rate, START) == max(FRAME_MIN_BYTES, int(rate * FRAME_BULK_SECONDS))


def test_while_somebody_types_it_is_shorter_for_two_seconds() -> None:
    frame = grown()
    frame.interactive(START)
    typing = frame.bytes_at(BAUD_115200, START + INTERACTIVE_MEMORY_SECONDS - 0.1)
    assert typing <= BAUD_115200 * FRAME_INTERACTIVE_SECONDS
    later = frame.bytes_at(BAUD_115200, START + INTERACTIVE_MEMORY_SECONDS)
    assert later == int(BAUD_115200 * FRAME_BULK_SECONDS)


def test_while_the_other_direction_is_busy_too_it_is_shorter() -> None:
    frame = grown()
    frame.received(40, START)
    alone = frame.bytes_at(BAUD_115200, START)
    frame.received(600, START)
    shared = frame.bytes_at(BAUD_115200, START)
    assert shared == int(alone * FRAME_SHARED)
    assert frame.bytes_at(BAUD_115200, START + FRAME_SHARED_MEMORY_SECONDS) == alone


def test_it_grows_with_success() -> None:
    frame, sizes = FrameSize(), []
    for _ in range(8):
        sizes.append(frame.bytes_at(1e9, START))
        frame.acked(sizes[-1])
    assert sizes[:5] == [256, 512, 1024, 2048, 4096]


def test_small_packets_prove_nothing_about_large_ones() -> None:
    frame = FrameSize()
    for _ in range(100):
        frame.acked(60)
    assert frame.bytes_at(1e9, START) == FRAME_START_BYTES


def test_a_packet_is_never_too_large_for_an_ack_to_ride_on_it() -> None:
    assert grown(1e9).bytes_at(1e9, START) == PACKET_BODY_MAX_BYTES - 112


@pytest.mark.parametrize("loss_per_byte", [1e-3, 3e-4])
def test_losses_make_it_as_small_as_pays(loss_per_byte: float) -> None:
    """About sqrt(overhead / loss per byte)."""
    frame, owed = grown(92160.0), 0.0
    sizes = []
    for _ in range(1000):
        size = frame.bytes_at(92160.0, START)
        owed += size * loss_per_byte
        if owed >= 1:
            owed -= 1
            frame.lost(size)
        else:
            frame.acked(size)
        sizes.append(size)
    best = (36 / loss_per_byte) ** 0.5
    assert best / 2 < sum(sizes[-200:]) / 200 < best * 2


def test_a_line_that_got_better_gets_larger_frames_again() -> None:
    frame = grown(92160.0)
    for _ in range(30):
        frame.lost(frame.bytes_at(92160.0, START))
    assert frame.bytes_at(92160.0, START) <= FRAME_START_BYTES
    for _ in range(600):
        frame.acked(frame.bytes_at(92160.0, START))
    assert frame.bytes_at(92160.0, START) == int(92160.0 * FRAME_BULK_SECONDS)
