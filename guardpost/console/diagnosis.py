"""Says what was seen on a line where no session came about, instead of "timeout"."""

import re

from guardpost.errors import (
    AgentSilent,
    GoAwayCode,
    GuardpostError,
    LineBusy,
    LineLost,
    NotAllowed,
    RemoteProtocolError,
)
from guardpost.protocol import events

__all__ = ["Silence", "farewell", "recognised"]

_KEPT_BYTES = 2000

_FACES: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (
        re.compile(rb"(?i)\blogin: ?$"),
        "a login prompt is there: getty has the port; stop it there, then start the agent",
    ),
    (
        re.compile(rb"(?i)(grub>|grub rescue>|U-Boot> ?|autoboot[^\n]*)\s*$"),
        "a boot loader is there; wait until the host has started",
    ),
    (
        re.compile(rb"[\w.@:~/\[\] -]+[$#] ?$"),
        "a shell is there; end it, then start the agent on that port",
    ),
    (
        re.compile(rb"\[ *\d+\.\d{6}\] "),
        "kernel messages are there, and no agent; is the host still starting?",
    ),
)


def recognised(text: bytes) -> str | None:
    """What the last of `text` looks like, and what to do about it."""
    for pattern, what in _FACES:
        if pattern.search(text[-_KEPT_BYTES:]):
            return what
    return None


_HALF_HEARD = (
    "the path may change bytes (?profile=printable), or the psk is not the same on both sides"
)


class Silence:
    """Collects what a line says before there is a session."""

    def __init__(self) -> None:
        self._heard: set[str] = set()
        self._text = b""

    def heard(self, what: str) -> None:
        """A hello that was not for us (events.Heard), or `agent`: one that was."""
        self._heard.add(what)

    def text(self, data: bytes) -> None:
        self._text = (self._text + data)[-_KEPT_BYTES:]

    def seen(self) -> str:
        """What was seen, and what to do next."""
        if "other-console" in self._heard:
            return "another console is attached to this line; end it first"
        if "other-agent" in self._heard:
            return "an agent answers another console on this line; end that one first"
        if "agent" in self._heard:
            return f"an agent answered our hello, and then nothing; {_HALF_HEARD}"
        if "echo" in self._heard:
            return (
                "only our own hello came back: a loopback plug, or a terminal that echoes; "
                "is the agent running?"
            )
        if (face := recognised(self._text)) is not None:
            return face
        readable = sum(0x20 <= byte < 0x7F or byte in b"\r\n\t\x1b" for byte in self._text)
        if len(self._text) >= 8 and readable * 3 < len(self._text) * 2:
            return "unreadable bytes arrived: is the speed right (?baud=N)?"
        if self._text:
            return (
                "there was text but no agent; see it with 'guardpost terminal', "
                "and start 'guardpost agent' on the host"
            )
        return (
            "nothing was heard at all; is the cable in, the speed right, "
            "and 'guardpost agent' running on that port?"
        )

    def explain(self, name: str, failed: events.HandshakeFailed) -> AgentSilent:
        """The error for a handshake that failed."""
        if failed.heard_hello and "version" in failed.reason:
            hint = "use the console of the agent's version"
        elif failed.heard_hello:
            hint = _HALF_HEARD
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
            return LineLost(f"{name}: the agent shuts down{text}; try again when its host is back")
        case GoAwayCode.PROTOCOL:
            return RemoteProtocolError(f"{name}: the protocol was broken{text}")
        case GoAwayCode.DONE if not ended.by_peer:
            return LineLost(f"{name}: the session was closed here")
        case _:
            reason = ended.text or "the session is over"
            return LineLost(f"{name}: {reason}; run the command again for a new session")
