from bench.transfer import Transfer


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_chunk_is_not_counted() -> None:
    clock = Clock()
    transfer = Transfer(bytes(1000), clock)
    transfer.arrived(bytes(200))
    clock.now += 2
    transfer.arrived(bytes(800))
    outcome = transfer.wait(seconds=1, patience=1)
    assert outcome.intact
    assert outcome.bytes_per_second == 400
    assert str(outcome) == "intact, 400 B/s"


def test_a_wrong_byte_is_found_where_it_is() -> None:
    transfer = Transfer(b"abcdef", Clock())
    transfer.arrived(b"abc")
    transfer.arrived(b"dxf")
    outcome = transfer.wait(seconds=1, patience=1)
    assert not outcome.intact
    assert outcome.wrong_at == 4


def test_bytes_too_many_are_wrong_bytes() -> None:
    transfer = Transfer(b"abc", Clock())
    transfer.arrived(b"abcd")
    assert transfer.wait(seconds=1, patience=1).wrong_at == 3


def test_a_way_that_closes_early_has_ended() -> None:
    transfer = Transfer(b"abcdef", Clock())
    transfer.arrived(b"abc")
    transfer.close()
    outcome = transfer.wait(seconds=1, patience=1)
    assert outcome.end == "ended"
    assert str(outcome) == "ends after 3 B"


class Running(Clock):
    """A second goes by with each look."""

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_silence_is_a_stall() -> None:
    transfer = Transfer(b"abcdef", Running())
    transfer.arrived(b"a")
    assert transfer.wait(seconds=100, patience=2).end == "stalled"


def test_what_takes_too_long_is_late() -> None:
    transfer = Transfer(b"abcdef", Running())
    transfer.arrived(b"a")
    assert transfer.wait(seconds=2, patience=100).end == "late"


def test_nothing_arrives_before_the_first_byte() -> None:
    transfer = Transfer(b"ab", Clock())
    assert transfer.wait_first(0) is None
    transfer.arrived(b"a")
    assert transfer.wait_first(0) == Clock.now
