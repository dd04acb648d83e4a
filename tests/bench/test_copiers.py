"""Each way to copy copies a file, and the line counts what it took."""

import os

import pytest
from support.tools import need

from bench.copiers import COPIERS, Copier
from bench.copy import copied

SIZE = 20_000


@pytest.mark.slow
@pytest.mark.parametrize("put", [True, False])
@pytest.mark.parametrize("copier", COPIERS, ids=lambda copier: copier.name)
def test_a_file_is_copied_and_its_bytes_are_counted(copier: Copier, put: bool) -> None:
    for command in copier.needs:
        need(command)
    found = copied(copier, (os.urandom(SIZE), None), put=put, shrink=False, baud=921600)
    there, back = (found.up, found.down) if put else (found.down, found.up)
    assert SIZE < there < 1.2 * SIZE
    assert back < 0.2 * SIZE
    assert found.seconds > SIZE / 92160
