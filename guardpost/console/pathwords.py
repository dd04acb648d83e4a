"""What a survey of the path has found, in words."""

from guardpost.protocol.framing import Profile
from guardpost.protocol.path import Damage

__all__ = ["damage_words", "survey_words"]

_HIGH = frozenset(range(128, 256))

# What is told in one phrase if all of it is damaged; the longest first.
_KNOWN: tuple[tuple[frozenset[int], str], ...] = (
    (_HIGH, "carries only 7 bits"),
    (frozenset(b"\x11\x13"), "takes XON and XOFF (11, 13) for itself"),
    (frozenset(b"\r\n"), "changes CR and LF (0d, 0a)"),
    (frozenset(b"\n"), "changes LF (0a)"),
    (frozenset(b"\r"), "changes CR (0d)"),
    (frozenset(b"\x00"), "swallows NUL (00)"),
    (frozenset(b"\xff"), "changes ff (telnet's IAC)"),
)
_LISTED = 8


def damage_words(damaged: frozenset[int]) -> str:
    """The verbs of a sentence that begins with "the path"."""
    left, phrases = damaged, []
    for values, words in _KNOWN:
        if values <= left:
            phrases.append(words)
            left -= values
    if left:
        listed = " ".join(f"{value:02x}" for value in sorted(left)[:_LISTED])
        more = len(left) - _LISTED
        phrases.append(f"changes {listed}" + (f" and {more} more values" if more > 0 else ""))
    return ", ".join(phrases) or "changes nothing"


def survey_words(damage: Damage, profiles: tuple[Profile, Profile]) -> str:
    """One sentence for a person: the damage, and the profiles in use because of it."""
    there, back = (each.name.lower() for each in profiles)
    used = f"profile {there}" if there == back else f"profiles {there} there and {back} back"
    if damage.to_agent == damage.to_console:
        return f"the path {damage_words(damage.to_agent)}; {used} in use"
    return (
        f"the path to the agent {damage_words(damage.to_agent)}, "
        f"the path back {damage_words(damage.to_console)}; {used} in use"
    )
