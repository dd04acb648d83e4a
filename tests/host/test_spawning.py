"""Why a program does not start, in words; what it finds when it does is in test_children.py."""

import errno

from guardpost.errors import ResetCode
from guardpost.host import spawning


def test_no_resources_is_a_limit_and_not_a_fault_of_the_program() -> None:
    assert spawning.spawn_error(OSError(errno.EAGAIN, "x"), "p").code is ResetCode.LIMIT
    assert spawning.spawn_error(OSError(errno.E2BIG, "x"), "p").code is ResetCode.FAILED
