"""ProcessGroup: a program that leads a session of its own, and all that it has started there.

A number of a process is somebody else's once that process has been waited for (waitpid(2)), and
so is that of the group that it led, once nobody is left in that. A program that has ended is
therefore waited for last of all: until close() it is a zombie, and its number is ours.

On Windows there is no session: only the program itself is signalled, and what it has started
lives on.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys

from guardpost.host.own_thread import in_own_thread

__all__ = ["ProcessGroup"]

TERMINATE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL."""

_LOOK_AGAIN_SECONDS = 0.05

if sys.platform == "win32":
    _KILL = signal.SIGTERM  # as TerminateProcess
else:
    _KILL = signal.SIGKILL


class ProcessGroup:
    """Started with start_new_session. close() must be called; nothing is signalled after it."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.pid = process.pid
        self._process = process
        self._end = _end_of(process)
        self._is_closed = False

    async def wait(self) -> int:
        """Return the exit status; -N when signal N ended it."""
        return await asyncio.shield(self._end)

    def close(self) -> None:
        """Let go of its number. May be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._end.done():
            self._process.wait()
        else:
            self._end.add_done_callback(lambda _: self._process.wait())

    def signal(self, number: int) -> None:
        """Signal the whole group; one that is gone, or a number unknown here, is ignored."""
        self._signal_group(self.pid, number)

    def _signal_group(self, group: int, number: int) -> None:
        """Nothing is signalled that is not, or not any more, of our session."""
        if self._is_closed or not self._is_ours(group):
            return
        with contextlib.suppress(OSError, ValueError, OverflowError):
            if sys.platform == "win32":
                self._process.send_signal(number)
            else:
                os.killpg(group, number)

    async def terminate(self) -> int:
        """End the group: as _ask_to_end() does, and with SIGKILL after 2 s what is left.

        Returns as wait().
        """
        groups = self._groups()
        self._ask_to_end()
        try:
            async with asyncio.timeout(TERMINATE_SECONDS):
                await self.wait()
                while any(map(self._lives, groups)):
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        except TimeoutError:
            pass
        finally:
            # Also when we are cancelled while we wait.
            for group in groups:
                self._signal_group(group, _KILL)
        return await self.wait()

    def _ask_to_end(self) -> None:
        self.signal(signal.SIGTERM)
        # What was stopped must go on to hear it.
        if sys.platform != "win32":
            self.signal(signal.SIGCONT)

    def _groups(self) -> tuple[int, ...]:
        """What terminate() ends: our own group, and what else belongs to it."""
        return (self.pid,)

    def _is_ours(self, group: int) -> bool:
        """While the program is not waited for, no other session can have its number."""
        if self._process.returncode is not None:
            return False
        return group == self.pid or group in (_living_groups(self.pid) or ())

    def _lives(self, group: int) -> bool:
        """Whether anybody is left in it; where that cannot be seen, somebody is."""
        if sys.platform == "win32" or self._is_closed:
            return False
        living = _living_groups(self.pid)
        return living is None or group in living


def _living_groups(session: int) -> set[int] | None:
    """The process groups of a session, without the dead; None where there is no /proc."""
    found = set()
    try:
        pids = [each for each in os.listdir("/proc") if each.isdigit()]
    except OSError:
        return None
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
                # The name, in parentheses, may hold any byte (proc_pid_stat(5)).
                state, _, group, its = file.read().rpartition(b")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(its) == session and state not in (b"Z", b"X"):
            found.add(int(group))
    return found


def _end_of(process: "subprocess.Popen[bytes]") -> "asyncio.Future[int]":
    """Its exit status, once it has ended."""
    if sys.platform == "linux":
        try:
            return _end_by(os.pidfd_open(process.pid), process)
        except OSError:
            pass  # a kernel before 5.3, or one that is told to refuse it; or it is gone already
    return in_own_thread(lambda: _status_of(process))


def _end_by(pidfd: int, process: "subprocess.Popen[bytes]") -> "asyncio.Future[int]":
    """Without a thread, which would be 16 kB for each program that runs."""
    loop = asyncio.get_running_loop()
    end: asyncio.Future[int] = loop.create_future()

    def ended() -> None:
        loop.remove_reader(pidfd)
        os.close(pidfd)
        if not end.done():
            end.set_result(_status_of(process))

    loop.add_reader(pidfd, ended)
    return end


def _status_of(process: "subprocess.Popen[bytes]") -> int:
    """Blocks until it has ended, and does not take its number from it."""
    if sys.platform != "win32" and hasattr(os, "waitid"):
        try:
            found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            found = None  # whoever started us ignores SIGCHLD: it is gone already
        if found is not None:
            return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
    return process.wait()
