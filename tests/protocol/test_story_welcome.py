"""WELCOME makes a session of the console's, once; to an agent it is nothing."""

import pytest
from support.hostile import HostileAgent, HostileConsole

from guardpost.protocol import events
from guardpost.protocol.messages import Welcome


@pytest.mark.parametrize("make", [HostileAgent, HostileConsole])
def test_a_welcome_that_comes_again_begins_nothing(
    make: "type[HostileAgent] | type[HostileConsole]",
) -> None:
    peer = make()
    peer.enter()
    for _ in range(3):
        peer.send(Welcome(b"\x80"))
    assert len(peer.victim.of(events.SessionEstablished)) == 1
    assert peer.victim.of(events.SessionEnded) == []
