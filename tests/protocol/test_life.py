"""The states of a session: every cell of the table."""

import itertools

import pytest

from guardpost.protocol.life import NEXT, Happening, State


@pytest.mark.parametrize("state, happening", list(itertools.product(State, Happening)))
def test_every_cell(state: State, happening: Happening) -> None:
    after = NEXT.get((state, happening))
    if happening is Happening.EXPIRED:
        # Only who waits has a grace that can end.
        assert after is (State.DEAD if state is State.SUSPENDED else None)
    elif state is State.DEAD or happening is Happening.ENDED:
        assert after is State.DEAD
    elif happening is Happening.OPENED:
        assert after is State.LIVE
    else:
        assert after is State.SUSPENDED
