"""What is copied in each case, and what the figures say of it."""

import pytest

from bench.copy import CASES, Copied


@pytest.mark.parametrize("name", ["runs", "shifted"])
def test_the_older_version_differs_in_ten_runs_of_10_kb(name: str) -> None:
    new, old = CASES[name].make()
    assert old is not None
    assert len(new) == len(old) == 10_000_000
    changed = sum(new[at : at + 1000] != old[at : at + 1000] for at in range(0, len(new), 1000))
    assert (changed <= 110) is (name == "runs")  # an insertion moves all that comes after it


def test_figures_are_of_the_file_and_of_the_line() -> None:
    found = Copied(size=1_152_000, seconds=100.0, up=11_520, down=23_040)
    assert found.rate == 1.0
    assert found.share == pytest.approx(0.03)
    assert CASES["random"].figure(found) == "100.0 % of the line"
    assert CASES["same"].figure(found) == "100.0 s, of line 2.00 s"
    assert CASES["runs"].figure(found) == "3.00 % of its bytes in 100 s"
    assert CASES["runs"].is_reached(found)
