"""What the agent needs of the machine: random bytes, files, sockets, processes, a terminal."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from guardpost.host import randomness
from guardpost.host.children import spawn
from guardpost.host.process_table import ProcessTable
from guardpost.host.spawning import NO_TERMINALS
from guardpost.host.terminal_pty import TerminalChild, spawn_on_terminal
from guardpost.identity import keyfile
from guardpost.selftest.check import Check, NotHere, missing, waited_for
from guardpost.selftest.child import HERE, STATUS

__all__ = ["checks", "random_bytes"]

_WORDS: Final = b"a line of a self-test\n"


def checks(command: Sequence[str]) -> list[Check]:
    """`command` starts child.py; empty when this program cannot be started again."""

    def started(work: Callable[[list[bytes]], Awaitable[str | None]]) -> Callable[[], str | None]:
        argv = [os.fsencode(word) for word in command]
        return waited_for(lambda: work(argv)) if argv else _no_program

    return [
        Check("files", _files),
        Check("TCP sockets", waited_for(partial(_sockets, tcp=True))),
        Check("Unix sockets", waited_for(partial(_sockets, tcp=False))),
        Check("process list", _process_list),
        Check("processes", started(_processes)),
        Check("terminal", started(_terminal)),
    ]


def _no_program() -> None:
    raise NotHere("this program does not find itself to start it again; is /proc missing?")


def random_bytes() -> str | None:
    if not randomness.is_ready():
        raise NotHere("the random generator is not ready")
    if len({os.urandom(32) for _ in range(100)}) < 100:
        raise ValueError("random bytes come twice")
    return None


def _files() -> str:
    """A file that is written beside and renamed, as keys and copies are."""
    try:
        with tempfile.TemporaryDirectory(prefix="guardpost-") as folder:
            path = Path(folder, "file")
            keyfile.replace(path, "old")
            keyfile.replace(path, "new")
            if keyfile.read_secret(path) != "new" or os.listdir(folder) != ["file"]:
                raise ValueError("a file was not replaced as a whole")
            return str(Path(folder).parent)
    except OSError as error:
        raise missing(error) from None


async def _sockets(*, tcp: bool) -> None:
    """A server that echoes, on the loopback address or in Linux's abstract namespace."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    try:
        with _listener(tcp=tcp) as listener:
            async with await asyncio.start_server(echo, sock=listener):
                with socket.socket(listener.family) as sock:
                    sock.setblocking(False)
                    loop = asyncio.get_running_loop()
                    await loop.sock_connect(sock, listener.getsockname())
                    await loop.sock_sendall(sock, _WORDS)
                    if await loop.sock_recv(sock, 100) != _WORDS:
                        raise ValueError("what was sent did not come back")
    except OSError as error:
        raise missing(error) from None


def _listener(*, tcp: bool) -> socket.socket:
    if tcp:
        listener = socket.socket(socket.AF_INET)
        listener.bind(("127.0.0.1", 0))
    elif sys.platform == "linux":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"\0guardpost-{os.getpid()}")
    else:
        raise NotHere("only Linux has them without a file")
    return listener


def _process_list() -> str:
    if sys.platform == "linux" and not os.path.exists("/proc/self/stat"):
        raise NotHere("/proc is not mounted")
    rows = ProcessTable().read()
    if os.getpid() not in rows:
        raise ValueError("this process is not in it")
    return f"{len(rows)} processes"


async def _processes(argv: list[bytes]) -> None:
    """One that ends by itself, and one that is signalled."""
    child = await spawn(argv)
    await child.write_stdin(_WORDS)
    child.close_stdin()
    output = b""
    while piece := await child.stdout.read():
        output += piece
    status = await child.wait()
    child.close()
    wanted = [HERE.encode(), b"read " + _WORDS.strip()]
    if (output.splitlines(), status) != (wanted, STATUS):
        raise ValueError(f"a program said {output[:80]!r} and ended with {status}")
    child = await spawn(argv)
    await child.stdout.read()
    child.signal(signal.SIGTERM)
    status = await child.wait()
    child.close()
    if status != -signal.SIGTERM:
        raise ValueError(f"a program that was signalled ended with {status}")


async def _terminal(argv: list[bytes]) -> str:
    """What is typed on a pty is echoed by the kernel and read by the program."""
    _make_terminal()
    child = await spawn_on_terminal(argv)
    try:
        await _read_until(child, HERE.encode())
        await child.write_stdin(_WORDS)
        shown = await _read_until(child, b"read " + _WORDS.strip())
        if not shown.startswith(_WORDS.replace(b"\n", b"\r\n")):
            raise ValueError(f"the echo was {shown[:80]!r}")
        await child.write_stdin(b"\x04")
        if (status := await child.wait()) != STATUS:
            raise ValueError(f"the program ended with {status}")
    finally:
        child.close()
    return child.name


def _make_terminal() -> None:
    """Raises NotHere where there are none."""
    if sys.platform == "win32":
        raise NotHere(NO_TERMINALS)
    for name in ("/dev/ptmx", "/dev/pts"):
        if sys.platform == "linux" and not os.path.exists(name):
            raise NotHere(f"{name}: no such file or directory")
    try:
        for descriptor in os.openpty():
            os.close(descriptor)
    except OSError as error:
        raise missing(error, "a terminal") from None


async def _read_until(child: TerminalChild, wanted: bytes) -> bytes:
    shown = b""
    while wanted + b"\r\n" not in shown:
        piece = await child.outputs[0].read()
        if not piece:
            raise ValueError(f"the terminal ended after {shown[-80:]!r}")
        shown += piece
    return shown
