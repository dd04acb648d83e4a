"""Every error of guardpost, and the codes that travel on the wire.

GuardpostError
 +-- UsageError             the command line or a configuration file is wrong
 +-- KeyFileError           an identity or trust file cannot be used
 +-- TransportError         the line itself
 |    +-- NoSuchTarget        nothing of that name
 |    +-- LineBusy            somebody else holds it
 |    +-- LineLost            it was there and is gone
 |    |    +-- AgentRestarted    the line works, and its agent knows our session no more
 |    |    +-- AgentStopped      its agent said goodbye: it was stopped, or its host shuts down
 |    +-- AgentSilent         nobody answered on it
 +-- AuthenticationError    who may speak with whom
 |    +-- NotAllowed          the agent does not allow this console (or this action)
 |    +-- UnknownAgent        an agent key nobody has accepted yet
 |    +-- AgentKeyChanged     not the agent key that was accepted before
 +-- LocalProtocolError     we were called wrongly (a bug on our side)
 +-- RemoteProtocolError    the peer broke the protocol
 +-- ChannelReset           one channel ended before its end; carries a ResetCode
 +-- ServiceError           a service answered with an error

`word` is the fixed, never translated word that scripts match; `str(error)` says
what happened and what to do next, in one line. Only cli/failures.py turns an
error into words and an exit code.
"""

import enum

__all__ = [
    "AgentKeyChanged",
    "AgentRestarted",
    "AgentSilent",
    "AgentStopped",
    "AuthenticationError",
    "ChannelReset",
    "GoAwayCode",
    "GuardpostError",
    "KeyFileError",
    "LineBusy",
    "LineLost",
    "LocalProtocolError",
    "NoSuchTarget",
    "NotAllowed",
    "RemoteProtocolError",
    "ResetCode",
    "ServiceError",
    "TransportError",
    "UnknownAgent",
    "UsageError",
]


class ResetCode(enum.IntEnum):
    """Why a channel ended before its end (docs/protocol.md, "Reset codes")."""

    CANCELLED = 0
    REFUSED = 1
    UNREACHABLE = 2
    TIMEOUT = 3
    NAME_NOT_FOUND = 4
    NOT_ALLOWED = 5
    UNSUPPORTED = 6
    PROTOCOL = 7
    LIMIT = 8
    FAILED = 9
    NOT_FOUND = 10
    PEER_RESET = 11
    BAD_REQUEST = 12
    # Never on the wire: what our own side tells its users when the session itself ended.
    LOST = 100
    SUPERSEDED = 101


class GoAwayCode(enum.IntEnum):
    """Why a session ended (docs/protocol.md, "Go-away codes")."""

    DONE = 0
    NOT_ALLOWED = 1
    BUSY = 2
    SUPERSEDED = 3
    SHUTTING_DOWN = 4
    PROTOCOL = 5
    EXPIRED = 6


class GuardpostError(Exception):
    """Base of all our errors; `str()` is one line for a person."""

    word = "error"


class UsageError(GuardpostError):
    word = "usage"


class KeyFileError(GuardpostError):
    word = "key-file"


class TransportError(GuardpostError):
    word = "line-failed"


class NoSuchTarget(TransportError):
    word = "no-such-target"


class LineBusy(TransportError):
    word = "line-busy"


class LineLost(TransportError):
    word = "line-lost"


class AgentRestarted(LineLost):
    word = "agent-restarted"


class AgentStopped(LineLost):
    word = "agent-stopped"


class AgentSilent(TransportError):
    word = "agent-silent"


class AuthenticationError(GuardpostError):
    word = "not-authenticated"


class NotAllowed(AuthenticationError):
    word = "not-allowed"


class UnknownAgent(AuthenticationError):
    word = "unknown-agent"


class AgentKeyChanged(AuthenticationError):
    word = "agent-key-changed"


class LocalProtocolError(GuardpostError):
    word = "local-protocol"


class RemoteProtocolError(GuardpostError):
    word = "remote-protocol"


class ChannelReset(GuardpostError):
    """A channel ended before its end. `code` says why, `text` is the peer's own words."""

    word = "channel-reset"

    def __init__(self, code: ResetCode, text: str = "") -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        name = self.code.name.lower().replace("_", "-")
        return f"{name}: {self.text}" if self.text else name


class ServiceError(GuardpostError):
    word = "service"
