"""A frame that comes in slowly is looked at now and then, not at each of its bytes."""

from guardpost.aio.patience import Patience


def looks(rate: float, frame: int, at_once: int) -> tuple[int, float, float]:
    """Of one frame behind others like it, when `at_once` bytes wake a reader that does not pause:
    the number of looks, the longest pause, and how late its end was seen.
    """
    patience, now, longest, count, late = Patience(), 0.0, 0.0, 0, 0.0
    for _ in range(4):
        begun, count, got, seen = now, 0, 0, 0
        while True:
            pause = patience.pause(got - seen, now) if got else 0.0
            seen = got
            longest = max(longest, pause)
            now = max(now + pause, begun + min(got + at_once, frame) / rate)
            got = min(frame, int((now - begun) * rate + 0.5))
            count += 1
            if got == frame:
                break
        late = now - begun - frame / rate
        patience.frame_ended(frame - seen)
    return count, longest, late


def test_at_115200_a_full_frame_takes_few_looks_and_its_end_is_seen_at_once() -> None:
    count, longest, late = looks(11520, 1024, 8)
    assert count < 24
    assert longest <= 0.008
    assert late < 0.0007


def test_a_frame_shorter_than_the_one_before_is_late_by_its_own_time_at_most() -> None:
    patience, now, got = Patience(), 0.0, 0
    for size in (8, 504, 512):
        patience.pause(size, now)
        now += 512 / 11520
    patience.frame_ended(8)
    while got < 200:
        pause = patience.pause(8, now)
        got += 8
        assert pause <= 1.05 * got / 11520
        now += 8 / 11520


def test_a_fast_line_is_read_as_it_comes() -> None:
    assert looks(50e6, 16384, 4096)[1] == 0


def test_the_first_bytes_of_all_are_seen_as_they_come() -> None:
    patience = Patience()
    assert [patience.pause(8, number / 1440) for number in range(4)] == [0, 0, 0, 0]
