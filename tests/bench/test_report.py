import contextlib
from collections.abc import Iterator

import pytest

from bench.peers.peer import Peer, Place, Way, nothing
from bench.peers.report import HEADS, losses, row, summary, table
from bench.peers.visit import Visit
from bench.transfer import Outcome


@contextlib.contextmanager
def never(_: Place) -> Iterator[Way]:
    yield Way(nothing, lambda transfer, pace: None)


PEER = Peer("this", "this one", (), never)
ABSENT = Peer("that", "that one", (("no-such-command", "its-package"),), never)


def outcome(end: str = "whole", arrived: int = 1000, rate: float = 0, wrong: int | None = None):
    return Outcome(end, arrived, 1000, rate, wrong, None)


def test_a_peer_that_is_not_there_is_named_with_its_package() -> None:
    assert "apt install its-package" in table([row(ABSENT, [], [])])


def test_medians_are_over_visits_and_percentiles_over_keystrokes() -> None:
    visits = [
        Visit(1.0, [1, 2, 3], [30], 10_000, outcome(rate=100), 0.1, 5, 6),
        Visit(3.0, [4, 5, 6], [50], 10_400, outcome(rate=300), 0.3, 7, 8),
        Visit(2.0, [7, 8, 9], [40], 10_200, outcome(rate=200), 0.2, 5, 6),
    ]
    found = summary(PEER, visits)
    assert found["goodput"] == 200
    assert found["idle"] == [5, 9]
    assert found["busy"] == [40, 50]
    assert found["first_byte"] == 2.0


def test_a_broken_transfer_has_no_goodput() -> None:
    assert summary(PEER, [Visit(outcome=outcome("ended", 10))])["goodput"] is None


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([outcome(rate=9000), outcome(rate=9500), outcome(rate=9100)], "intact, 9 100 B/s"),
        ([outcome("ended", 0)], "ends, nothing arrives"),
        ([outcome("ended", 1500), outcome("ended", 14_000)], "ends after 1.5 to 14.0 kB"),
        ([outcome("stalled", 900, wrong=4)], "wrong bytes"),
        (
            [outcome(rate=9000), outcome("stalled", 500)],
            "hangs after 0.5 kB (1 of 2); intact, 9 000 B/s (1 of 2)",
        ),
    ],
)
def test_losses_are_told_in_words(outcomes: list[Outcome], words: str) -> None:
    assert losses(outcomes) == words


def test_a_peer_that_did_not_come_up_says_why() -> None:
    assert "no such device" in table([row(PEER, [Visit(said="no such device")], [])])


def test_every_row_has_every_column() -> None:
    for peer in (PEER, ABSENT):
        assert len(row(peer, [], [])) == len(HEADS)
