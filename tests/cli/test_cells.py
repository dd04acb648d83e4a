from hypothesis import given
from hypothesis import strategies as st

from guardpost.cli.cells import fit, width_of

printable = st.text(st.characters(exclude_categories=("C", "Z")), max_size=30)


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert width_of("abc") == 3
    assert width_of("漢字") == 4
    assert width_of("e\u0301") == 1


def test_texts_are_cut_and_filled() -> None:
    assert fit("abcdef", 3) == "abc"
    assert fit("ab", 4) == "ab  "
    assert fit("ab", 4, right=True) == "  ab"
    assert fit("ab", 4, fill=False) == "ab"
    assert fit("漢字", 3) == "漢 "


@given(printable, st.integers(0, 20))
def test_a_cell_has_exactly_its_columns(text: str, columns: int) -> None:
    assert width_of(fit(text, columns)) == columns
    assert width_of(fit(text, columns, fill=False)) <= columns
