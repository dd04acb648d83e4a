"""The console's end of Serial over LAN, in the words of IPMI 2.0 table 15-2."""

from hypothesis import given
from hypothesis import strategies as st

from guardpost.transports.ipmi.sol import (
    FIRST_RETRY_SECONDS,
    REFUSED_PAUSE_SECONDS,
    SILENT_SECONDS,
    SolEnd,
)

NACK, UNAVAILABLE, DEACTIVATING, GENERATE_BREAK = 0x40, 0x20, 0x10, 0x10


def acknowledged(number: int, accepted: int, status: int = 0) -> bytes:
    return bytes((0, number, accepted, status))


def said(number: int, characters: bytes) -> bytes:
    return bytes((number, 0, 0, 0)) + characters


def test_one_payload_is_under_way_and_the_next_waits_for_its_acknowledgement() -> None:
    end = SolEnd(32)
    end.send(b"a" * 28 + b"b" * 5)
    assert end.payloads_to_send(1.0) == [b"\x01\0\0\0" + b"a" * 28]
    assert end.payloads_to_send(1.1) == []
    end.receive_payload(acknowledged(1, 28), 1.2)
    assert end.payloads_to_send(1.2) == [b"\x02\0\0\0bbbbb"]
    assert not end.is_idle
    end.receive_payload(acknowledged(2, 5), 1.3)
    assert end.is_idle


def test_numbers_are_one_to_fifteen_and_never_zero() -> None:
    end, numbers = SolEnd(5), []
    for at in range(32):
        end.send(b"x")
        ((number, *_),) = end.payloads_to_send(float(at))
        numbers.append(number)
        end.receive_payload(acknowledged(number, 1), float(at))
    assert numbers == [1 + i % 15 for i in range(32)]


def test_what_is_not_acknowledged_is_sent_again_under_its_number() -> None:
    end = SolEnd(32)
    end.send(b"lost")
    first = end.payloads_to_send(0.0)
    assert end.next_deadline() == FIRST_RETRY_SECONDS
    end.handle_timeout(FIRST_RETRY_SECONDS - 0.01)
    assert end.payloads_to_send(0.49) == []
    end.handle_timeout(FIRST_RETRY_SECONDS)
    assert end.payloads_to_send(0.5) == first


def test_after_two_tries_somebody_should_ask_and_after_six_seconds_it_is_over() -> None:
    end, now = SolEnd(32), 0.0
    end.send(b"to nobody")
    end.payloads_to_send(now)
    doubtful_at = None
    while (deadline := end.next_deadline()) is not None:
        now = deadline
        end.handle_timeout(now)
        end.payloads_to_send(now)
        doubtful_at = doubtful_at or (now if end.is_doubtful else None)
    assert doubtful_at is not None
    assert doubtful_at < 2
    assert SILENT_SECONDS <= now < SILENT_SECONDS + 1.1
    assert end.failure == "the BMC does not answer any more"


def test_what_was_taken_in_part_goes_on_under_the_next_number() -> None:
    end = SolEnd(32)
    end.send(b"abcdef")
    end.payloads_to_send(0.0)
    end.receive_payload(acknowledged(1, 2, NACK), 0.1)
    assert end.payloads_to_send(0.1) == [], "its buffer is full"
    end.handle_timeout(0.1 + REFUSED_PAUSE_SECONDS)
    assert end.payloads_to_send(0.2) == [b"\x02\0\0\0cdef"]
    end.receive_payload(acknowledged(2, 3), 0.3)
    assert end.payloads_to_send(0.3) == [b"\x03\0\0\0f"]


def test_a_host_that_is_off_loses_what_is_sent_to_it() -> None:
    end = SolEnd(32)
    end.send(b"hello")
    end.payloads_to_send(0.0)
    end.receive_payload(acknowledged(1, 0, NACK | UNAVAILABLE), 0.1)
    assert end.is_idle


def test_a_break_keeps_its_place_and_is_repeated_when_refused() -> None:
    end = SolEnd(32)
    end.send(b"before")
    end.send_break()
    end.send(b"after")
    assert end.payloads_to_send(0.0) == [b"\x01\0\0\0before"]
    end.receive_payload(acknowledged(1, 6), 0.1)
    assert end.payloads_to_send(0.1) == [bytes((2, 0, 0, GENERATE_BREAK))]
    end.receive_payload(acknowledged(2, 0, NACK), 0.2)
    end.handle_timeout(0.3)
    assert end.payloads_to_send(0.3) == [bytes((3, 0, 0, GENERATE_BREAK))]
    end.receive_payload(acknowledged(3, 0), 0.4)
    assert end.payloads_to_send(0.4) == [b"\x04\0\0\0after"]


def test_what_comes_is_acknowledged_and_a_repetition_gives_only_what_is_new() -> None:
    end = SolEnd(32)
    assert end.receive_payload(said(1, b"abc"), 0.0) == b"abc"
    assert end.payloads_to_send(0.0) == [bytes((0, 1, 3, 0))]
    assert end.receive_payload(said(1, b"abc"), 0.1) == b""
    assert end.receive_payload(said(1, b"abcde"), 0.2) == b"de"
    assert end.payloads_to_send(0.2) == [bytes((0, 1, 3, 0)), bytes((0, 1, 5, 0))]
    assert end.receive_payload(said(2, b"abc"), 0.3) == b"abc"


def test_without_room_the_bmc_keeps_what_it_has() -> None:
    end = SolEnd(32)
    assert end.receive_payload(said(1, b"abc"), 0.0, room=False) == b""
    assert end.payloads_to_send(0.0) == []
    assert end.receive_payload(said(1, b"abc"), 0.1) == b"abc"


def test_a_bmc_that_deactivates_ends_it() -> None:
    end = SolEnd(32)
    end.send(b"abc")
    end.receive_payload(acknowledged(0, 0, DEACTIVATING), 0.0)
    assert end.failure == "the BMC ended Serial over LAN"
    assert end.next_deadline() is None


@given(st.integers(0, 65535), st.lists(st.binary(max_size=300), max_size=20))
def test_no_payload_is_too_bad(largest: int, payloads: list[bytes]) -> None:
    end = SolEnd(largest)
    end.send(bytes(1000))
    for now, payload in enumerate(payloads):
        end.receive_payload(payload, float(now))
        for out in end.payloads_to_send(float(now)):
            assert 4 <= len(out) <= 255


@given(st.binary(max_size=400), st.lists(st.integers(0, 3), max_size=200), st.integers(5, 40))
def test_a_bmc_that_loses_refuses_and_takes_parts_has_it_all_in_the_end(
    data: bytes, moods: list[int], largest: int
) -> None:
    end, now, taken, last = SolEnd(largest), 0.0, b"", 0
    end.send(data)
    chance = iter(moods)
    while not end.is_idle and end.failure is None:
        for payload in end.payloads_to_send(now):
            number, characters = payload[0], payload[4:]
            mood = next(chance, 3)
            if mood == 0 and number != last:
                continue  # lost on its way
            fresh = number != last
            last = number
            accepted = len(characters) if mood != 2 else len(characters) // 2
            if fresh:
                taken += characters[:accepted]
            else:
                accepted = len(characters)
            if mood != 1 or not fresh:
                end.receive_payload(
                    acknowledged(number, accepted, NACK if accepted < len(characters) else 0), now
                )
        now += 0.001
        if (deadline := end.next_deadline()) is not None:
            now = max(now, deadline)
            end.handle_timeout(now)
    assert end.failure is not None or taken == data
