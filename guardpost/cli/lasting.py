"""For commands that go on while the line or the agent is away: session after session."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from guardpost.cli import opening
from guardpost.errors import AgentRestarted, AgentSilent, LineBusy, LineLost

if TYPE_CHECKING:
    from guardpost.console.line import Session

__all__ = ["RETRY_SECONDS", "keep_on"]

RETRY_SECONDS = 10.0
"""Between tries to get a new session; each is at most three hellos, and none into a boot loader."""


async def keep_on(
    args: argparse.Namespace,
    work: "Callable[[Session], Awaitable[int]]",
    lost: Callable[[str], None],
    tell: Callable[[str], None] | None = None,
) -> int:
    """Run `work` in a session, and again in each new one when that was lost; its result.

    `lost` hears why, once for each reason; `tell` as opening.connect().
    Raises what connecting does when there never was a session, and everything that is no lost line.
    """
    had_one, told = False, ""
    while True:
        try:
            async with opening.connect(args, tell) as session:
                had_one, told = True, ""
                return await work(session)
        except (AgentRestarted, AgentSilent, LineBusy, LineLost) as error:
            if not had_one:
                raise
            if str(error) != told:
                told = str(error)
                lost(told)
            if not isinstance(error, AgentRestarted):
                await asyncio.sleep(RETRY_SECONDS)
