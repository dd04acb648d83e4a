"""What runs on channels: one module per service, both halves of it together.

`serve(channel, request, …)` is the agent's half; the client calls beside it are
the console's. No service knows another one, nor the protocol under its channel.
The agent's half imports what it needs of the host itself: a command never does.

SERVICES is what an agent offers. It imports a service when that is first asked for:
an agent that nobody asks for a process list stays small.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from guardpost.services.action import Action, Verdict

if TYPE_CHECKING:
    from guardpost.aio.channel import Channel

__all__ = ["SERVICES", "Asker", "Fact", "Service"]

Fact = str | bytes | int | float
"""What may stand in the audit. Bytes are a path or a word of a command, never contents."""


def _nobody_decides(action: Action) -> Verdict:
    return Verdict(False, "nobody decides here")


def _nobody_listens(*args: object, **facts: Fact) -> None:
    pass


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
    note: Callable[..., None] = _nobody_listens
    """`note(status=0, received=10)`: into the audit line that is written when the channel ends."""
    audit: Callable[..., None] = _nobody_listens
    """`audit(action, "ok", sent=5)`: a line of its own, now; for each file, destination, signal."""


class Service(NamedTuple):
    serve: "Callable[[Channel, bytes, Asker], Awaitable[None]]"
    action: "Callable[[bytes], Action]"
    """What a request wants, for the policy. Raises RemoteProtocolError when malformed."""


def _tunnel() -> Service:
    from guardpost.services import tunnel

    return Service(lambda channel, request, _: tunnel.serve(channel, request), tunnel.action)


def _exec() -> Service:
    from guardpost.services import exec as program

    return Service(
        lambda channel, request, asker: program.serve(
            channel,
            request,
            user=asker.user,
            program=next(iter(asker.action.argv), None),
            note=asker.note,
        ),
        program.action,
    )


def _ps() -> Service:
    from guardpost.services import processes

    return Service(
        lambda channel, request, _: processes.serve_ps(channel, request), processes.ps_action
    )


def _kill() -> Service:
    from guardpost.services import processes

    return Service(
        lambda channel, request, asker: processes.serve_kill(channel, request, asker.note),
        processes.kill_action,
    )


def _info() -> Service:
    from guardpost.services import info

    return Service(
        lambda channel, request, asker: info.serve_info(channel, request, asker.agent_version),
        info.info_action,
    )


SERVICES: Mapping[str, Callable[[], Service]] = {
    "tcp": _tunnel,
    "exec": _exec,
    "ps": _ps,
    "kill": _kill,
    "info": _info,
}
