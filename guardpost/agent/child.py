"""A program run for the text prompt: no shell, no terminal, no input; output as it comes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

from guardpost.errors import ServiceError
from guardpost.host.children import close_pipe
from guardpost.host.descriptors import DescriptorReader
from guardpost.host.process_group import ProcessGroup

__all__ = ["CommandNotStarted", "exit_words", "run_child"]

# What waits in memory while the line is slow; the rest waits in the program's pipe.
BUFFER_BYTES = 4096

if sys.platform == "win32":
    _CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP
    _INTERRUPT = signal.CTRL_BREAK_EVENT
else:
    _CREATION_FLAGS = 0
    _INTERRUPT = signal.SIGINT


class CommandNotStarted(ServiceError):
    word = "not-started"


class _Program(ProcessGroup):
    def _ask_to_end(self) -> None:
        self.signal(_INTERRUPT)


async def run_child(
    argv: Sequence[str], env: Mapping[str, str], show: Callable[[bytes], Awaitable[None]]
) -> int:
    """Run `argv` with `env` added to our own, hand its output to `show`, return its status.

    The status is that of subprocess: -N for signal N. Cancelled, or when `show`
    raises, the program and its children (its process group) are interrupted,
    2 s later killed. Raises CommandNotStarted.
    """
    program, pipe = _start(argv, {**os.environ, **env})
    output = DescriptorReader(pipe)
    ending = asyncio.ensure_future(program.wait())
    # Somebody that it left behind may hold the other end of the pipe for ever.
    ending.add_done_callback(lambda _: output.finish())
    try:
        while data := await output.read(BUFFER_BYTES):
            await show(data)
        return await program.wait()
    except BaseException:
        await program.terminate()
        raise
    finally:
        ending.cancel()
        program.close()
        close_pipe(pipe)


def _start(argv: Sequence[str], env: Mapping[str, str]) -> tuple[_Program, int]:
    """The program, and the descriptor of its output."""
    ours, theirs = os.pipe()
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=sys.platform != "win32",
            creationflags=_CREATION_FLAGS,
        )
    except (OSError, ValueError) as error:
        os.close(ours)
        if isinstance(error, FileNotFoundError):
            text = f"there is no program {argv[0]!r} on this host"
            raise CommandNotStarted(text) from None
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandNotStarted(f"{argv[0]!r} could not be started: {reason}") from None
    finally:
        os.close(theirs)
    return _Program(process), ours


def exit_words(status: int) -> str:
    """What to say of a status of run_child()."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"ended by {signal.Signals(-status).name}, exit status {128 - status}"
    except ValueError:
        return f"ended by signal {-status}, exit status {128 - status}"
