"""A desktop through the line: xfreerdp here shows the log-on window of an xrdp over there."""

import sys

import pytest
from support.rdp import OPTIONS, PARTS, SIZE, await_log_on, missing, xfreerdp, xrdp
from support.rig import rig
from support.screen import screen

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="an owner needs unix sockets"),
    pytest.mark.slow,
]

PATIENCE_SECONDS = 120.0


def test_the_log_on_window_of_xrdp_comes_through_a_tunnel() -> None:
    """At 115200, for two at once."""
    with xrdp() as there, rig(baud=115200) as line, line.forward(f"0:127.0.0.1:{there}") as (here,):
        with screen(*SIZE) as one, screen(*SIZE) as other:
            assert missing(one.picture()) == missing(other.picture()) == list(PARTS)
            with xfreerdp(here, one) as first, xfreerdp(here, other) as second:
                await_log_on(first, one, PATIENCE_SECONDS)
                await_log_on(second, other, PATIENCE_SECONDS)
        # It came through the line, all of it: what TLS has sealed nobody makes smaller.
        assert line.control.stats()["ba"]["sent"] > 2 * 20_000


def test_xfreerdp_asks_about_the_certificate_unless_it_is_told_not_to() -> None:
    """The option that the handbook gives it is needed; without one to answer, no window comes."""
    asking = [each for each in OPTIONS if not each.startswith("/cert:")]
    assert asking != OPTIONS
    with xrdp() as port, screen(*SIZE) as seen, xfreerdp(port, seen, asking) as client:
        assert client.wait(PATIENCE_SECONDS) != 0
        assert missing(seen.picture()) == list(PARTS)
