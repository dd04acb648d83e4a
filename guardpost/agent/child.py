"""A program run for the text prompt: no shell, no terminal, no input; output as it comes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

from guardpost.errors import ServiceError

__all__ = ["CommandNotStarted", "exit_words", "run_child"]

# What waits in memory while the line is slow; the rest waits in the program's pipe.
BUFFER_BYTES = 4096
POLL_SECONDS = 0.25
STOP_SECONDS = 2.0

if sys.platform == "win32":
    _CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _CREATION_FLAGS = 0


class CommandNotStarted(ServiceError):
    word = "not-started"


async def run_child(
    argv: Sequence[str], env: Mapping[str, str], show: Callable[[bytes], Awaitable[None]]
) -> int:
    """Run `argv` with `env` added to our own, hand its output to `show`, return its status.

    The status is that of subprocess: -N for signal N. Cancelled, or when `show`
    raises, the program and its children (its process group) are interrupted,
    2 s later killed. Raises CommandNotStarted.
    """
    process, transport = await _start(argv, {**os.environ, **env})
    try:
        await _pass_output(process, show)
        return await process.wait()
    except BaseException:
        await _stop(process)
        raise
    finally:
        # Somebody may hold the other end of the pipe for ever; we do not hold ours.
        transport.close()


async def _start(
    argv: Sequence[str], env: Mapping[str, str]
) -> tuple[asyncio.subprocess.Process, asyncio.SubprocessTransport]:
    """As asyncio.create_subprocess_exec() does, which keeps the transport to itself."""
    loop = asyncio.get_running_loop()
    try:
        transport, protocol = await loop.subprocess_exec(
            lambda: asyncio.subprocess.SubprocessStreamProtocol(BUFFER_BYTES, loop),
            *argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=sys.platform != "win32",
            creationflags=_CREATION_FLAGS,
        )
    except FileNotFoundError:
        raise CommandNotStarted(f"there is no program {argv[0]!r} on this host") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandNotStarted(f"{argv[0]!r} could not be started: {reason}") from None
    return asyncio.subprocess.Process(transport, protocol, loop), transport


async def _pass_output(
    process: asyncio.subprocess.Process, show: Callable[[bytes], Awaitable[None]]
) -> None:
    """Until the output ends; or the program has, and nothing more comes: a daemon that it
    left behind may keep the pipe open for ever."""
    if process.stdout is None:
        return
    while True:
        try:
            # Not wait_for(): before Python 3.12 it may swallow a cancellation.
            async with asyncio.timeout(POLL_SECONDS):
                data = await process.stdout.read(BUFFER_BYTES)
        except TimeoutError:
            if process.returncode is not None:
                return
            continue
        if not data:
            return
        await show(data)


async def _stop(process: asyncio.subprocess.Process) -> None:
    _signal_group(process, final=False)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await _ended(process)
    except TimeoutError:
        pass
    finally:
        # Also when this wait is cut short, and for children that outlive the program.
        _signal_group(process, final=True)


async def _ended(process: asyncio.subprocess.Process) -> None:
    # Not wait(): that also waits for the pipe, which nobody reads any more.
    while process.returncode is None:
        await asyncio.sleep(0.02)


def _signal_group(process: asyncio.subprocess.Process, *, final: bool) -> None:
    try:
        if sys.platform == "win32":
            if final:
                process.kill()
            else:
                process.send_signal(signal.CTRL_BREAK_EVENT)
        else:
            os.killpg(process.pid, signal.SIGKILL if final else signal.SIGINT)
    except (ProcessLookupError, PermissionError, OSError):
        pass


def exit_words(status: int) -> str:
    """What to say of a status of run_child()."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"ended by {signal.Signals(-status).name}, exit status {128 - status}"
    except ValueError:
        return f"ended by signal {-status}, exit status {128 - status}"
