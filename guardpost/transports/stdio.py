"""exec: a line that is a child's stdin and stdout (ssh, socat, ipmitool ...).

The command is run without a shell, in a session of its own: what our terminal sends
(Ctrl-C, hang-up) is ours to handle, and ending the line ends all that the command
started. It therefore cannot ask questions on the terminal. Its stderr goes to ours,
made safe for a terminal, and so does the greeting of programs whose greeting is known
(console_programs.py); those that insist on a terminal get a pty. What such programs do
to single bytes is unknown, so the line does not count as transparent.
"""

import asyncio
import atexit
import os
import shlex
import shutil
import signal
import subprocess
import sys

from guardpost.aio.stream import ByteStream, Receive
from guardpost.errors import LineLost, NoSuchTarget, TransportError
from guardpost.termsafe import safe_text
from guardpost.transports.console_programs import Greeting, wants_terminal
from guardpost.transports.target import Target

__all__ = ["run_command"]

GRACE_SECONDS = 0.5
"""From the end of its input, and again from SIGTERM, until a child is ended harder."""

GREETING_SECONDS = 1.0
"""How long the beginning of a greeting may wait for its end; a program writes it at once."""

EXIT_STATUS_SECONDS = 0.3
"""How long a child that closed its output may take to say how it ended."""


async def run_command(target: Target) -> ByteStream:
    """Start the command. Raises NoSuchTarget (no such program) or TransportError."""
    argv = shlex.split(target.address)
    try:
        if sys.platform == "win32":
            return await _run_on_windows(argv)
        else:
            return CommandStream(argv)
    except OSError as error:
        # A folder of PATH that we may not look into turns "not found" into "not permitted".
        unknown = os.sep not in argv[0] and shutil.which(argv[0]) is None
        if unknown or isinstance(error, FileNotFoundError):
            raise NoSuchTarget(f"exec: there is no program {argv[0]!r}; check its name") from None
        reason = (error.strerror or str(error)).lower()
        raise TransportError(f"exec: {argv[0]!r} cannot be started: {reason}") from None


def _show(data: bytes) -> None:
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    sys.stderr.write("\n".join(safe_text(line.expandtabs()) for line in text.split("\n")))
    sys.stderr.flush()


async def _run_on_windows(argv: list[str]) -> ByteStream:
    from guardpost.transports.loop_streams import LoopStream

    child = await asyncio.create_subprocess_exec(
        *argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )

    def kill() -> None:
        if child.returncode is None:
            child.kill()

    assert child.stdout is not None
    assert child.stdin is not None
    return LoopStream(child.stdout, child.stdin, argv[0], released=kill, transparent=False)


