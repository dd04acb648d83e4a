from bench.table import Row, markdown, percentile


def test_a_percentile_is_one_of_the_values() -> None:
    values = [5.0, 1.0, 3.0, 2.0, 4.0]
    assert percentile(values, 0.5) == 3.0
    assert percentile(values, 0.95) == 5.0
    assert percentile([7.0], 0.5) == 7.0


def test_what_was_not_reached_stands_out() -> None:
    text = markdown(
        [
            Row("fast", "1 s", "<= 2 s", True, "python -m fast"),
            Row("slow", "3 s", "<= 2 s", False, "python -m slow"),
            Row("known", "4 s", "", None, "python -m known"),
        ]
    )
    lines = text.splitlines()
    assert len(lines) == 5
    assert "| yes |" in lines[2]
    assert "| **no** |" in lines[3]
    assert {line.count("|") for line in lines} == {6}
