"""What the console says of a wish for a faster line: once, and with the reason."""

import pytest
from support.pair import make_console
from support.speed_port import SpeedPort

from guardpost.console.speed import SpeedWish
from guardpost.protocol import events
from guardpost.services.introductions import agent_settings

KNOWS = agent_settings("1", "web01")
KNOWS_NOT = b"\x80"


def wish(highest: int) -> tuple[SpeedWish, list[str]]:
    told: list[str] = []
    return SpeedWish(make_console(), highest, told.append), told


@pytest.mark.parametrize(
    ("settings", "port", "reason"),
    [
        (KNOWS, None, "nothing here can change its speed"),
        (KNOWS, SpeedPort("a pty has no speed"), "a pty has no speed"),
        (KNOWS_NOT, SpeedPort(), "the agent does not know how to change its speed"),
        (KNOWS, SpeedPort(speeds=()), "our port has none of the higher speeds"),
        (KNOWS, SpeedPort(base=460800), "it has 460800 bit/s without --raise-baud"),
        (KNOWS, SpeedPort(speeds=(921600,)), "our port has none of the higher speeds"),
    ],
)
def test_why_the_speed_stays(settings: bytes, port: SpeedPort | None, reason: str) -> None:
    speed, told = wish(460800)
    speed.established(settings, port, 0.0)
    assert told == [f"the line keeps its speed: {reason}"]


def test_without_a_wish_nothing_is_said_until_somebody_has_one() -> None:
    speed, told = wish(0)
    speed.established(KNOWS, None, 0.0)
    assert told == []
    speed.raise_to(460800, None, 1.0)
    assert told == ["the line keeps its speed: nothing here can change its speed"]


def test_who_wishes_it_later_hears_what_has_become_of_it() -> None:
    speed, told = wish(460800)
    speed.raise_to(460800, None, 0.0)
    assert told == [], "nobody knows yet"
    speed.established(KNOWS, None, 1.0)
    speed.raise_to(460800, None, 2.0)
    assert told == ["the line keeps its speed: nothing here can change its speed"] * 2


def test_what_happens_again_and_again_is_said_once() -> None:
    speed, told = wish(921600)
    for _ in range(3):
        speed.settled(events.SpeedSettled(115200, "921600 bit/s failed: not proven within 2 s"))
    speed.settled(events.SpeedSettled(460800, ""))
    assert told == [
        "the line is at 115200 bit/s: 921600 bit/s failed: not proven within 2 s",
        "the line runs at 460800 bit/s now, by agreement",
    ]
