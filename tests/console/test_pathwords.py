import pytest

from guardpost.console.pathwords import damage_words, survey_words
from guardpost.protocol.framing import Profile
from guardpost.protocol.path import Damage


@pytest.mark.parametrize(
    ("damaged", "words"),
    [
        (b"", "changes nothing"),
        (bytes(range(128, 256)), "carries only 7 bits"),
        (b"\x11\x13", "takes XON and XOFF (11, 13) for itself"),
        (b"\x00", "swallows NUL (00)"),
        (b"\n", "changes LF (0a)"),
        (b"\r\n\xff", "changes CR and LF (0d, 0a), changes ff (telnet's IAC)"),
        (b"\x03\x11", "changes 03 11"),
        (bytes(range(1, 10)), "changes 01 02 03 04 05 06 07 08 and 1 more values"),
    ],
)
def test_damage_in_words(damaged: bytes, words: str) -> None:
    assert damage_words(frozenset(damaged)) == words


def test_both_ways_alike_is_said_once() -> None:
    xonxoff = frozenset(b"\x11\x13")
    told = survey_words(Damage(xonxoff, xonxoff), (Profile.XONXOFF, Profile.XONXOFF))
    assert told == ("the path takes XON and XOFF (11, 13) for itself; profile xonxoff in use")
    told = survey_words(Damage(xonxoff, frozenset()), (Profile.XONXOFF, Profile.CLEAN))
    assert told == (
        "the path to the agent takes XON and XOFF (11, 13) for itself, "
        "the path back changes nothing; profiles xonxoff there and clean back in use"
    )
