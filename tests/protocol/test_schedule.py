"""Who fills the next packet: the typist first, bulk in turns, and nobody starves."""

from collections import Counter

from guardpost.protocol.channel import Channel, Shares
from guardpost.protocol.credit import Granted, GrantPool, Spending
from guardpost.protocol.schedule import Schedule

QUANTUM = 1000
RATE = 11520.0


def channel(number: int, size: int, *, interactive: bool = False) -> Channel:
    """With `size` bytes to send."""
    shares = Shares(GrantPool(), Granted(1 << 30), Spending(1 << 30))
    one = Channel(number, "test", shares, ours=True, interactive=interactive, compressed=False)
    one.sending.credit.raise_to(1 << 30)
    one.sending.write(bytes(size))
    return one


def schedule_of(*channels: Channel) -> Schedule:
    schedule = Schedule()
    for each in channels:
        schedule.add(each, RATE, 0.0)
    return schedule


def serve(schedule: Schedule, one: Channel, room: int, now: float) -> int:
    message = one.sending.take(room)
    size = len(message.data) if message else 0
    schedule.served(one, size, RATE, now)
    return size


def packet(schedule: Schedule, now: float) -> Channel | None:
    """Fills one packet from one channel; whose it was."""
    one = schedule.next_urgent(QUANTUM) or schedule.next_bulk(QUANTUM)
    if one is not None:
        serve(schedule, one, QUANTUM, now)
    return one


def test_the_typist_goes_before_the_sparse_and_these_before_bulk() -> None:
    bulk, sparse, typist = channel(0, 9000), channel(2, 50), channel(4, 5, interactive=True)
    schedule = schedule_of(bulk, sparse, typist)
    assert schedule.urgent
    assert schedule.bulk
    assert [packet(schedule, 0.0) for _ in range(3)] == [typist, sparse, bulk]


def test_bulk_channels_take_turns_whatever_their_pieces() -> None:
    one, two = channel(0, 100_000), channel(2, 100_000)
    schedule, sent = schedule_of(one, two), Counter[int]()
    for _ in range(60):
        turn = schedule.next_bulk(QUANTUM)
        assert turn is not None
        sent[turn.number] += serve(schedule, turn, 250 if turn is one else QUANTUM, 0.0)
    assert abs(sent[0] - sent[2]) <= 2 * QUANTUM


def test_bulk_gets_a_packet_after_two_of_the_urgent() -> None:
    bulk, typist = channel(0, 90_000), channel(2, 90_000, interactive=True)
    schedule = schedule_of(bulk, typist)
    turns = [packet(schedule, 0.0) for _ in range(9)]
    assert turns == [typist, typist, bulk] * 3


def test_who_sends_much_is_not_sparse_for_long() -> None:
    """A file that is written in small pieces is no typist."""
    file = channel(0, 100)
    schedule = schedule_of(file)
    urgent = 0
    for step in range(100):
        now = step / 100
        urgent += schedule.next_urgent(QUANTUM) is file
        packet(schedule, now)
        file.sending.write(bytes(100))
        schedule.add(file, RATE, now)
    assert urgent * 100 <= RATE / 8 + 200
    assert schedule.bulk


def test_who_falls_quiet_is_sparse_again() -> None:
    file = channel(0, 5000)
    schedule = schedule_of(file)
    for _ in range(5):
        packet(schedule, 0.0)
    assert not schedule.bulk
    file.sending.write(b"x")
    schedule.add(file, RATE, 0.5)
    assert schedule.bulk
    packet(schedule, 0.5)
    file.sending.write(b"x")
    schedule.add(file, RATE, 1.6)
    assert schedule.urgent


def test_a_sparse_channel_that_swells_becomes_bulk() -> None:
    one = channel(0, 100)
    schedule = schedule_of(one)
    one.sending.write(bytes(50_000))
    schedule.add(one, RATE, 0.0)
    assert not schedule.urgent
    assert schedule.bulk


def test_who_has_nothing_to_send_is_not_asked() -> None:
    schedule = schedule_of(channel(0, 0))
    assert not schedule.urgent
    assert schedule.next_bulk(QUANTUM) is None


def test_who_ran_out_of_credit_leaves_until_it_comes() -> None:
    one = channel(0, 2000)
    one.sending.credit.limit = 500
    schedule = schedule_of(one)
    assert packet(schedule, 0.0) is one
    assert not schedule.bulk
    one.sending.credit.raise_to(3000)
    schedule.add(one, RATE, 0.0)
    assert packet(schedule, 0.0) is one


def test_who_was_removed_is_not_asked() -> None:
    one, two = channel(0, 5000), channel(2, 5, interactive=True)
    schedule = schedule_of(one, two)
    for each in (one, two, two):
        schedule.remove(each)
    assert not schedule.urgent
    assert not schedule.bulk
