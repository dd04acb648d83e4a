"""Each way shows the log-on window, and the line counts what it took."""

import pytest
from support.tools import need

from bench.rdp import WAYS, seen

pytestmark = pytest.mark.slow

PICTURE_BYTES = 20_000
"""What xrdp sends of the window, at least; as TLS seals it."""


@pytest.mark.parametrize("name", WAYS)
def test_the_log_on_window_is_seen(name: str) -> None:
    for command in WAYS[name].needs:
        need(command)
    found = seen(WAYS[name])
    if name == "nothing":
        assert (found.up, found.down) == (0, 0)
    else:
        assert PICTURE_BYTES < found.down < 2 * PICTURE_BYTES
        assert 1000 < found.up < PICTURE_BYTES
        assert found.seconds > found.down / 11520
