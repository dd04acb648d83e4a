import itertools
import math
import xml.etree.ElementTree as ElementTree

from bench.svg import NAME_GAP, WIDTH, Axis, Chart, Line

SVG = "{http://www.w3.org/2000/svg}"


def chart(*lines: Line) -> ElementTree.Element:
    x = Axis("chance", {1e-5: "1e-5", 1e-3: "1e-3"}, logarithmic=True)
    y = Axis("share <of> the line", {0: "0 %", 100: "100 %"})
    return ElementTree.fromstring(Chart("Why & how?", "a note", x, y, list(lines)).svg())


def texts(root: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def test_titles_and_ticks_are_there_whatever_they_hold() -> None:
    assert {"Why & how?", "a note", "share <of> the line", "1e-5", "100 %"} <= {*texts(chart())}


def test_the_middle_of_a_logarithmic_axis_is_the_geometric_mean() -> None:
    assert Axis("", {1: "1", 100: "100"}, logarithmic=True).share(10) == 0.5
    assert Axis("", {1: "1", 100: "100"}).share(50.5) == 0.5


def test_a_line_has_a_marker_for_each_point_and_its_name() -> None:
    root = chart(Line("ours", [(1e-5, 90), (1e-4, 80), (1e-3, 70)], "stops"))
    assert len(list(root.iter(f"{SVG}circle"))) == 3 + 1  # and one beside the name
    assert "ours: stops" in texts(root)


def test_a_higher_value_stands_higher() -> None:
    root = chart(Line("ours", [(1e-5, 90), (1e-3, 10)]))
    first, second, _ = (float(each.attrib["cy"]) for each in root.iter(f"{SVG}circle"))
    assert first < second


def test_names_of_lines_that_end_together_do_not_lie_on_each_other() -> None:
    names = [f"line {number}" for number in range(5)]
    root = chart(*(Line(name, [(1e-5, 50), (1e-3, 50)]) for name in names))
    places = sorted(float(t.attrib["y"]) for t in root.iter(f"{SVG}text") if t.text in names)
    gaps = [below - above for above, below in itertools.pairwise(places)]
    assert min(gaps) >= NAME_GAP - 0.2
    assert math.isclose(min(gaps), NAME_GAP, abs_tol=0.2)


def test_nothing_lies_outside() -> None:
    root = chart(Line("ours", [(1e-5, 0), (1e-3, 100)]))
    for each in root.iter(f"{SVG}circle"):
        assert 0 < float(each.attrib["cx"]) < WIDTH


def test_a_line_without_points_has_no_name() -> None:
    assert "ours" not in texts(chart(Line("ours", [])))


def test_a_line_without_a_name_is_dashed_in_the_colour_of_the_one_before() -> None:
    root = chart(Line("ours", [(1e-5, 50), (1e-3, 40)]), Line("", [(1e-5, 60), (1e-3, 50)]))
    first, second = root.iter(f"{SVG}polyline")
    assert first.attrib["stroke"] == second.attrib["stroke"]
    assert "stroke-dasharray" not in first.attrib
    assert "stroke-dasharray" in second.attrib
