"""Words to be read out over a bad telephone line."""

import hashlib
import itertools

from guardpost.identity.wordlist import WORDS


def differ_in_one_letter(left: str, right: str) -> bool:
    """Whether one letter changed, added or left out makes `left` of `right`."""
    if len(left) == len(right):
        return sum(a != b for a, b in zip(left, right, strict=True)) == 1
    short, long = sorted((left, right), key=len)
    return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def test_there_is_a_word_for_each_byte() -> None:
    assert len(WORDS) == len(set(WORDS)) == 256
    assert all(word.isascii() and word.isalpha() and word.islower() for word in WORDS)
    assert all(3 <= len(word) <= 8 for word in WORDS)


def test_no_word_is_taken_for_another() -> None:
    assert len({word[:3] for word in WORDS}) == 256
    assert not [pair for pair in itertools.combinations(WORDS, 2) if differ_in_one_letter(*pair)]


def test_the_list_never_changes() -> None:
    """People have written their words down."""
    digest = hashlib.sha256(" ".join(WORDS).encode()).hexdigest()
    assert digest == "13e7a396d79c0488dd2bb1d005ad931e022401dc5ec4d9ccdb9cf8bcb247930d"
