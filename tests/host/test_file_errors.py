"""The fixed words for what goes wrong with a file."""

import errno
import os

import pytest

from guardpost.errors import UsageError
from guardpost.host.file_errors import FileFailure, failure_of


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.ENOSPC, "disk-full"),
        (errno.EDQUOT, "disk-full"),
        (errno.EACCES, "permission"),
        (errno.ENOENT, "no-such-file"),
        (errno.ELOOP, "link-in-the-way"),
        (errno.ENODEV, "system"),
    ],
)
def test_an_error_of_the_system_has_its_word(number: int, word: str) -> None:
    failure = failure_of(OSError(number, "whatever", "name"))
    assert (failure.word, str(failure)) == (word, os.strerror(number))


def test_an_error_of_ours_keeps_its_word() -> None:
    failure = FileFailure("busy", "later")
    assert failure_of(failure) is failure
    assert failure_of(UsageError("so")).word == "usage"


def test_a_defect_is_no_failure_of_a_file() -> None:
    with pytest.raises(ZeroDivisionError):
        failure_of(ZeroDivisionError())
