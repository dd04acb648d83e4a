"""The password of a line that has one (amt:, ipmi:): never a word of the command line.

GUARDPOST_PASSWORD comes first, since it was said for this run; then the host's
`password_command` of hosts.toml; then whoever sits at the terminal.
"""

import os
import shlex
from collections.abc import Callable, Mapping

from guardpost.errors import UsageError

__all__ = ["VARIABLE", "Password"]

VARIABLE = "GUARDPOST_PASSWORD"


class Password:
    """Finds it when it is first needed, and then knows it: a line is opened more than once."""

    def __init__(
        self,
        line: str,
        command: str | None = None,
        *,
        known: str | None = None,
        may_ask: Callable[[], bool] = lambda: True,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """`line` is what a person is asked about; `command` is split as a shell splits words.

        `may_ask`: whether a person could answer now.
        """
        self._line = line
        self._command = command
        self._known = known
        self._may_ask = may_ask
        self._environment = environment

    async def __call__(self) -> str:
        """Raises UsageError where nobody tells it."""
        if self._known is None:
            self._known = await self._find()
        return self._known

    async def _find(self) -> str:
        if VARIABLE in self._environment:
            return self._environment[VARIABLE]
        if self._command is not None:
            return await _said_by(self._command)
        if not self._may_ask():
            raise UsageError(
                f"{self._line} wants a password, and nobody can be asked meanwhile; "
                f"run the command again, or set {VARIABLE}, or password_command in hosts.toml"
            )
        from guardpost.console.question import ask_secret

        typed = await ask_secret(f"Password of {self._line}: ")
        if typed is None:
            raise UsageError(
                f"{self._line} wants a password, and there is no terminal to ask on; "
                f"set {VARIABLE}, or password_command in hosts.toml"
            )
        return typed


async def _said_by(command: str) -> str:
    """The first line that `command` prints. Raises UsageError when it fails or prints none."""
    import asyncio

    try:
        words = shlex.split(command)
        child = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    except (OSError, ValueError, TypeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"password_command {command!r} cannot be run: {reason}") from None
    try:
        said, _ = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode != 0:
        raise UsageError(f"password_command {command!r} failed (status {child.returncode})")
    # Bytes that are no UTF-8 travel as they are; os.environ has them in the same way.
    lines = said.decode("utf-8", "surrogateescape").splitlines()
    if not lines:
        raise UsageError(f"password_command {command!r} printed nothing; it is to print a password")
    return lines[0]
