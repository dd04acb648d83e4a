"""Packets: sealed, numbered, opened once; what does not open changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.protocol.handshake import encrypt, rekey
from guardpost.protocol.limits import REKEY_PACKETS, REPLAY_WINDOW_PACKETS
from guardpost.protocol.session import PacketKeys, SealedSession, frame_states, nearest_number

UP, DOWN = bytes(range(32)), bytes(range(32, 64))
FRESH_UP, FRESH_DOWN = bytes(range(64, 96)), bytes(range(96, 128))


def console(next_number: int = 0) -> SealedSession:
    session = SealedSession(UP, DOWN)
    session.next_number = next_number
    return session


def agent(largest_opened: int = -1) -> SealedSession:
    session = SealedSession(DOWN, UP)
    session.largest_opened = largest_opened
    return session


def test_a_packet_opens_with_its_number() -> None:
    one, two = console(), agent()
    for number in range(3):
        assert one.next_number == number
        assert two.open(one.seal(b"body")) == (number, b"body")


def test_a_packet_is_what_the_specification_says() -> None:
    packet = console(0x1234).seal(b"body")
    assert packet[:3] == b"\x10\x34\x12"
    assert packet[3:] == encrypt(UP, 0x1234, packet[:3], b"body")


def test_a_packet_may_be_empty() -> None:
    assert agent().open(console().seal(b"")) == (0, b"")


def test_a_packet_opens_once() -> None:
    one, two = console(), agent()
    packets = [one.seal(b"x") for _ in range(5)]
    for packet in packets:
        assert two.open(packet) is not None
    for packet in packets:
        assert two.open(packet) is None
    assert (two.duplicates, two.refused) == (5, 0)


def test_late_packets_open_within_the_window() -> None:
    one, two = console(), agent()
    packets = [one.seal(b"x") for _ in range(REPLAY_WINDOW_PACKETS + 2)]
    last = REPLAY_WINDOW_PACKETS + 1
    assert two.open(packets[last]) is not None
    assert two.open(packets[1]) == (1, b"x")
    assert two.open(packets[1]) is None
    assert two.open(packets[0]) is None
    assert two.duplicates == 2


def test_our_own_packets_do_not_open() -> None:
    one = console()
    assert one.open(one.seal(b"x")) is None
    assert one.refused == 1


@given(st.integers(0, 22), st.integers(1, 255))
def test_a_changed_packet_does_not_open(at: int, change: int) -> None:
    one, two = console(), agent()
    packet = bytearray(one.seal(b"body"))
    packet[at] ^= change
    assert two.open(bytes(packet)) is None
    assert two.largest_opened == -1
    assert two.open(one.seal(b"next")) == (1, b"next")


def test_every_cut_packet_is_refused() -> None:
    two, packet = agent(), console().seal(b"body")
    for size in range(len(packet)):
        assert two.open(packet[:size]) is None
    assert two.refused == len(packet)
    assert two.open(packet) == (0, b"body")


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_quietly(packet: bytes) -> None:
    two = agent()
    assert two.open(packet) is None
    assert two.open(b"\x10" + packet) is None
    assert (two.largest_opened, two.refused) == (-1, 2)


@given(st.integers(0, 1 << 40), st.integers(-1000, 32000))
def test_the_full_number_is_rebuilt_from_16_bits(largest: int, step: int) -> None:
    number = largest + step
    if step == 0 or number < 0:
        return
    assert nearest_number(number & 0xFFFF, largest + 1) == number


def test_a_watcher_opens_what_both_ends_do_and_changes_nothing() -> None:
    one, two = console(), agent()
    packets = [one.seal(b"body %d" % number) for number in range(3)]
    for _ in range(2):
        for number, packet in enumerate(packets):
            assert one.peek(packet, sent=True) == (number, b"body %d" % number)
            assert two.peek(packet, sent=False) == (number, b"body %d" % number)
    assert [two.open(packet) for packet in packets] == [(n, b"body %d" % n) for n in range(3)]
    assert two.peek(packets[0], sent=False) == (0, b"body 0"), "also once it was opened"
    assert two.peek(packets[0], sent=True) is None
    assert one.peek(packets[0][:-1] + b"x", sent=True) is None
    assert one.peek(b"\x10", sent=True) is None
    assert (one.next_number, two.largest_opened, two.refused, two.duplicates) == (3, 2, 0, 0)


# --- a new key every 65536 packets ---


@pytest.mark.parametrize("lost", [0, 1, 5, 3000])
def test_losses_at_the_boundary_do_no_harm(lost: int) -> None:
    one, two = console(REKEY_PACKETS - 3), agent(REKEY_PACKETS - 4)
    for _ in range(2):
        assert two.open(one.seal(b"old")) is not None
    for _ in range(lost):
        one.seal(b"lost")
    for _ in range(3):
        number = one.next_number
        assert two.open(one.seal(b"new")) == (number, b"new")


def test_a_late_packet_of_the_old_key_opens_and_noise_does_not_move_the_key() -> None:
    one, two = console(REKEY_PACKETS - 2), agent(REKEY_PACKETS - 3)
    late, new = one.seal(b"late"), [one.seal(b"new") for _ in range(3)]
    noise = new[1][:-1] + bytes((new[1][-1] ^ 1,))
    assert two.open(noise) is None
    assert two.open(new[2]) == (REKEY_PACKETS + 1, b"new")
    assert two.open(late) == (REKEY_PACKETS - 2, b"late")
    assert two.open(new[0]) == (REKEY_PACKETS - 1, b"new")
    assert two.open(new[1]) == (REKEY_PACKETS, b"new")


def test_the_key_of_a_packet_is_the_split_key_rekeyed() -> None:
    keys = PacketKeys(UP)
    assert keys.at(REKEY_PACKETS - 1) == UP
    assert keys.try_at(REKEY_PACKETS) == rekey(UP)
    assert keys.at(5) == UP
    assert keys.at(3 * REKEY_PACKETS) == rekey(rekey(rekey(UP)))
    assert keys.at(3 * REKEY_PACKETS - 1) == rekey(rekey(UP))
    assert PacketKeys(UP, 2 * REKEY_PACKETS).at(2 * REKEY_PACKETS) == rekey(rekey(UP))


# --- fresh keys ---


def refreshed(number: int = 5) -> tuple[SealedSession, SealedSession]:
    """Both have new keys; the agent sends with them, the console does not yet."""
    one, two = console(number), agent(number - 1)
    two.next_number = number
    one.largest_opened = number - 1
    for session in (one, two):
        session._send.at(number)
        session._receive[0].at(number)  # type: ignore[union-attr]
    one.expect_fresh(FRESH_DOWN)
    one.send_fresh_later(FRESH_UP)
    two.expect_fresh(FRESH_UP)
    two.send_fresh(FRESH_DOWN)
    return one, two


@pytest.mark.parametrize("number", [5, REKEY_PACKETS - 1, 2 * REKEY_PACKETS + 7])
def test_the_phase_flips_at_the_agent_and_then_at_the_console(number: int) -> None:
    one, two = refreshed(number)
    before = one.seal(b"before")
    assert before[0] == 0x10
    assert two.open(before) == (number, b"before")
    flipped = two.seal(b"flipped")
    assert flipped[0] == 0x11
    assert one.open(flipped) == (number, b"flipped")
    after = one.seal(b"after")
    assert after[0] == 0x11
    assert two.open(after) == (number + 1, b"after")


def test_the_old_phase_is_over_when_the_new_one_was_heard() -> None:
    one, two = refreshed()
    old = one.seal(b"old")
    assert one.open(two.seal(b"flipped")) is not None
    assert two.open(one.seal(b"new")) is not None
    assert two.open(old) is None


def test_fresh_keys_may_come_again() -> None:
    one, two = refreshed()
    assert one.open(two.seal(b"x")) is not None
    assert two.open(one.seal(b"x")) is not None
    one.expect_fresh(DOWN)
    one.send_fresh_later(UP)
    two.expect_fresh(UP)
    two.send_fresh(DOWN)
    packet = two.seal(b"again")
    assert packet[0] == 0x10
    assert one.open(packet) is not None
    assert two.open(one.seal(b"again")) is not None


def test_crc_states_follow_from_the_handshake_hash() -> None:
    up, down = frame_states(bytes(32))
    assert up != down
    assert frame_states(bytes(32)) == (up, down)
    assert frame_states(b"\1" + bytes(31)) != (up, down)
