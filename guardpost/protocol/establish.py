"""From a finished handshake to a session at work.

handshake.py and session.py bring libsodium along, which as it is imported waits for the kernel's
random generator. They are imported with the first handshake, and the text prompt before that.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardpost.protocol import events
from guardpost.protocol.association import Association
from guardpost.protocol.framing import Profile
from guardpost.protocol.refresh import Refresh

if TYPE_CHECKING:
    from guardpost.protocol.handshake import Handshake

__all__ = ["Credentials", "establish"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one end proves itself with; needed again for the fresh keys of every day."""

    console: bool
    static_private: bytes
    random_bytes: Callable[[int], bytes]
    psk: bytes | None


def establish(
    handshake: "Handshake",
    credentials: Credentials,
    profiles: tuple[Profile, Profile],
    events_out: deque[events.Event],
    now: float,
) -> Association:
    """`profiles`: (console -> agent, agent -> console); what happens goes to `events_out`."""
    from guardpost.protocol.session import SealedSession, frame_states

    session = SealedSession(*handshake.split())
    peer_key = handshake.remote_static or b""
    refresh = Refresh(
        session,
        console=credentials.console,
        handshake_hash=handshake.handshake_hash,
        static_private=credentials.static_private,
        peer_static=peer_key,
        random_bytes=credentials.random_bytes,
        psk=credentials.psk,
        now=now,
    )
    return Association(
        session,
        refresh,
        console=credentials.console,
        crc_states=frame_states(handshake.handshake_hash),
        profiles=profiles,
        peer_key=peer_key,
        events_out=events_out,
        now=now,
    )
