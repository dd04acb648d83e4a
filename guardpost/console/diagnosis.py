"""Says what was seen on a line where no session came about, instead of "timeout"."""

from guardpost.console.faces import KEPT_BYTES, recognised, unreadable
from guardpost.console.pathwords import survey_words
from guardpost.errors import (
    AgentRestarted,
    AgentSilent,
    AgentStopped,
    GoAwayCode,
    GuardpostError,
    LineBusy,
    LineLost,
    NotAllowed,
    RemoteProtocolError,
)
from guardpost.protocol import events
from guardpost.protocol.console_connection import RESTARTED

__all__ = ["Silence", "farewell"]

_HALF_HEARD = (
    "the path may change bytes (?profile=printable), or the psk is not the same on both sides"
)


class Silence:
    """Collects what a line says before there is a session."""

    def __init__(self) -> None:
        self._heard: set[str] = set()
        self._text = b""
        self.path = ""
        """What a survey has found, as a sentence."""

    def heard(self, what: str) -> None:
        """A hello that was not for us (events.Heard), or `agent`: one that was."""
        self._heard.add(what)

    def text(self, data: bytes) -> None:
        self._text = (self._text + data)[-KEPT_BYTES:]

    def surveyed(self, found: events.PathSurveyed) -> str:
        """A survey ended; returns what it found, as a sentence; nothing, if it was noise."""
        if found.damage.to_agent or found.damage.to_console:
            self.path = survey_words(found.damage, found.profiles)
        return self.path

    def seen(self) -> str:
        """What was seen, and what to do next."""
        if "other-console" in self._heard:
            return "another console is attached to this line; end it first"
        if "other-agent" in self._heard:
            return "an agent answers another console on this line; end that one first"
        if "agent" in self._heard:
            return f"an agent answered our hello, and then nothing; {self._half_heard()}"
        if (face := recognised(self._text)) is not None:
            return face
        if "echo" in self._heard:
            return (
                "only our own hello came back: a loopback plug, or a login prompt or shell that "
                "echoes what is typed; is the agent running?"
            )
        if (reason := unreadable(self._text)) is not None:
            return reason
        if self._text:
            return (
                "there was text but no agent; see it with 'guardpost terminal', "
                "and start 'guardpost agent' on the host"
            )
        return (
            "nothing was heard at all; is the cable in, the speed right, "
            "and 'guardpost agent' running on that port?"
        )

    def _half_heard(self) -> str:
        return f"{self.path}; {_HALF_HEARD}" if self.path else _HALF_HEARD

    def explain(self, name: str, failed: events.HandshakeFailed) -> AgentSilent:
        """The error for a handshake that failed."""
        if failed.heard_hello and "version" in failed.reason:
            hint = "use the console of the agent's version"
        elif failed.heard_hello:
            hint = self._half_heard()
        elif "nothing was sent" in failed.reason:
            hint = "see it with 'guardpost terminal'"
        else:
            hint = self.seen()
        return AgentSilent(f"{name}: {failed.reason}; {hint}")


def farewell(name: str, ended: events.SessionEnded, our_key: str) -> GuardpostError:
    """Why a session is over."""
    text = f" ({ended.text})" if ended.text else ""
    match ended.code:
        case GoAwayCode.NOT_ALLOWED:
            return NotAllowed(
                f"{name}: the agent does not allow this console; "
                f"add this key to authorized_consoles: {our_key}"
            )
        case GoAwayCode.BUSY:
            return LineBusy(f"{name}: another console has a session; end it, then try again")
        case GoAwayCode.SUPERSEDED:
            return LineLost(f"{name}: a new session of the same console key took over")
        case GoAwayCode.SHUTTING_DOWN:
            return AgentStopped(
                f"{name}: the agent shuts down{text}; try again when its host is back"
            )
        case GoAwayCode.PROTOCOL:
            return RemoteProtocolError(f"{name}: the protocol was broken{text}")
        case GoAwayCode.DONE if not ended.by_peer:
            return LineLost(f"{name}: the session was closed here")
        case None if ended.text == RESTARTED:
            return AgentRestarted(
                f"{name}: {RESTARTED}, perhaps with its host; what ran there may have ended; "
                "run the command again for a new session"
            )
        case _:
            reason = ended.text or "the session is over"
            return LineLost(f"{name}: {reason}; run the command again for a new session")
