"""Where blocks that are known stand in other bytes."""

from hypothesis import given
from hypothesis import strategies as st

from guardpost.services.files.rolling import Finder, rolling_sum

MULTIPLIER = 0x9E3779B1


def reference(data: bytes) -> int:
    total = 0
    for byte in data:
        total = (total * MULTIPLIER + byte + 1) % (1 << 32)
    return total


@given(data=st.binary(max_size=300))
def test_the_sum_is_what_the_header_says(data: bytes) -> None:
    assert rolling_sum(data) == rolling_sum(memoryview(data)) == reference(data)


@given(
    data=st.binary(max_size=200),
    known=st.lists(st.integers(0, 200), max_size=4),
    others=st.lists(st.integers(0, (1 << 32) - 1), max_size=4),
    block=st.integers(1, 20),
    start=st.integers(0, 220),
)
def test_the_first_place_of_a_known_sum_is_found(
    data: bytes, known: list[int], others: list[int], block: int, start: int
) -> None:
    sums = [reference(data[at : at + block]) for at in known if at + block <= len(data)]
    sums += others
    places = [
        at for at in range(start, len(data) - block + 1) if reference(data[at : at + block]) in sums
    ]
    finder = Finder(sums, block)
    place = finder.find(bytearray(data), start)
    assert place == (places[0] if places else None)
    if place is not None:
        there = reference(data[place : place + block])
        assert list(finder.found()) == [n for n, each in enumerate(sums) if each == there]
