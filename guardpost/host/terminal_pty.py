"""Start a program on a terminal of its own, a pty (pty(7)), as login(1) and sshd do.

POSIX only: Windows has pseudoconsoles, which nothing here opens yet.
"""

import asyncio
import contextlib
import errno
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from guardpost.errors import ResetCode
from guardpost.host.descriptors import DescriptorReader, DescriptorWriter
from guardpost.host.passwd import Account, run_as
from guardpost.host.process_group import ProcessGroup
from guardpost.host.spawning import (
    NO_TERMINALS,
    SpawnError,
    environment_for,
    spawn_error,
    starting_folder,
)

__all__ = ["LARGEST_SIDE", "TerminalChild", "spawn_on_terminal"]

_END_AGAIN_SECONDS: Final = 1.0

LARGEST_SIDE: Final = 65535
"""Of rows and of columns (struct winsize, ioctl_tty(2))."""


class TerminalChild(ProcessGroup):
    """A program and its terminal. Owns the pty: close() must be called."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", master: int, name: str, argv0: bytes
    ) -> None:
        super().__init__(process)
        self.name = name
        """`/dev/pts/3`."""
        self.argv0 = argv0
        self._master = master
        self._again: asyncio.TimerHandle | None = None
        self._output = DescriptorReader(master)
        self._input = DescriptorWriter(master)

    @property
    def outputs(self) -> tuple[DescriptorReader, ...]:
        """The terminal's: standard output and standard error are one."""
        return (self._output,)

    async def write_stdin(self, data: bytes) -> None:
        """Type `data`. Waits while nobody reads it; drops it when nobody ever will."""
        with contextlib.suppress(OSError):
            if self._master >= 0:
                await self._input.write(data)

    def close_stdin(self) -> None:
        """Nothing more is typed: whoever reads lines reads their end, now and later.

        The end-of-file character ends one read, and none of a program that only starts.
        """
        if self._again is not None:
            self._again.cancel()
        if self._master >= 0:
            _type_end(self._master)
            loop = asyncio.get_running_loop()
            self._again = loop.call_later(_END_AGAIN_SECONDS, self.close_stdin)

    def resize(self, rows: int, columns: int) -> None:
        """Who runs in the foreground gets SIGWINCH, also if that is no change: draw it again.

        Sides are clamped.
        """
        if self._master >= 0 and not _set_size(self._master, rows, columns):
            self.redraw()

    def redraw(self) -> None:
        """Have the program in the foreground draw its screen again, as after a resize."""
        if sys.platform != "win32":
            self._signal_foreground(signal.SIGWINCH)

    def close(self) -> None:
        """Hang up: what still has the terminal gets SIGHUP, and reads an end."""
        super().close()
        if self._again is not None:
            self._again.cancel()
        if self._master >= 0:
            self._input.abandon()
            os.close(self._master)
            self._master = -1

    def _ask_to_end(self) -> None:
        # As the kernel does when a line hangs up (setsid(2), "session leader"): a shell with
        # job control passes it on to its jobs, which have groups of their own.
        if sys.platform != "win32":
            for number in (signal.SIGHUP, signal.SIGCONT):
                self._signal_foreground(number)
                self.signal(number)

    def _groups(self) -> tuple[int, ...]:
        foreground = self._foreground()
        return (self.pid, foreground) if foreground > 0 else (self.pid,)

    def _signal_foreground(self, number: int) -> None:
        if (group := self._foreground()) > 0:
            self._signal_group(group, number)

    def _foreground(self) -> int:
        """The process group in the foreground; 0 where there is none."""
        if sys.platform == "win32" or self._master < 0:
            return 0
        try:
            return os.tcgetpgrp(self._master)
        except OSError:
            return 0


