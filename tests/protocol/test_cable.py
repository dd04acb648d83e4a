"""CableSpeed: without a session nothing is wanted of a port, and a dead one still gives it back."""

from support.cable import BASE, CablePair
from support.pair import make_agent, make_console

from guardpost.errors import GoAwayCode


def test_without_a_session_a_port_keeps_its_speed() -> None:
    for connection in (make_agent(), make_console()):
        cable = connection.cable
        cable.offer(BASE, (921600,), 0.0)
        cable.answer(BASE, (921600,), 0.0)
        cable.was_set(True, 0.0)
        cable.line_gone(0.0)
        assert cable.to_set(100.0) is cable.raised is None
        assert not cable.is_going_back


def test_a_session_that_was_superseded_gives_the_speed_back() -> None:
    pair = CablePair()
    pair.establish()
    pair.raise_speed()
    assert pair.raised()
    agent = pair.agent.connection
    agent.close(GoAwayCode.SUPERSEDED, "", pair.now)
    assert agent.association is None
    assert agent.cable.is_going_back
    pair.run(0.1)
    assert pair.both_at == BASE
