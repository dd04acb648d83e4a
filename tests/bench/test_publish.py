from pathlib import Path

import pytest

from bench import results
from bench.publish import PAGES, published


def test_only_what_stands_between_the_marks_changes(tmp_path: Path) -> None:
    results.save("some", "how", [], tmp_path, table="| new |")
    text = "before\n<!-- bench some -->\nold\n<!-- end -->\nafter\n"
    new = published(text, tmp_path)
    assert new.startswith("before\n<!-- bench some -->\n")
    assert new.endswith("<!-- end -->\nafter\n")
    assert "| new |" in new
    assert "old" not in new
    assert published(new, tmp_path) == new


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_carry_the_newest_tables(page: Path) -> None:
    text = page.read_text()
    assert "<!-- bench " in text
    assert published(text) == text
