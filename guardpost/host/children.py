"""Start a program in a session of its own, with its three pipes, and end all of it.

Without a shell and without a terminal. On Windows there is no session: only the program
itself is signalled, and what it has started lives on.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from guardpost.host.descriptors import DescriptorReader, DescriptorWriter
from guardpost.host.passwd import Account, account_for, login_variables, run_as
from guardpost.host.process_group import ProcessGroup
from guardpost.host.spawning import SpawnError, environment_for, spawn_error, starting_folder

__all__ = ["Child", "SpawnError", "close_pipe", "spawn"]


class Child(ProcessGroup):
    """A program that was started. Owns its pipes: close() must be called."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", stdin: int, stdout: int, stderr: int
    ) -> None:
        super().__init__(process)
        self.stdout = DescriptorReader(stdout)
        self.stderr = DescriptorReader(stderr)
        self._stdin: DescriptorWriter | None = DescriptorWriter(stdin)
        self._open = {stdin, stdout, stderr}
        self._stdin_fd = stdin

    @property
    def outputs(self) -> tuple[DescriptorReader, ...]:
        """Standard output, standard error."""
        return self.stdout, self.stderr

    async def write_stdin(self, data: bytes) -> None:
        """Waits while the program does not read; drops `data` when it never will."""
        if self._stdin is None:
            return
        try:
            await self._stdin.write(data)
        except OSError:
            self.close_stdin()

    def close_stdin(self) -> None:
        """The program reads an end; what waits to be written is dropped. May be called twice."""
        if self._stdin is not None:
            self._stdin.abandon()
        self._stdin = None
        self._close(self._stdin_fd)

    def resize(self, rows: int, columns: int) -> None:
        """Nothing: it has no terminal."""

    def close(self) -> None:
        """Close our ends of the pipes; what still writes there gets SIGPIPE."""
        super().close()
        self.close_stdin()
        for fd in list(self._open):
            self._close(fd)

    def _close(self, fd: int) -> None:
        if fd in self._open:
            self._open.remove(fd)
            close_pipe(fd)


def close_pipe(fd: int) -> None:
    """Never waits."""
    if sys.platform == "win32":
        # A thread may still be reading it, and close() would wait for that.
        threading.Thread(target=os.close, args=(fd,), daemon=True).start()
    else:
        os.close(fd)


async def spawn(
    argv: Sequence[bytes],
    *,
    program: bytes | None = None,
    cwd: bytes | None = None,
    env: Mapping[bytes, bytes] | None = None,
    user: str = "",
) -> Child:
    """Start `argv`; `env` comes on top of our own environment (less GUARDPOST_*).

    `program` is the file to run when argv[0], which it is told, is not to be looked for;
    `cwd` None is the home folder if there is one; `user` empty is our own. Raises SpawnError:
    NOT_FOUND (also a user), NOT_ALLOWED (we are not root), LIMIT, FAILED.
    """
    account = account_for(user)
    environment = environment_for({**login_variables(account), **(env or {})})
    folder = starting_folder(cwd, environment)
    pipes: list[int] = []
    try:
        for _ in range(3):
            pipes += os.pipe()
        words = [os.fsdecode(word) for word in (program or argv[0], *argv)]
        child = _start(words, folder, environment, pipes, account)
    except OSError as error:
        for fd in pipes:
            os.close(fd)
        raise spawn_error(error, os.fsdecode(argv[0])) from None
    except BaseException:
        for fd in pipes:
            os.close(fd)
        raise
    return child


def _start(
    words: list[str],
    folder: str | None,
    environment: dict[str, str],
    pipes: list[int],
    account: Account | None,
) -> Child:
    """`words` is the file, and then the argv."""
    program, *argv = words
    stdin, our_stdin, our_stdout, stdout, our_stderr, stderr = pipes
    process = subprocess.Popen(
        argv,
        executable=program,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=folder,
        env=environment,
        start_new_session=sys.platform != "win32",
        **run_as(account),
    )
    for fd in (stdin, stdout, stderr):
        pipes.remove(fd)
        os.close(fd)
    if sys.platform != "win32":
        for fd in pipes:
            os.set_blocking(fd, False)
    return Child(process, our_stdin, our_stdout, our_stderr)
