"""The table of the text prompt, every cell of it."""

import itertools

import pytest

from guardpost.agent.prompt_state import TRANSITIONS, PromptEvent, PromptState

_S, _E = PromptState, PromptEvent
ALWAYS = {_E.LOCK, _E.IDLE, _E.CLOSE}

# What else may happen, by state; the rest of the cells must be empty.
HAPPENS = {
    _S.ASLEEP: {_E.WAKE},
    _S.GUEST: {_E.LOGIN},
    _S.PASSWORD: {_E.GIVEN, _E.CANCEL},
    _S.CHECKING: {_E.CANCEL, _E.ACCEPT, _E.REJECT},
    _S.USER: {_E.RUN, _E.LOGOUT},
    _S.RUNNING: {_E.PAGE, _E.DONE},
    _S.PAGING: {_E.RESUME},
    _S.CLOSED: set(),
}
LOGGED_IN = {_S.USER, _S.RUNNING, _S.PAGING}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(PromptState, PromptEvent)))
def test_every_cell(state: PromptState, event: PromptEvent) -> None:
    target = TRANSITIONS.get((state, event))
    assert (target is not None) == (event in ALWAYS | HAPPENS[state])
    if state is _S.CLOSED:
        assert target in (None, _S.CLOSED)
    if event in ALWAYS:
        assert target not in LOGGED_IN
    if target in LOGGED_IN:
        assert state in LOGGED_IN or event is _E.ACCEPT


def test_every_state_is_reached() -> None:
    assert {_S.ASLEEP, *TRANSITIONS.values()} == set(PromptState)
