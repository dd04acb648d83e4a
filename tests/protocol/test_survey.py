"""The console's survey step by step, against a Responder."""

from support.pair import AGENT_KEY, random_bytes

from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import Hello, HelloScanner
from guardpost.protocol.limits import SWEEPS_MAX
from guardpost.protocol.path import Damage, values_to_sweep
from guardpost.protocol.responder import Responder
from guardpost.protocol.survey import Survey

START = 100.0
CHOICE = (Profile.CLEAN, Profile.PRINTABLE)
VALUES = values_to_sweep(CHOICE)


def begun() -> Survey:
    survey = Survey(VALUES, random_bytes(1), START)
    survey.handle_timeout(START)
    return survey


def agent_of(survey: Survey) -> Responder:
    hello = Hello.decode(survey.hello)
    assert hello is not None
    return Responder(
        survey.hello,
        hello,
        static_private=AGENT_KEY,
        message_2_payload=b"\x80",
        random_bytes=random_bytes(2),
        psk=None,
        now=START,
    )


def answered() -> tuple[Survey, Responder]:
    """The hellos have passed."""
    survey = begun()
    survey.out.clear()
    agent = agent_of(survey)
    assert survey.agent_hello(agent.agent_hello, START + 0.01)
    agent.hellos.clear()
    return survey, agent


def exchange(
    survey: Survey, agent: Responder, there: bytes = b"", back: bytes = b"", now: float = START + 1
) -> int:
    """What both said so far crosses a path that eats `there` and `back`; how much went back."""
    out, survey.out = b"".join(survey.out), []
    for which, body in agent.decoder.feed(out.translate(None, there)):
        if which >= 0:
            agent.receive(body, now)
        else:
            agent.residue(body)
    answer, agent.hellos = b"".join(agent.hellos), []
    survey.receive(answer.translate(None, back), now)
    return len(answer)


def test_the_hello_asks_for_printable_both_ways() -> None:
    survey = begun()
    hello = Hello.decode(survey.out[0])
    assert hello is not None
    assert (hello.to_agent, hello.to_console) == (Profile.PRINTABLE, Profile.PRINTABLE)


def test_one_sweep_will_do_where_nothing_is_damaged() -> None:
    survey, agent = answered()
    exchange(survey, agent)
    assert survey.finished
    assert survey.damage == Damage(frozenset(), frozenset())
    assert survey.out == []


def test_damage_is_confirmed_by_a_second_and_shorter_one() -> None:
    survey, agent = answered()
    first = len(b"".join(survey.out))
    exchange(survey, agent, b"\x11\x13", b"\x00")
    assert not survey.finished
    assert len(b"".join(survey.out)) < first / 2
    exchange(survey, agent, b"\x11\x13", b"\x00")
    assert survey.damage == Damage(frozenset(b"\x11\x13"), frozenset(b"\x00"))


def test_what_noise_hit_once_is_no_damage() -> None:
    survey, agent = answered()
    exchange(survey, agent, b"\x99", b"\x88")
    exchange(survey, agent)
    assert survey.damage == Damage(frozenset(), frozenset())


def test_the_agent_says_no_more_than_it_heard() -> None:
    survey, agent = answered()
    asked = len(b"".join(survey.out))
    assert exchange(survey, agent) <= asked


def test_a_sweep_that_went_astray_is_repeated() -> None:
    survey, agent = answered()
    survey.out.clear()
    assert survey.deadline is not None
    survey.handle_timeout(survey.deadline)
    exchange(survey, agent)
    assert survey.finished
    assert survey.damage is not None


def test_the_agent_answers_so_many_sweeps_and_no_more() -> None:
    survey, agent = answered()
    sweep = list(survey.out)
    answers = 0
    for _ in range(3 * SWEEPS_MAX):
        survey.out = list(sweep)
        answers += exchange(begun_with(sweep), agent) > 0
    assert answers == SWEEPS_MAX


def begun_with(out: list[bytes]) -> Survey:
    other = begun()
    other.out = list(out)
    return other


def test_without_an_answer_it_ends_with_nothing() -> None:
    survey, _ = answered()
    while survey.deadline is not None:
        survey.handle_timeout(survey.deadline)
    assert survey.finished
    assert survey.damage is None


def test_without_a_hello_too() -> None:
    survey = begun()
    times = []
    while survey.deadline is not None:
        times.append(survey.deadline - START)
        survey.handle_timeout(survey.deadline)
    assert times == [1.0, 3.0, 6.0]
    assert survey.damage is None


def test_no_hello_hides_in_a_sweep() -> None:
    survey, _ = answered()
    assert all(candidate is None for _, candidate in HelloScanner().feed(b"".join(survey.out)))
