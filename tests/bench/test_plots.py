import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from bench import results
from bench.plots import DOCS, PLOTS, draw


def test_every_question_has_its_plot(tmp_path: Path) -> None:
    written = draw(tmp_path)
    assert [path.stem for path in written] == [*PLOTS]
    for path in written:
        ElementTree.parse(path)


@pytest.mark.parametrize("name", PLOTS)
def test_the_plots_in_docs_are_of_the_points_in_results(name: str, tmp_path: Path) -> None:
    draw(tmp_path)
    assert (DOCS / f"{name}.svg").read_text() == (tmp_path / f"{name}.svg").read_text()


@pytest.mark.parametrize("name", [source for source, _ in PLOTS.values()])
def test_results_say_when_where_and_how(name: str) -> None:
    found = results.load(name)
    assert found["measured"]
    assert found["machine"]
    assert found["how"].startswith("python -m bench.")