async def spawn_on_terminal(
    argv: Sequence[bytes],
    *,
    program: bytes | None = None,
    cwd: bytes | None = None,
    env: Mapping[bytes, bytes] | None = None,
    is_login: bool = False,
    account: Account | None = None,
    size: tuple[int, int] = (24, 80),
) -> TerminalChild:
    """Start `argv` as leader of a new session whose controlling terminal is a new pty.

    `env` comes on top of our own environment, or is all of it where `is_login`. `account` is who
    it is to be, None whoever we are; the terminal is then that one's. As children.spawn()
    otherwise; `size` is rows and columns. Raises SpawnError: NOT_FOUND, LIMIT, FAILED, and
    UNSUPPORTED on Windows.
    """
    given = {os.fsdecode(name): os.fsdecode(value) for name, value in (env or {}).items()}
    environment = given if is_login else environment_for(env or {})
    folder = starting_folder(cwd, environment)
    words = [os.fsdecode(word) for word in (program or argv[0], *argv)]
    master, slave, name = _open_pty()
    try:
        _set_size(master, *size)
        _hand_over(slave, account)
        process = _start(words, slave, folder, environment, account)
    except BaseException as error:
        os.close(master)
        if isinstance(error, OSError):
            raise spawn_error(error, words[0]) from None
        raise
    finally:
        os.close(slave)
    return TerminalChild(process, master, name, argv[0])


def _open_pty() -> tuple[int, int, str]:
    """Master, slave, and the slave's name."""
    if sys.platform == "win32":
        raise SpawnError(ResetCode.UNSUPPORTED, NO_TERMINALS)
    import pty

    try:
        master, slave = pty.openpty()
    except OSError as error:
        code = ResetCode.LIMIT if error.errno in (errno.ENOSPC, errno.EMFILE) else ResetCode.FAILED
        raise SpawnError(code, f"no terminal could be made: {error.strerror}") from None
    os.set_blocking(master, False)
    return master, slave, _name_of(slave)


def _name_of(slave: int) -> str:
    if sys.platform == "win32":
        return ""
    try:
        return os.ttyname(slave)
    except OSError:  # musl asks /proc, which a rescue system need not have
        return f"/dev/pts/{os.minor(os.fstat(slave).st_rdev)}"


def _start(
    words: Sequence[str],
    slave: int,
    folder: str | None,
    environment: dict[str, str],
    account: Account | None,
) -> "subprocess.Popen[bytes]":
    """`words` is the file, and then the argv."""
    program, *argv = words
    return subprocess.Popen(
        argv,
        executable=program,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env=environment,
        start_new_session=True,
        preexec_fn=_take_terminal,
        **run_as(account),
    )


def _hand_over(slave: int, account: Account | None) -> None:
    """The terminal is `account`'s to open, and the group "tty"'s to write to (pts(4))."""
    if sys.platform != "win32" and account is not None and os.geteuid() == 0:
        os.fchown(slave, account.uid, -1)
        os.fchmod(slave, 0o620)


def _type_end(master: int) -> None:
    if sys.platform == "win32":
        return
    import termios

    with contextlib.suppress(OSError, termios.error):
        os.write(master, termios.tcgetattr(master)[6][termios.VEOF])


def _set_size(fd: int, rows: int, columns: int) -> bool:
    """Whether that is a change, of which the kernel tells the program."""
    if sys.platform == "win32":
        return False
    import fcntl
    import termios

    sides = [min(max(side, 0), LARGEST_SIDE) for side in (rows, columns)]
    size = struct.pack("HHHH", *sides, 0, 0)
    try:
        before = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
        fcntl.ioctl(fd, termios.TIOCSWINSZ, size)
    except OSError:
        return False
    return before[:4] != size[:4]


def _take_terminal() -> None:
    """In the child, between fork and exec, where little is safe: a few system calls.

    The new session has no terminal until its leader takes one, and opening the pty by its name
    would need /dev/pts and, for another user, its permissions.
    """
    if sys.platform != "win32":
        # Imported before the fork by _set_size(), so that no import lock is taken here.
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        # Who was started with `&` by a script ignores these (sh(1)), and so would all at the
        # terminal: no Ctrl-C would end anything there.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
