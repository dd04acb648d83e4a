"""Commands of the console against services that run in the same process: no line, no agent."""

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

from support.channels import MemoryOpener, Serve
from support.copies import asker_for
from support.tools import ROOT

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset
from guardpost.services import exec as exec_service
from guardpost.services import info, jobs, processes, top, tunnel, watch
from guardpost.services.action import Action, Verdict
from guardpost.services.asker import Asker
from guardpost.services.files import agent as files
from guardpost.services.kept import KeptJobs


async def serve_info(channel: Channel, request: bytes) -> None:
    await info.serve_info(channel, request, "1.2.3")


KEPT = functools.cache(KeptJobs)
"""Of the one agent that this process is."""


def asked(action: Action) -> Asker:
    """By somebody who may do everything."""
    return Asker(
        user="",
        agent_version="1.2.3",
        action=action,
        decide=lambda further: Verdict(True, ""),
        consider=lambda further: Verdict(True, ""),
        jobs=KEPT,
    )


async def serve_exec(channel: Channel, request: bytes) -> None:
    await exec_service.serve(channel, request, asked(exec_service.action(request)))


async def serve_jobs(channel: Channel, request: bytes) -> None:
    await jobs.serve_jobs(channel, asked(jobs.action(request)))


async def serve_job(channel: Channel, request: bytes) -> None:
    try:
        await jobs.serve_job(channel, request, asked(jobs.job_action(request)))
    except ChannelReset as refusal:
        channel.reset(refusal.code, refusal.text)


async def serve_put(channel: Channel, request: bytes) -> None:
    await files.serve_put(channel, request, asker_for(files.put_action(request)))


async def serve_get(channel: Channel, request: bytes) -> None:
    await files.serve_get(channel, request, asker_for(files.get_action(request)))


SERVICES: dict[str, Serve] = {
    "tcp": tunnel.serve,
    "exec": serve_exec,
    "jobs": serve_jobs,
    "job": serve_job,
    "ps": processes.serve_ps,
    "kill": processes.serve_kill,
    "nice": processes.serve_nice,
    "top": top.serve,
    "watch": watch.serve,
    "info": serve_info,
    "put": serve_put,
    "get": serve_get,
}


@contextlib.asynccontextmanager
async def connect(args: Any, tell: Any = None) -> AsyncIterator[MemoryOpener]:
    """Stands in for guardpost.cli.opening.connect."""
    async with MemoryOpener(SERVICES) as opener:
        yield opener


MAIN = """
import sys
from guardpost.cli import main, opening
from support import commands
opening.connect = commands.connect
sys.exit(main.main())
"""


def command(*words: str | bytes, **how: Any) -> subprocess.Popen[bytes]:
    """Start `guardpost WORDS…` in a process of its own; `how` goes to Popen."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen([sys.executable, "-c", MAIN, *words], env=environment, **how)
