"""A line that was gone comes back with somebody else at it: nothing of before is said to him."""

from support.pair import make_agent

from guardpost.protocol import events
from guardpost.protocol.hello import MARK, Hello

NOW = 100.0
HELLO = Hello(False, 1, 0, 0).encode()


def test_words_that_had_not_gone_out_are_dropped() -> None:
    agent = make_agent()
    agent.send_text(b"for who has left")
    agent.receive_eof(NOW)
    agent.send_text(b"for who comes")
    agent.line_opened(NOW + 1)
    assert agent.data_to_send(NOW + 1) == [b"for who comes"]


def test_an_answer_to_a_hello_that_had_not_gone_out_is_dropped() -> None:
    agent = make_agent()
    agent.receive_data(HELLO, NOW)
    agent.receive_eof(NOW)
    agent.line_opened(NOW + 1)
    assert agent.data_to_send(NOW + 1) == []
    agent.receive_data(HELLO, NOW + 1)
    (answer,) = agent.data_to_send(NOW + 1)
    assert Hello.decode(answer, answers=HELLO)


def test_half_a_hello_is_not_finished_by_the_next() -> None:
    agent = make_agent()
    agent.receive_data(MARK, NOW)
    agent.receive_eof(NOW)
    agent.line_opened(NOW + 1)
    agent.receive_data(b"01 is the door\r", NOW + 1)
    assert agent.next_event() == events.Text(b"01 is the door\r")
    assert agent.next_deadline(NOW + 1) is None
