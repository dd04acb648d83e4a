"""Every way a channel may end has a word and a sentence."""

import pytest

from guardpost.cli import topics
from guardpost.cli.resets import sentence_of, word_of
from guardpost.errors import ChannelReset, ResetCode


@pytest.mark.parametrize("code", ResetCode)
def test_every_code_has_a_word_and_a_sentence(code: ResetCode) -> None:
    error = ChannelReset(code)
    assert word_of(error) in topics.EXIT_CODES.split()
    assert " " in sentence_of(error)


def test_the_other_side_s_own_words_go_first() -> None:
    assert sentence_of(ChannelReset(ResetCode.FAILED, "no more processes")) == "no more processes"


def test_a_session_that_is_over_is_called_as_everywhere() -> None:
    assert word_of(ChannelReset(ResetCode.LOST)) == "line-lost"
