"""A line that becomes ten times slower or faster is followed, and no queue stays."""

import pytest
from support.busy import BUFFERS, BusyPair, Path

BAUD_115200 = 11520.0
MBIT_4 = 500000.0


def busy(path: Path, *, down: bool, seconds: float = 8.0) -> BusyPair:
    pair = BusyPair(path, 10)
    pair.flood(down=down)
    pair.run(seconds)
    return pair


def followed_after(pair: BusyPair, rate: float, *, both: bool) -> float:
    """Seconds until every busy end believes in `rate`, within a quarter."""
    ends = (pair.left, pair.right) if both else (pair.left,)
    start = pair.now
    for _ in range(100):
        pair.run(0.05)
        if all(abs((end.model.rate or 0.0) / rate - 1) < 0.25 for end in ends):
            break
    return pair.now - start


def mean_queue(pair: BusyPair, seconds: float) -> float:
    """Frames in front of the line, on average."""
    frames = 0.0
    for _ in range(int(seconds / 0.05)):
        pair.run(0.05)
        statistics = pair.left.connection.statistics(pair.now)
        assert statistics is not None
        frames += pair.queue(pair.left) / (statistics.frame_bytes + 36)
    return frames / int(seconds / 0.05)


@pytest.mark.parametrize(
    "rate, buffer", [(BAUD_115200, "kernel"), (BAUD_115200, "child"), (MBIT_4, "child")]
)
@pytest.mark.parametrize("both", [False, True], ids=["one way", "both ways"])
def test_a_tenth_of_the_rate(rate: float, both: bool, buffer: str) -> None:
    fifo = max(32, int(rate / 400))
    path = Path(rate, buffer_bytes=BUFFERS[buffer], fifo_bytes=fifo)
    pair = busy(path, down=both)
    pair.set_rate(rate / 10)
    assert followed_after(pair, rate / 10, both=both) <= 3.5
    pair.run(1.0)
    assert mean_queue(pair, 4.0) <= 2


@pytest.mark.parametrize("rate", [BAUD_115200, MBIT_4])
@pytest.mark.parametrize("both", [False, True], ids=["one way", "both ways"])
def test_ten_times_the_rate(rate: float, both: bool) -> None:
    fifo = max(32, int(rate / 400))
    pair = busy(Path(rate / 10, fifo_bytes=fifo), down=both)
    pair.set_rate(rate)
    assert followed_after(pair, rate, both=both) <= 5.0
    assert mean_queue(pair, 4.0) <= 2
    before = pair.bulk()
    pair.run(5.0)
    assert pair.shares(before, 5.0)[0] * rate / 10 >= 0.7 * rate
