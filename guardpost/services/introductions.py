"""What the two ends say about themselves: the msgpack maps of the handshake and of WELCOME.

Source: docs/protocol.md sections 4 and 6. What does not parse says nothing, and unknown
keys are ignored: a peer of another age is no error.
"""

import msgspec

__all__ = ["SPEED", "agent_kind", "agent_settings", "features", "operator", "operator_name"]
__all__ += ["says_ephemeral"]

SPEED = "speed"
"""The feature of an agent that answers SPEED messages."""

OPERATOR_BYTES = 64
SETTINGS_BYTES = 100


class _AgentSettings(msgspec.Struct):
    agent: str
    name: str
    features: tuple[str, ...] = (SPEED,)


class _Features(msgspec.Struct):
    features: list[str] = []


class _AgentKind(msgspec.Struct, omit_defaults=True):
    ephemeral: bool = False


class _Operator(msgspec.Struct):
    name: str = ""


# -- the agent's


def agent_kind(*, ephemeral: bool) -> bytes:
    """Handshake message 2: whether the agent's key lives only as long as the agent."""
    return msgspec.msgpack.encode(_AgentKind(ephemeral))


def agent_settings(version: str, name: str) -> bytes:
    """WELCOME: the agent's version and its host's name, cut so that the map fits a message."""
    without_name = len(msgspec.msgpack.encode(_AgentSettings(version, "")))
    # A text of more than 31 bytes has one more byte for its length.
    room = max(0, SETTINGS_BYTES - without_name - 1)
    return msgspec.msgpack.encode(_AgentSettings(version, _cut(name, room)))


def features(settings: bytes) -> list[str]:
    """What an agent of those WELCOME `settings` knows; nothing if they make no sense."""
    try:
        return msgspec.msgpack.decode(settings, type=_Features).features
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return []


def says_ephemeral(payload: bytes) -> bool:
    """What agent_kind() says in `payload`; False if that makes no sense."""
    try:
        return msgspec.msgpack.decode(payload, type=_AgentKind).ephemeral
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


# -- the console's


def operator(name: str) -> bytes:
    """Handshake message 3: who the operator says he is, cut at 64 bytes."""
    return msgspec.msgpack.encode(_Operator(_cut(name, OPERATOR_BYTES)))


def operator_name(payload: bytes) -> str:
    """What operator() says in `payload`; empty if that makes no sense."""
    try:
        said = msgspec.msgpack.decode(payload, type=_Operator).name
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    return _cut(said, OPERATOR_BYTES).strip()


def _cut(text: str, limit: int) -> str:
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
