"""One whole session of version 1, unit by unit, from fixed keys: what everybody must make of them.

`python tests/support/transcript.py` prints it as JSON; tests/vectors/session-1.json holds it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from guardpost.protocol.framing import Encoder, Profile
from guardpost.protocol.handshake import Handshake
from guardpost.protocol.hello import Hello, epoch, handshake_states
from guardpost.protocol.messages import (
    Accept,
    Ack,
    ConnectionCredit,
    Credit,
    Data,
    GoAway,
    Message,
    Open,
    Ping,
    Reset,
    Welcome,
)
from guardpost.protocol.session import SealedSession, frame_states

__all__ = ["KEYS", "PACKETS", "transcript"]

KEYS = {
    "console_static": bytes(range(32)),
    "agent_static": bytes(range(32, 64)),
    "console_ephemeral": bytes(range(64, 96)),
    "agent_ephemeral": bytes(range(96, 128)),
}
CONSOLE_NONCE, AGENT_NONCE = 0x0123456789ABCDEF, 0xFEDCBA9876543210

# (from the console?, messages of one packet)
PACKETS: list[tuple[bool, list[Message]]] = [
    (False, [Welcome(b"\x81\xa5agent\xa30.1"), ConnectionCredit(50331648)]),
    (True, [Ack(((0, 1),), 1_000_000, 250), Welcome(b"\x80")]),
    (True, [Open(0, "tcp", 5), Data(0, 0, b"hello")]),
    (False, [Ack(((0, 2),), 2_000_000, 0), Accept(0, 2), Data(0, 0, b"okdata", fin=True)]),
    (True, [Credit(0, 40000), Data(0, 5, b"", fin=True)]),
    (False, [Ack(((2, 4), (0, 1)), 3_000_000, 77), Ping()]),
    (True, [Reset(2, 4, 17, "no such name")]),
    (False, [GoAway(4, "the agent ends")]),
]


def transcript() -> dict[str, Any]:
    hello = Hello(False, CONSOLE_NONCE, Profile.CLEAN, Profile.CONSOLE).encode()
    answer = Hello(True, AGENT_NONCE, Profile.CLEAN, Profile.CONSOLE).encode(answers=hello)
    initiator = _handshake(True, "console", hello + answer)
    responder = _handshake(False, "agent", hello + answer)
    to_agent, to_console = handshake_states(epoch(hello, answer))
    messages = []
    for kind, writer, reader, payload in (
        (1, initiator, responder, b""),
        (2, responder, initiator, b"\x80"),
        (3, initiator, responder, b"\x81\xa4name\xa4anna"),
    ):
        message = writer.write_message(payload)
        reader.read_message(message)
        profile, state = (
            (Profile.CONSOLE, to_console) if writer is responder else (Profile.CLEAN, to_agent)
        )
        frame = Encoder(profile, state).encode(bytes((kind,)) + message)
        messages.append({"kind": kind, "message": message.hex(), "frame": frame.hex()})
    return {
        "keys": {name: key.hex() for name, key in KEYS.items()},
        "console_hello": hello.decode(),
        "agent_hello": answer.decode(),
        "epoch": epoch(hello, answer).hex(),
        "handshake": messages,
        "handshake_hash": initiator.handshake_hash.hex(),
        "console_sends_with": initiator.split()[0].hex(),
        "agent_sends_with": responder.split()[0].hex(),
        "packets": _packets(initiator, responder),
    }


def _handshake(initiator: bool, who: str, prologue: bytes) -> Handshake:
    return Handshake(
        initiator=initiator,
        prologue=prologue,
        static_private=KEYS[f"{who}_static"],
        random_bytes=lambda count: KEYS[f"{who}_ephemeral"][:count],
    )


def _packets(initiator: Handshake, responder: Handshake) -> list[dict[str, Any]]:
    states = frame_states(initiator.handshake_hash)
    console, agent = SealedSession(*initiator.split()), SealedSession(*responder.split())
    out = []
    for from_console, messages in PACKETS:
        body = b"".join(
            last.encode(last=last is messages[-1]) if isinstance(last, Data) else last.encode()
            for last in messages
        )
        packet = (console if from_console else agent).seal(body)
        profile, state = (
            (Profile.CLEAN, states[0]) if from_console else (Profile.CONSOLE, states[1])
        )
        out.append(
            {
                "from": "console" if from_console else "agent",
                "messages": [repr(message) for message in messages],
                "body": body.hex(),
                "packet": packet.hex(),
                "frame": Encoder(profile, state).encode(packet).hex(),
            }
        )
    return out


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    json.dump(transcript(), sys.stdout, indent=1)
    print()
