"""Stories of somebody who is logged in at the text prompt and uses its commands."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from support.terminal import Person

from guardpost.agent.accounts import set_password

__all__ = ["logged_in"]


def logged_in(story: Callable[[Person], Awaitable[None]]) -> Person:
    """Ann is; the prompt is closed afterwards."""

    async def whole(accounts: Path) -> Person:
        person = Person(accounts)
        await person.logs_in()
        person.types(b"page off\r")
        await story(person)
        person.prompt.close()
        await person.prompt.wait_closed()
        return person

    with tempfile.TemporaryDirectory(prefix="gp-") as folder:
        accounts = Path(folder, "accounts")
        set_password(accounts, "ann", "right")
        return asyncio.run(whole(accounts))
