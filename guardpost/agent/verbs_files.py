"""The prompt's commands for files: look at them, and carry them as text.

`send` and `receive` are for terminals without a console of ours. A file travels in the
base64 form of uuencode (POSIX.1-2017, uuencode -m), which uudecode(1) reads, with its size and
its SHA-256 after it. ZMODEM is none of them: it is eight-bit, and on this port everything that is
not text is taken for frames and noise.
"""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import os
import re
import stat
import time
from collections.abc import AsyncIterator, Iterator
from typing import Final

from guardpost.agent.keyboard import Typed
from guardpost.agent.verb import WIDTH, Context
from guardpost.errors import ServiceError, UsageError

__all__ = ["cat", "ls", "receive", "send", "tail"]

_PIECE_BYTES: Final = 4096
_TAIL_BYTES: Final = 1 << 20
_NAMES: Final = 10_000
_LINE_BYTES: Final = 57  # 76 characters, as MIME and uuencode have them
_LARGEST_BYTES: Final = 64 << 20
_LONGEST_LINE_BYTES: Final = 4096
_PATIENCE_SECONDS: Final = 60.0
_QUIET_SECONDS: Final = 1.0

_BEGIN = re.compile(rb"begin-base64 [0-7]{3,4} .+")
_END: Final = b"===="


class FileTrouble(ServiceError):
    word = "file"


async def cat(context: Context, args: list[str]) -> None:
    with _opened(args[0]) as fd:
        while data := await asyncio.to_thread(_read, fd, args[0]):
            await context.pager.raw(data)
    await context.pager.end_line()


async def tail(context: Context, args: list[str]) -> None:
    wanted = _number(args[1]) if len(args) > 1 else 20
    with _opened(args[0]) as fd:
        data = await asyncio.to_thread(_last_bytes, fd, args[0])
    lines = data.splitlines(keepends=True)
    await context.pager.raw(b"".join(lines[-wanted:]))
    await context.pager.end_line()


async def ls(context: Context, args: list[str]) -> None:
    folder = args[0] if args else "."
    for row in await asyncio.to_thread(_rows, folder):
        await context.pager.line(row[:WIDTH])


def _rows(folder: str) -> list[str]:
    """Mode, size, time and name of each, as ls -l has them. Raises FileTrouble."""
    try:
        if not os.path.isdir(folder):
            return [_row(folder, os.lstat(folder))]
        rows = []
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    rows.append((entry.name, _row(entry.name, entry.stat(follow_symlinks=False))))
                if len(rows) == _NAMES:
                    break
    except OSError as error:
        raise _trouble(folder, error) from None
    told = [row for _, row in sorted(rows)]
    return [*told, f"... only the first {_NAMES} were read"] if len(rows) == _NAMES else told


def _row(name: str, status: os.stat_result) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(status.st_mtime))
    return f"{stat.filemode(status.st_mode)} {status.st_size:12} {when} {name}"


# --- as text ---


async def send(context: Context, args: list[str]) -> None:
    path = args[0]
    digest = hashlib.sha256()
    size = 0
    with _opened(path) as fd:
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        name = os.path.basename(path)
        await context.pager.unpaged(f"begin-base64 {mode:o} {name}")
        rest = b""
        while data := await asyncio.to_thread(_read, fd, path):
            digest.update(data)
            size += len(data)
            rest += data
            whole = len(rest) // _LINE_BYTES * _LINE_BYTES
            for at in range(0, whole, _LINE_BYTES):
                await context.pager.unpaged(_text(rest[at : at + _LINE_BYTES]))
            rest = rest[whole:]
        if rest:
            await context.pager.unpaged(_text(rest))
    await context.pager.unpaged(_END.decode())
    await context.pager.unpaged(f"{size} bytes, sha256 {digest.hexdigest()}")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


