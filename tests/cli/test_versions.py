"""Another distribution has our import name; installing both breaks both."""

import sys

import pytest

from guardpost.cli import versions


def test_the_version_says_what_it_runs_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert versions.show(verbose=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(f"Python {sys.version.split()[0]} on {sys.platform}")
    assert any(line.startswith("msgspec ") for line in lines)


@pytest.mark.parametrize(
    ("installed", "others"),
    [
        (["guardpost_sol"], []),
        (["guardpost-sol", "guardpost-sol"], []),
        (["guardpost", "guardpost-sol"], ["guardpost"]),
        ([], []),
    ],
)
def test_another_owner_of_the_name_is_seen(installed: list[str], others: list[str]) -> None:
    assert versions.other_owners(installed) == others
