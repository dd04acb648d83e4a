"""What leaves the top of the stack: things that happened, as plain values."""

from dataclasses import dataclass

from guardpost.errors import GoAwayCode, ResetCode
from guardpost.protocol.channel import Channel
from guardpost.protocol.framing import Profile
from guardpost.protocol.path import Damage

__all__ = [
    "AgentKeyOffered",
    "ChannelAccepted",
    "ChannelOpened",
    "ChannelReadable",
    "ChannelReset",
    "ChannelWritable",
    "ConsoleKeyOffered",
    "Event",
    "HandshakeFailed",
    "Heard",
    "PathSurveyed",
    "SessionEnded",
    "SessionEstablished",
    "SessionResumed",
    "SessionSuspended",
    "SpeedAsked",
    "SpeedSettled",
    "Text",
]


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes that are neither hello nor frame. `clean`: the agent's line editor may have them."""

    data: bytes
    clean: bool = True


@dataclass(frozen=True, slots=True)
class Heard:
    """A hello that was not for us.

    `what` is "other-console", "other-agent", "echo" or "console".
    """

    what: str


@dataclass(frozen=True, slots=True)
class AgentKeyOffered:
    """Console: decide about this static key; call accept_agent() or give_up().

    `payload` is the msgpack map of handshake message 2.
    """

    key: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class ConsoleKeyOffered:
    """Agent: decide about this static key; call allow() or refuse().

    `payload` is the msgpack map of handshake message 3.
    """

    key: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class HandshakeFailed:
    """Console: no session came about. `heard_hello` tells an agent that answered from silence."""

    heard_hello: bool
    reason: str


@dataclass(frozen=True, slots=True)
class PathSurveyed:
    """Console: what the path does to bytes, and the `profiles` that were chosen for it.

    Profiles are (console -> agent, agent -> console).
    """

    damage: Damage
    profiles: tuple[Profile, Profile]


@dataclass(frozen=True, slots=True)
class SessionEstablished:
    """A session is live.

    `peer_key`: the other side's static key. `settings`: the peer's msgpack map (agent: handshake
    message 3; console: WELCOME).
    """

    peer_key: bytes
    settings: bytes


@dataclass(frozen=True, slots=True)
class SessionSuspended:
    reason: str


@dataclass(frozen=True, slots=True)
class SessionResumed:
    pass


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """`code` is None when it was not ended by a GOAWAY: it is lost."""

    code: GoAwayCode | None
    text: str
    by_peer: bool


@dataclass(frozen=True, slots=True)
class SpeedAsked:
    """Agent: the console asks for a faster line; call answer_speed()."""


@dataclass(frozen=True, slots=True)
class SpeedSettled:
    """The cable has another speed now, or keeps the one it has; `reason` says why, "" if agreed."""

    bits_per_second: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """The peer opened a channel; its whole request has arrived."""

    channel: Channel
    service: str
    request: bytes


@dataclass(frozen=True, slots=True)
class ChannelAccepted:
    channel: Channel
    reply: bytes


@dataclass(frozen=True, slots=True)
class ChannelReadable:
    """More bytes, or the end."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelWritable:
    """What it holds back from the line has fallen below the limit."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelReset:
    channel: Channel
    code: ResetCode
    text: str


Event = (
    Text
    | Heard
    | AgentKeyOffered
    | ConsoleKeyOffered
    | HandshakeFailed
    | PathSurveyed
    | SessionEstablished
    | SessionSuspended
    | SessionResumed
    | SessionEnded
    | SpeedAsked
    | SpeedSettled
    | ChannelOpened
    | ChannelAccepted
    | ChannelReadable
    | ChannelWritable
    | ChannelReset
)
