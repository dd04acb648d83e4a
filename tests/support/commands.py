"""Commands of the console against services that run in the same process: no line, no agent."""

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

from support.channels import MemoryOpener, Serve
from support.tools import ROOT

from guardpost.aio.channel import Channel
from guardpost.services import exec as exec_service
from guardpost.services import info, processes, tunnel


async def serve_info(channel: Channel, request: bytes) -> None:
    await info.serve_info(channel, request, "1.2.3")


SERVICES: dict[str, Serve] = {
    "tcp": tunnel.serve,
    "exec": exec_service.serve,
    "ps": processes.serve_ps,
    "kill": processes.serve_kill,
    "info": serve_info,
}


@contextlib.asynccontextmanager
async def connect(args: Any) -> AsyncIterator[MemoryOpener]:
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
