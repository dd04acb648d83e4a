import re
from pathlib import Path

import pytest

from bench import results


def test_what_is_saved_is_found_again_with_its_date_and_machine(tmp_path: Path) -> None:
    points = {"ours": [[1, 2.5], [3, None]], "said": 'a [list] of "words"'}
    results.save("some", "python -m some", points, tmp_path)
    found = results.load("some", tmp_path)
    assert found["points"] == points
    assert found["how"] == "python -m some"
    assert re.match(r"\d{4}-\d\d-\d\d", found["measured"])
    assert "cores" in found["machine"]


def test_what_was_never_measured_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        results.load("some", tmp_path)
