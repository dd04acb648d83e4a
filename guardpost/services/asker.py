"""Asker: who asks a service, for what, and what the agent does for it meanwhile."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from guardpost.services.action import Action, Verdict

if TYPE_CHECKING:
    from guardpost.services.kept import KeptJobs
    from guardpost.services.waiting import Waiting

__all__ = ["Asker", "Fact"]

Fact = str | bytes | int | float
"""What may stand in the audit. Bytes are a path or a word of a command, never contents."""


def _nobody_decides(action: Action) -> Verdict:
    return Verdict(False, "nobody decides here")


def _nobody_listens(*args: object, **facts: Fact) -> None:
    pass


def _nothing_waits() -> "Waiting":
    raise LookupError("nothing listens here")


def _nothing_is_kept() -> "KeptJobs":
    raise LookupError("nothing is kept here")


class Asker(NamedTuple):
    """Who asks, and for what: what a service may want to know besides its request."""

    user: str
    """What the operator calls himself; empty when he did not say."""
    agent_version: str
    key: bytes = b""
    """The console's public key: what belongs to whom is decided by this, never by `user`."""
    action: Action = Action("")
    """What was judged when the channel opened. What is done must be this and nothing else."""
    verdict: Verdict = Verdict(False, "")
    """The answer to that, with the `roots` to stay under."""
    decide: Callable[[Action], Verdict] = _nobody_decides
    """Judge something more on the same channel (a file of a folder, a job), by what the key may
    do at this moment. A refusal is written to the audit; to obey it is the service's."""
    consider: Callable[[Action], Verdict] = _nobody_decides
    """As decide(), of what nobody asked for, to choose what to show: no line in the audit."""
    note: Callable[..., None] = _nobody_listens
    """`note(status=0, received=10)`: into the audit line that is written when the channel ends."""
    audit: Callable[..., None] = _nobody_listens
    """`audit(action, "ok", sent=5)`: a line of its own, now; for each file, destination, signal."""
    waiting: "Callable[[], Waiting]" = _nothing_waits
    """Connections that came to the ports that consoles listen on."""
    jobs: "Callable[[], KeptJobs]" = _nothing_is_kept
    """The programs that go on without a channel."""

    def refusal(self) -> str:
        """Why the key may no longer do what it opened the channel for; empty while it may.

        For what goes on for hours: a key that was taken out must not go on looking.
        """
        verdict = self.decide(self.action)
        return "" if verdict.allowed else verdict.reason
