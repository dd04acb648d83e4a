"""Each rig carries a few kilobytes, so that the benchmark still works when it is wanted."""

import os

import pytest
from support.tools import need

from bench.peers import PEERS
from bench.peers.visit import place_on_a_line
from bench.transfer import Transfer

CARRIED_BYTES = 3000

NEEDS = {
    "guardpost": (),
    "raw": (),
    "zmodem-1k": ("sz", "rz"),
    "zmodem-8k": ("sz", "rz"),
    "ssh": ("socat", "ssh", "ssh-keygen", "sshd"),
    "scp": ("socat", "ssh", "ssh-keygen", "sshd", "scp"),
}


@pytest.mark.parametrize("name", NEEDS)
def test_a_peer_carries_bytes_and_keystrokes(name: str) -> None:
    for command in NEEDS[name]:
        need(command)
    peer = PEERS[name]
    with place_on_a_line(baud=921600) as place, peer.open(place) as way:
        way.start()
        transfer = Transfer(os.urandom(CARRIED_BYTES))
        way.bulk(transfer, None)
        outcome = transfer.wait(seconds=60, patience=30)
        assert outcome.intact, f"{outcome}: {place.processes.said()}"
        if way.key is not None:
            with way.key() as key:
                key.settimeout(30)
                key.sendall(b"k")
                assert key.recv(1) == b"k"


def test_what_is_not_installed_says_what_brings_it() -> None:
    for peer in PEERS.values():
        assert all(package for _, package in peer.needs)