if sys.platform != "win32":
    import tty

    from guardpost.transports.descriptor import DescriptorStream

    class CommandStream:
        """A child whose stdin and stdout are the line, until `close` or its end."""

        transparent = False

        def __init__(self, argv: list[str]) -> None:
            """Raises OSError when it cannot be started."""
            self.name = f"exec: {argv[0]}"
            self._greeting = Greeting(argv)
            self._fds: list[int] = []
            try:
                self._child, near_read, near_write, self._stderr = self._start(argv)
            except BaseException:
                self._close_fds()
                raise
            for fd in self._fds:
                os.set_blocking(fd, False)
            self._bytes = DescriptorStream(near_read, near_write, self.name, release=self._release)
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._stderr, self._on_stderr)
            self._stderr_watched = True
            atexit.register(self._signal, signal.SIGKILL)

        def _start(self, argv: list[str]) -> "tuple[subprocess.Popen[bytes], int, int, int]":
            """The child; what its output is read from and its input written to; its stderr.

            Ours are in self._fds. Raises OSError.
            """
            theirs: list[int] = []
            try:
                if wants_terminal(argv):
                    master, slave = os.openpty()
                    self._fds, theirs = [master], [slave]
                    tty.setraw(slave)
                    near_read = near_write = master
                    stdin = stdout = slave
                else:
                    stdin, near_write = os.pipe()
                    self._fds, theirs = [near_write], [stdin]
                    near_read, stdout = os.pipe()
                    self._fds.append(near_read)
                    theirs.append(stdout)
                near_stderr, stderr = os.pipe()
                self._fds.append(near_stderr)
                theirs.append(stderr)
                child = subprocess.Popen(
                    argv, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
                )
            finally:
                for fd in theirs:
                    os.close(fd)
            return child, near_read, near_write, near_stderr

        async def read(self) -> bytes:
            while True:
                try:
                    patience = GREETING_SECONDS if self._greeting.holds_back else None
                    async with asyncio.timeout(patience):
                        data = await self._bytes.read()
                except TimeoutError:
                    return self._greeting.give_up()
                except LineLost:  # of a pty: nobody has its other end any more
                    data = b""
                if not data:
                    if self._greeting.holds_back and not self._bytes.closed:
                        return self._greeting.give_up()
                    await self._check_status()
                    return b""
                if data := self._ungreeted(data):
                    return data

        async def pump(self, receive: Receive) -> None:
            while not self._greeting.is_over:
                if not (data := await self.read()):
                    return
                await asyncio.sleep(receive(data).seconds)
            try:
                await self._bytes.pump(receive)
            except LineLost:
                pass  # as in read()
            await self._check_status()

        def _ungreeted(self, data: bytes) -> bytes:
            if self._greeting.is_over:
                return data
            data, greeting = self._greeting.feed(data)
            if greeting:
                _show(greeting)
            return data

        async def _check_status(self) -> None:
            if not self._bytes.closed:
                status = await self._ended_within(EXIT_STATUS_SECONDS)
                if status:
                    raise LineLost(f"{self.name} ended with {_status_words(status)}")

        async def write(self, data: bytes) -> None:
            await self._bytes.write(data)

        async def close(self) -> None:
            """Ends the child: end of input, SIGTERM, SIGKILL, with a moment between them."""
            if self._bytes.closed:
                return
            self._bytes.close_now()
            try:
                for name in (None, signal.SIGTERM, signal.SIGKILL):
                    if name is not None:
                        self._signal(name)
                    if await self._ended_within(GRACE_SECONDS) is not None:
                        break
            finally:
                # Also what the child itself left behind, and also if we are cancelled.
                self._signal(signal.SIGKILL)
                self._child.poll()
                atexit.unregister(self._signal)

        def _status(self) -> int | None:
            """None while it runs. What has ended keeps its number, and that of its group, until
            close() has signalled that for the last time: nobody else can have it before."""
            if self._child.returncode is not None or not hasattr(os, "waitid"):
                return self._child.poll()
            found = os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None:
                return None
            return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

        def _signal(self, number: int) -> None:
            if self._child.returncode is not None:
                return
            try:
                os.killpg(self._child.pid, number)
            except OSError:
                pass  # nobody of the group is left

        async def _ended_within(self, seconds: float) -> int | None:
            pause = 0.002
            while (status := self._status()) is None and seconds > 0:
                await asyncio.sleep(pause)
                seconds -= pause
                pause = min(2 * pause, 0.05)
            return status

        def _on_stderr(self) -> None:
            try:
                data = os.read(self._stderr, 65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if data:
                _show(data)
            else:
                self._unwatch_stderr()

        def _unwatch_stderr(self) -> None:
            if self._stderr_watched:
                self._stderr_watched = False
                self._loop.remove_reader(self._stderr)

        def _release(self) -> None:
            self._on_stderr()
            self._unwatch_stderr()
            self._close_fds()

        def _close_fds(self) -> None:
            for fd in self._fds:
                try:
                    os.close(fd)
                except OSError:
                    pass

    def _status_words(status: int) -> str:
        if status >= 0:
            return f"status {status}"
        try:
            return f"signal {signal.Signals(-status).name}"
        except ValueError:
            return f"signal {-status}"
