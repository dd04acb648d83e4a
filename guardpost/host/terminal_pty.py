"""Start a program on a terminal of its own, a pty (pty(7)), as login(1) and sshd do.

POSIX only: Windows has pseudoconsoles, which nothing here opens yet.
"""

import asyncio
import contextlib
import errno
import os
import signal
import struct
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from typing import Final

from guardpost.errors import ResetCode
from guardpost.host.descriptors import DescriptorReader, DescriptorWriter
from guardpost.host.process_group import ProcessGroup
from guardpost.host.spawning import SpawnError, environment_for, spawn_error, starting_folder

__all__ = ["LARGEST_SIDE", "TerminalChild", "spawn_on_terminal"]

LARGEST_SIDE: Final = 65535
"""Of rows and of columns (struct winsize, ioctl_tty(2))."""


class TerminalChild(ProcessGroup):
    """A program and its terminal. Owns the pty: close() must be called."""

    def __init__(self, process: Process, master: int, name: str) -> None:
        super().__init__(process)
        self.name = name
        """`/dev/pts/3`."""
        self._master = master
        self._output = DescriptorReader(master)
        self._input = DescriptorWriter(master)

    @property
    def outputs(self) -> tuple[DescriptorReader, ...]:
        """The terminal's: standard output and standard error are one."""
        return (self._output,)

    async def write(self, data: bytes) -> None:
        """Type `data`. Waits while nobody reads it; drops it when nobody ever will."""
        with contextlib.suppress(OSError):
            if self._master >= 0:
                await self._input.write(data)

    def resize(self, rows: int, columns: int) -> None:
        """Who runs in the foreground gets SIGWINCH, if that is a change. Sides are clamped."""
        if self._master >= 0:
            _set_size(self._master, rows, columns)

    def redraw(self) -> None:
        """Have the program in the foreground draw its screen again, as after a resize."""
        if sys.platform != "win32":
            self._signal_foreground(signal.SIGWINCH)

    def close(self) -> None:
        """Hang up: what still has the terminal gets SIGHUP, and reads an end."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _ask_to_end(self) -> None:
        # As the kernel does when a line hangs up (setsid(2), "session leader"): a shell with
        # job control passes it on to its jobs, which have groups of their own.
        if sys.platform != "win32":
            for number in (signal.SIGHUP, signal.SIGCONT):
                self._signal_foreground(number)
                self.signal(number)

    def _signal_foreground(self, number: int) -> None:
        if sys.platform == "win32" or self._master < 0:
            return
        with contextlib.suppress(OSError):
            # 0 where nobody is in the foreground; and our own group must never be meant.
            if (group := os.tcgetpgrp(self._master)) > 0:
                os.killpg(group, number)


async def spawn_on_terminal(
    argv: Sequence[bytes],
    *,
    program: bytes | None = None,
    cwd: bytes | None = None,
    env: Mapping[bytes, bytes] | None = None,
    size: tuple[int, int] = (24, 80),
) -> TerminalChild:
    """Start `argv` as leader of a new session whose controlling terminal is a new pty.

    As children.spawn() otherwise; `size` is rows and columns. Raises SpawnError: NOT_FOUND,
    LIMIT, FAILED, and UNSUPPORTED on Windows.
    """
    environment = environment_for(env or {})
    folder = starting_folder(cwd, environment)
    words = [os.fsdecode(word) for word in (program or argv[0], *argv)]
    master, slave, name = _open_pty()
    try:
        _set_size(master, *size)
        process = await _start(words, slave, folder, environment)
    except BaseException as error:
        os.close(master)
        if isinstance(error, OSError):
            raise spawn_error(error, words[0]) from None
        raise
    finally:
        os.close(slave)
    return TerminalChild(process, master, name)


def _open_pty() -> tuple[int, int, str]:
    """Master, slave, and the slave's name."""
    if sys.platform == "win32":
        raise SpawnError(ResetCode.UNSUPPORTED, "no terminal can be made on Windows; use exec")
    import pty

    try:
        master, slave = pty.openpty()
    except OSError as error:
        code = ResetCode.LIMIT if error.errno in (errno.ENOSPC, errno.EMFILE) else ResetCode.FAILED
        raise SpawnError(code, f"no terminal could be made: {error.strerror}") from None
    os.set_blocking(master, False)
    return master, slave, os.ttyname(slave)


async def _start(
    words: Sequence[str], slave: int, folder: str | None, environment: dict[str, str]
) -> Process:
    """`words` is the file, and then the argv."""
    program, *argv = words
    return await asyncio.create_subprocess_exec(
        *argv,
        executable=program,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env=environment,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )


def _set_size(fd: int, rows: int, columns: int) -> None:
    if sys.platform == "win32":
        return
    import fcntl
    import termios

    sides = [min(max(side, 0), LARGEST_SIDE) for side in (rows, columns)]
    with contextlib.suppress(OSError):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", *sides, 0, 0))


def _take_terminal() -> None:
    """In the child, between fork and exec, where little is safe: one system call.

    The new session has no terminal until its leader takes one, and opening the pty by its name
    would need /dev/pts and, for another user, its permissions.
    """
    if sys.platform != "win32":
        # Imported before the fork by _set_size(), so that no import lock is taken here.
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
