from hypothesis import given
from hypothesis import strategies as st

from guardpost.cli.sparkline import sparkline


def test_the_newest_is_at_the_right() -> None:
    assert sparkline([0, 0.5, 1], 5, unicode=True) == "  ▁▅█"
    assert sparkline([0, 0.5, 1], 2, unicode=False) == "=#"
    assert sparkline([], 3, unicode=True) == "   "


@given(st.lists(st.floats(-2, 3), max_size=40), st.integers(0, 30), st.booleans())
def test_it_has_its_columns(values: list[float], columns: int, unicode: bool) -> None:
    assert len(sparkline(values, columns, unicode=unicode)) == columns
