"""SimulatedLine: the extras on top of two Wires."""

from support.line import Cut, SimulatedLine


def test_each_direction_has_its_own_rate() -> None:
    line = SimulatedLine(1000.0, back_rate=100.0)
    line.push_a(b"to b", 0.0)
    line.push_b(b"to a", 0.0)
    assert line.pull_b(0.02) == b"to b"
    assert line.pull_a(0.02) == b"to"
    assert line.pull_a(0.04) == b" a"
    assert line.next_deadline(0.04) is None


def test_an_echo_sends_what_arrived_back_to_its_sender() -> None:
    line = SimulatedLine(None, echo="a")
    line.push_a(b"hello", 0.0)
    assert line.pull_a(0.0) == b""
    assert line.pull_b(0.0) == b"hello"
    assert line.pull_a(0.0) == b"hello"


def test_the_line_goes_dead_at_exactly_the_named_byte_and_heals_in_time() -> None:
    line = SimulatedLine(None, cut=Cut("ab", 5, heals_at=2.0))
    line.push_a(b"123", 0.0)
    assert line.pull_b(0.0) == b"123"
    line.push_a(b"456", 0.0)
    assert line.pull_b(0.0) == b"45"
    assert line.dead
    line.push_b(b"into the void", 1.0)
    assert line.pull_a(1.0) == b""
    line.push_b(b"back again", 2.0)
    assert line.pull_a(2.0) == b"back again"
    assert not line.dead


def test_two_consoles_see_all_that_the_agent_says() -> None:
    line = SimulatedLine(None, consoles=2)
    line.push_b(b"prompt>", 0.0)
    assert line.pull_a(0.0, console=0) == b"prompt>"
    assert line.next_deadline(0.0) == 0.0
    assert line.pull_a(0.0, console=1) == b"prompt>"
    assert line.next_deadline(0.0) is None