async def receive(context: Context, args: list[str]) -> None:
    """Lines of base64, between `begin-base64` (which may be left out) and `====`.

    Nothing is there under that name before all of it is: written beside, and renamed.
    """
    path = os.path.abspath(args[0])
    beside = f"{path}.{os.urandom(4).hex()}.part"
    await context.pager.line("paste base64 (uuencode -m, or plain), end with ====; Ctrl-C gives up")
    try:
        with _made(beside) as fd:
            digest, size = await _received(context, fd)
            await asyncio.to_thread(os.fsync, fd)
        os.replace(beside, path)
    except (OSError, ValueError) as error:
        raise FileTrouble(f"{_trouble(path, error)}; nothing was written") from None
    finally:
        with contextlib.suppress(OSError, ValueError):
            os.unlink(beside)
    await context.pager.line(f"{size} bytes, sha256 {digest}")


async def _received(context: Context, fd: int) -> tuple[str, int]:
    """What was pasted is in `fd`; returns its SHA-256 and its size. Raises FileTrouble, OSError."""
    digest = hashlib.sha256()
    size = 0
    with context.keyboard.lent() as typed:
        try:
            async for data in _pasted(typed):
                size += len(data)
                if size > _LARGEST_BYTES:
                    raise FileTrouble(f"more than {_LARGEST_BYTES} bytes; nothing was written")
                digest.update(data)
                _write(fd, data)
        except (FileTrouble, OSError):
            await _pass_by(typed)
            raise
        if typed.dropped:
            raise FileTrouble(f"{typed.dropped} bytes came too fast; nothing was written")
    return digest.hexdigest(), size


async def _pasted(typed: Typed) -> AsyncIterator[bytes]:
    """What the lines of base64 mean, up to their end. Raises FileTrouble."""
    async for line in _lines(typed):
        if line == _END:
            return
        if line and not _BEGIN.fullmatch(line):
            yield _decoded(line)


async def _pass_by(typed: Typed) -> None:
    """Until nothing comes any more: the rest of a paste are no commands."""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(_QUIET_SECONDS):
                await typed.read()


def _write(fd: int, data: bytes) -> None:
    """All of it: a disk that fills up takes a part. Raises OSError."""
    while data:
        data = data[os.write(fd, data) :]


async def _lines(typed: Typed) -> AsyncIterator[bytes]:
    """Lines, whatever ends them. Raises FileTrouble when nothing comes for a minute."""
    rest = b""
    while True:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                rest += await typed.read()
        except TimeoutError:
            raise FileTrouble("nothing came for a minute; nothing was written") from None
        *lines, rest = re.split(rb"[\r\n]+", rest)
        for line in lines:
            yield line
        if len(rest) > _LONGEST_LINE_BYTES:
            raise FileTrouble("a line without end; nothing was written")


def _decoded(line: bytes) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        raise FileTrouble(f"this is no base64: {line[:40]!r}; nothing was written") from None


# --- what they share ---


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    """A file to read; a device or a fifo, which could hang us, is none. Raises FileTrouble."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    except (OSError, ValueError) as error:
        raise _trouble(path, error) from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise FileTrouble(f"{path} is no ordinary file")
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _made(path: str) -> Iterator[int]:
    """A new file, which only its owner can read. Raises OSError, ValueError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def _read(fd: int, path: str) -> bytes:
    try:
        return os.read(fd, _PIECE_BYTES)
    except OSError as error:
        raise _trouble(path, error) from None


def _last_bytes(fd: int, path: str) -> bytes:
    """Raises FileTrouble."""
    size = os.fstat(fd).st_size
    with contextlib.suppress(OSError):
        os.lseek(fd, max(size - _TAIL_BYTES, 0), os.SEEK_SET)
    pieces: list[bytes] = []
    while len(pieces) * _PIECE_BYTES <= _TAIL_BYTES and (data := _read(fd, path)):
        pieces.append(data)
    return b"".join(pieces)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) > 0):
        raise UsageError(f"{text[:20]!r} is no number of lines")
    return int(text[:6])


def _trouble(path: str, error: OSError | ValueError) -> FileTrouble:
    reason = error.strerror if isinstance(error, OSError) else "no name of a file"
    return FileTrouble(f"{path}: {reason}")
