from guardpost.cli.top_pace import Pace
from guardpost.console.figures import Figures


def figures(rate: float) -> Figures:
    return Figures("clean", "clean", rate, 0.01, *[0] * 8, "live")


def test_a_fast_line_is_refreshed_as_wished() -> None:
    pace = Pace(2.0)
    pace.figures = figures(11520)
    pace.took(200, 0.05, first=False)
    assert pace.interval == 2.0
    assert pace.text() == "every 2 s"


def test_a_slow_line_gives_a_tenth_of_itself_at_most() -> None:
    pace = Pace(1.0)
    pace.figures = figures(240)
    pace.took(360, 2.0, first=False)
    assert pace.interval == 20.0
    assert "not for this line" in pace.text()


def test_the_first_table_does_not_count_and_an_unknown_rate_is_timed() -> None:
    pace = Pace(1.0)
    pace.took(50_000, 30, first=True)
    assert pace.interval == 1.0
    pace.took(100, 0.4, first=False)
    assert pace.interval == 4.0


def test_an_outage_during_a_refresh_does_not_stop_the_next_ones() -> None:
    pace = Pace(1.0)
    pace.took(100, 0.05, first=False)
    pace.took(100, 60.0, first=False)
    assert pace.interval == 1.0
    for _ in range(10):
        pace.took(100, 3.0, first=False)
    assert pace.interval == 30.0, "a line that stays slow is believed"


def test_keys_go_through_the_intervals() -> None:
    pace = Pace(2.0)
    pace.change(faster=True)
    assert pace.wished == 1.0
    for _ in range(20):
        pace.change(faster=False)
    assert pace.wished == 60.0
    for _ in range(20):
        pace.change(faster=True)
    assert pace.wished == 0.5
