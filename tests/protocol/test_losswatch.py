"""When the losses of a session ask for a survey."""

from guardpost.protocol.losswatch import LossWatch


def test_half_of_the_frames_bad_is_suspicious_a_few_are_not() -> None:
    watch = LossWatch()
    assert not watch.is_suspicious((100, 30), (100, 30), 0.0)
    assert not watch.is_suspicious((110, 40), (110, 40), 0.0)  # too few to tell
    assert watch.is_suspicious((116, 40), (116, 30), 0.0)


def test_either_direction_will_do() -> None:
    assert LossWatch().is_suspicious((20, 0), (20, 15), 0.0)
    assert LossWatch().is_suspicious((20, 15), (0, 0), 0.0)


def test_after_a_survey_there_is_peace_and_longer_each_time() -> None:
    watch = LossWatch()
    bad = 0

    def suspicious(now: float) -> bool:
        nonlocal bad
        bad += 20
        return watch.is_suspicious((bad, bad), (0, 0), now)

    assert suspicious(0.0)
    watch.surveyed(0.0)
    assert not suspicious(29.0)
    assert suspicious(30.0)
    watch.surveyed(30.0)
    assert not suspicious(89.0)
    assert suspicious(90.0)


def test_another_decoder_counts_from_zero() -> None:
    watch = LossWatch()
    watch.is_suspicious((0, 0), (1000, 0), 0.0)
    assert watch.is_suspicious((0, 0), (16, 16), 0.0)


def test_what_is_skipped_does_not_count() -> None:
    watch = LossWatch()
    watch.skip((500, 500), (0, 0))
    assert not watch.is_suspicious((520, 505), (0, 0), 0.0)


def test_a_guess_is_suspicious_by_itself_until_a_survey_was_answered() -> None:
    watch = LossWatch()
    watch.guessed(0.0)
    assert not watch.is_suspicious((0, 0), (0, 0), 29.0)
    assert watch.is_suspicious((0, 0), (0, 0), 30.0)
    watch.surveyed(30.0)
    assert not watch.is_suspicious((0, 0), (0, 0), 59.0)
    assert watch.is_suspicious((0, 0), (0, 0), 60.0)
    watch.learned()
    assert not watch.is_suspicious((0, 0), (0, 0), 1e6)
