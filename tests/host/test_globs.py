"""Which names a pattern of a shell means; fnmatch of Python is asked the same."""

import fnmatch
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.host.globs import PATTERN_MAX_BYTES, folder_of, matches, pattern_of


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        (b"*.log", [b"a.log", b"x.y.log"], [b"a.log.1", b"log", b".log", b".hidden.log"]),
        (b".*", [b".log", b".bashrc"], [b"log"]),
        (b"a?c", [b"abc", "aäc".encode()], [b"ac", b"abbc"]),
        (b"[a-c]1", [b"a1", b"c1"], [b"d1", b"-1", b"A1"]),
        (b"[!a-c]1", [b"d1", b"-1"], [b"a1", b"1"]),
        (b"[]-]x", [b"]x", b"-x"], [b"x"]),
        (b"*", [b"x"], [b""]),
        (b"[*]", [b"*"], [b"a", b""]),
        (b"[[]1]", [b"[1]"], [b"1", b"[1"]),
        (b"[a", [b"[a"], [b"a"]),
        (b"?", [b"\xff"], [b".", b""]),
    ],
)
def test_what_a_pattern_means(pattern: bytes, names: list[bytes], others: list[bytes]) -> None:
    assert all(matches(name, pattern) for name in names)
    assert not any(matches(name, pattern) for name in others)


def test_only_the_last_part_of_a_path_is_a_pattern() -> None:
    assert (folder_of(b"/var/log/*.log"), pattern_of(b"/var/log/*.log")) == (b"/var/log/", b"*.log")
    assert (folder_of(b"?"), pattern_of(b"?")) == (b"./", b"?")
    assert pattern_of(b"/srv/[x]/f") == pattern_of(b"/srv/*/") == pattern_of(b"plain") == b""


# Python takes a range that runs backwards for nothing; so do we, and neither is asked for one.
LETTERS = st.text("ab.[]!*?-\xe4", max_size=12)


@given(LETTERS, LETTERS)
def test_it_is_what_fnmatch_says(name: str, pattern: str) -> None:
    is_hidden = name.startswith(".") and not pattern.startswith(".")
    wanted = bool(name) and not is_hidden and fnmatch.fnmatchcase(name, pattern)
    assert matches(os.fsencode(name), os.fsencode(pattern)) is wanted


def test_no_pattern_takes_long() -> None:
    """Of so many stars a matcher that tries everything makes 10^50 attempts."""
    assert matches(b"a" * 255, b"*a" * 127)
    assert not matches(b"a" * 255, b"*a" * 100 + b"b")


def test_a_pattern_longer_than_a_name_matches_none() -> None:
    assert not matches(b"a", b"*" * (PATTERN_MAX_BYTES + 1))
