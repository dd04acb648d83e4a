"""A peer with a good key that talks and never acks: what is under way does not pile up."""

from support.hostile import HostileConsole

from guardpost.protocol import events
from guardpost.protocol.messages import Ping, Welcome


def test_packets_that_are_never_acked_are_given_up_in_the_end() -> None:
    peer = HostileConsole()
    peer.enter()
    assert peer.heard(Welcome)
    association = peer.victim.connection.association
    assert association is not None
    most = 0
    for _ in range(3000):
        peer.send(Ping())
        peer.wait(0.3)
        most = max(most, len(association.recovery._flights))
    assert most < 100
    assert peer.victim.of(events.SessionSuspended)
    assert peer.victim.of(events.SessionEnded) == []
