"""Fresh keys once a day, inside the session; nothing else but the two known keys may make them."""

import pytest
from support.pair import AGENT_KEY, CONSOLE_KEY, OTHER_KEY, random_bytes

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.handshake import Handshake
from guardpost.protocol.limits import REFRESH_SECONDS, REKEYS_BEGUN_MAX
from guardpost.protocol.messages import Rekey
from guardpost.protocol.refresh import Refresh
from guardpost.protocol.session import SealedSession


class Peers:
    """A console and an agent whose session is a day old."""

    def __init__(self, agent_now: bytes = AGENT_KEY, console_now: bytes = CONSOLE_KEY) -> None:
        one = Handshake(
            initiator=True,
            prologue=b"",
            static_private=CONSOLE_KEY,
            random_bytes=random_bytes(1),
        )
        two = Handshake(
            initiator=False, prologue=b"", static_private=AGENT_KEY, random_bytes=random_bytes(2)
        )
        two.read_message(one.write_message())
        one.read_message(two.write_message())
        two.read_message(one.write_message())
        self.console_session = SealedSession(*one.split())
        self.agent_session = SealedSession(*two.split())
        self.console = Refresh(
            self.console_session,
            console=True,
            handshake_hash=one.handshake_hash,
            static_private=console_now,
            peer_static=one.remote_static or b"",
            random_bytes=random_bytes(3),
            psk=None,
            now=100.0,
        )
        self.agent = Refresh(
            self.agent_session,
            console=False,
            handshake_hash=two.handshake_hash,
            static_private=agent_now,
            peer_static=two.remote_static or b"",
            random_bytes=random_bytes(4),
            psk=None,
            now=100.0,
        )

    def refresh(self) -> None:
        two = self.agent.receive(self.console.begin(200.0))
        assert two is not None
        three = self.console.receive(two)
        assert three is not None
        assert self.agent.receive(three) is None

    def talk(self) -> list[int]:
        """A packet each way; their kinds."""
        down = self.agent_session.seal(b"down")
        assert self.console_session.open(down) is not None
        up = self.console_session.seal(b"up")
        assert self.agent_session.open(up) is not None
        return [down[0], up[0]]


def test_the_console_begins_after_a_day() -> None:
    peers = Peers()
    assert peers.console.deadline == 100.0 + REFRESH_SECONDS
    assert peers.agent.deadline is None
    peers.console.begin(200.0)
    assert peers.console.deadline == 200.0 + REFRESH_SECONDS


def test_both_go_on_with_fresh_keys_and_can_do_so_again() -> None:
    peers = Peers()
    assert peers.talk() == [0x10, 0x10]
    peers.refresh()
    assert peers.talk() == [0x11, 0x11]
    peers.refresh()
    assert peers.talk() == [0x10, 0x10]


def test_a_message_that_comes_twice_is_answered_once() -> None:
    """A probe brings again what may have been lost."""
    peers = Peers()
    one = peers.console.begin(200.0)
    two = peers.agent.receive(one)
    assert two is not None
    assert peers.agent.receive(one) is None
    three = peers.console.receive(two)
    assert three is not None
    assert peers.console.receive(two) is None
    assert peers.agent.receive(three) is None
    assert peers.agent.receive(one) is None
    assert peers.agent.receive(three) is None
    assert peers.talk() == [0x11, 0x11]


@pytest.mark.parametrize("step", [0, 2, 3, 4])
def test_a_step_out_of_turn_is_a_violation_to_the_agent(step: int) -> None:
    with pytest.raises(RemoteProtocolError):
        Peers().agent.receive(Rekey(step, bytes(32)))


@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_the_agent_may_not_begin(step: int) -> None:
    with pytest.raises(RemoteProtocolError):
        Peers().console.receive(Rekey(step, bytes(32)))


def test_another_key_of_the_agent_is_a_violation() -> None:
    peers = Peers(agent_now=OTHER_KEY)
    two = peers.agent.receive(peers.console.begin(200.0))
    assert two is not None
    with pytest.raises(RemoteProtocolError):
        peers.console.receive(two)


def test_another_key_of_the_console_is_a_violation() -> None:
    peers = Peers(console_now=OTHER_KEY)
    two = peers.agent.receive(peers.console.begin(200.0))
    assert two is not None
    three = peers.console.receive(two)
    assert three is not None
    with pytest.raises(RemoteProtocolError):
        peers.agent.receive(three)


def test_a_changed_message_is_a_violation() -> None:
    peers = Peers()
    two = peers.agent.receive(peers.console.begin(200.0))
    assert two is not None
    with pytest.raises(RemoteProtocolError):
        peers.console.receive(Rekey(2, two.noise[:-1] + bytes((two.noise[-1] ^ 1,))))


def test_rekeys_that_are_begun_and_never_finished_are_a_violation() -> None:
    peers = Peers()
    for _ in range(REKEYS_BEGUN_MAX):
        peers.agent.receive(peers.console.begin(200.0))
    with pytest.raises(RemoteProtocolError):
        peers.agent.receive(peers.console.begin(200.0))
