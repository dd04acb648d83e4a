"""A RangeSet is a set of integers; Python's own set is the oracle."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from guardpost.protocol.ranges import RangeSet

EDITS = st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(0, 12)), max_size=30)


def test_ranges_that_touch_melt() -> None:
    ranges = RangeSet()
    for start, stop in ((10, 12), (0, 2), (4, 6), (2, 4), (12, 13)):
        ranges.add(start, stop)
    assert list(ranges) == [(0, 6), (10, 13)]
    assert list(reversed(ranges)) == [(10, 13), (0, 6)]
    assert ranges.first == (0, 6)


def test_a_hole_is_cut_out() -> None:
    ranges = RangeSet()
    ranges.add(0, 10)
    ranges.remove(3, 5)
    assert list(ranges) == [(0, 3), (5, 10)]
    ranges.drop_first()
    assert list(ranges) == [(5, 10)]


def test_an_empty_range_changes_nothing() -> None:
    ranges = RangeSet()
    ranges.add(5, 5)
    ranges.remove(5, 4)
    assert not ranges
    assert 5 not in ranges


@given(EDITS)
def test_any_edits_as_a_set_would_have_it(edits: list[tuple[bool, int, int]]) -> None:
    ranges, oracle = RangeSet(), set[int]()
    for adds, start, size in edits:
        if adds:
            ranges.add(start, start + size)
            oracle |= set(range(start, start + size))
        else:
            ranges.remove(start, start + size)
            oracle -= set(range(start, start + size))
        pieces = list(ranges)
        assert {value for start, stop in pieces for value in range(start, stop)} == oracle
        assert all(start < stop for start, stop in pieces)
        # Sorted and never touching each other.
        assert all(one[1] < two[0] for one, two in itertools.pairwise(pieces))
        assert all((value in ranges) == (value in oracle) for value in range(-1, 54))
        assert len(ranges) == len(pieces)
