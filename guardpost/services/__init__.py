"""What runs on channels: one module per service, both halves of it together.

`serve(channel, request, …)` is the agent's half; the client calls beside it are
the console's. No service knows another one, nor the protocol under its channel.
The agent's half imports what it needs of the host itself: a command never does.

SERVICES is what an agent offers. It imports a service when that is first asked for:
an agent that nobody asks for a process list stays small.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from guardpost.services.asker import Asker, Fact

if TYPE_CHECKING:
    from guardpost.aio.channel import Channel
    from guardpost.services.action import Action

__all__ = ["SERVICES", "Asker", "Fact", "Service"]


class Service(NamedTuple):
    serve: "Callable[[Channel, bytes, Asker], Awaitable[None]]"
    action: "Callable[[bytes], Action]"
    """What a request wants, for the policy. Raises RemoteProtocolError when malformed."""


def _tunnel() -> Service:
    from guardpost.services import tunnel

    return Service(lambda channel, request, _: tunnel.serve(channel, request), tunnel.action)


def _unix() -> Service:
    from guardpost.services import tunnel

    return Service(
        lambda channel, request, asker: tunnel.serve_unix(channel, request, asker.verdict.roots),
        tunnel.unix_action,
    )


def _udp() -> Service:
    from guardpost.services import datagrams

    return Service(lambda channel, request, _: datagrams.serve(channel, request), datagrams.action)


def _listen() -> Service:
    from guardpost.services import listen

    return Service(listen.serve_listen, listen.listen_action)


def _accept() -> Service:
    from guardpost.services import listen

    return Service(listen.serve_accept, listen.accept_action)


def _exec() -> Service:
    from guardpost.services import exec as program

    return Service(program.serve, program.action)


def _shell() -> Service:
    from guardpost.services import shell

    return Service(shell.serve, shell.action)


def _jobs() -> Service:
    from guardpost.services import jobs

    return Service(lambda channel, request, asker: jobs.serve_jobs(channel, asker), jobs.action)


def _job() -> Service:
    from guardpost.services import jobs

    return Service(jobs.serve_job, jobs.job_action)


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


def _nice() -> Service:
    from guardpost.services import processes

    return Service(
        lambda channel, request, asker: processes.serve_nice(channel, request, asker.note),
        processes.nice_action,
    )


def _top() -> Service:
    from guardpost.services import top

    return Service(
        lambda channel, request, asker: top.serve(channel, request, refusal=asker.refusal),
        top.action,
    )


def _watch() -> Service:
    from guardpost.services import watch

    return Service(
        lambda channel, request, asker: watch.serve(channel, request, refusal=asker.refusal),
        watch.action,
    )


def _info() -> Service:
    from guardpost.services import info

    return Service(
        lambda channel, request, asker: info.serve_info(channel, request, asker.agent_version),
        info.info_action,
    )


def _put() -> Service:
    from guardpost.services.files import agent

    return Service(agent.serve_put, agent.put_action)


def _get() -> Service:
    from guardpost.services.files import agent

    return Service(agent.serve_get, agent.get_action)


SERVICES: Mapping[str, Callable[[], Service]] = {
    "tcp": _tunnel,
    "unix": _unix,
    "udp": _udp,
    "listen": _listen,
    "accept": _accept,
    "exec": _exec,
    "shell": _shell,
    "jobs": _jobs,
    "job": _job,
    "ps": _ps,
    "kill": _kill,
    "nice": _nice,
    "top": _top,
    "watch": _watch,
    "info": _info,
    "put": _put,
    "get": _get,
}
