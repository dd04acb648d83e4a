"""The recorded session of version 1: made today it must be the same bytes, and read the same."""

import json
from pathlib import Path

from support.transcript import PACKETS, transcript

from guardpost.protocol.framing import Decoder, Profile
from guardpost.protocol.hello import Hello
from guardpost.protocol.messages import decode_messages
from guardpost.protocol.session import SealedSession, frame_states

RECORDED = json.loads((Path(__file__).parent.parent / "vectors" / "session-1.json").read_text())


def test_the_same_keys_make_the_same_session() -> None:
    assert transcript() == RECORDED


def test_the_recorded_hellos_are_understood() -> None:
    hello = RECORDED["console_hello"].encode()
    assert Hello.decode(hello) is not None
    assert Hello.decode(RECORDED["agent_hello"].encode(), answers=hello) is not None
    assert Hello.decode(RECORDED["agent_hello"].encode()) is None


def test_the_recorded_frames_are_understood() -> None:
    to_agent, to_console = frame_states(bytes.fromhex(RECORDED["handshake_hash"]))
    console_key = bytes.fromhex(RECORDED["console_sends_with"])
    agent_key = bytes.fromhex(RECORDED["agent_sends_with"])
    agent = Decoder(Profile.CLEAN, (to_agent,)), SealedSession(agent_key, console_key)
    console = Decoder(Profile.CONSOLE, (to_console,)), SealedSession(console_key, agent_key)
    for recorded, (from_console, messages) in zip(RECORDED["packets"], PACKETS, strict=True):
        decoder, session = agent if from_console else console
        ((which, packet),) = decoder.feed(bytes.fromhex(recorded["frame"]))
        assert which == 0
        opened = session.open(packet)
        assert opened is not None
        assert decode_messages(opened[1]) == messages
