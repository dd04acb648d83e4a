"""`--self-test`: whether everything inside works on this machine; exit code 0, or 1."""

import os
import sys

from guardpost.cli import openssl, versions

# typing's own constant would cost an import of typing, half of all that `--version` takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardpost.selftest.check import Check

__all__ = ["run"]

FAILED = 1


def run(words: list[str]) -> int:
    """`words` stand behind --self-test: none, or the one that has us be the checks' program."""
    from guardpost.selftest import child

    if words == [child.WORD]:
        return child.run()
    if words:
        from guardpost.errors import UsageError

        raise UsageError(f"--self-test takes nothing behind it, and {words[0]!r} stands there")
    openssl.leave_out()
    from guardpost.cli.cmd_agent import watch_programs_without_threads
    from guardpost.selftest.check import perform

    watch_programs_without_threads()
    own = own_command()
    command = [*own, "--self-test", child.WORD] if own else []
    good = perform(checks(command), lambda line: print(line, flush=True))
    return 0 if good else FAILED


def checks(command: list[str]) -> "Iterator[Check]":
    """All of them. libsodium, and who uses it, would wait for the random generator."""
    from guardpost.host import randomness
    from guardpost.selftest import codec, host
    from guardpost.selftest.check import Check

    yield from codec.checks()
    yield Check("random bytes", host.random_bytes)
    if randomness.is_ready():
        from guardpost.selftest import crypto

        yield from crypto.checks()
    yield from host.checks(command)
    if randomness.is_ready():
        from guardpost import __version__
        from guardpost.selftest import session

        yield from session.checks(command, __version__)
    else:
        yield Check("cryptography and session", host.random_bytes)


def own_command() -> list[str]:
    """What starts this program again; nothing where its file is not to be found."""
    if not versions.is_frozen():
        return [sys.executable, "-m", "guardpost"]
    for path in (sys.executable, "/proc/self/exe", sys.argv[0]):
        if path and "/" in path and os.access(path, os.X_OK):
            return [os.path.realpath(path)]
    return []
