"""From a line and the options to a Session: through the line's owner, or in this process."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Sequence

from guardpost.console.line import ConnectOptions, Line, Session
from guardpost.errors import ChannelReset, GuardpostError, LineLost, ResetCode
from guardpost.termsafe import safe_bytes, safe_text

__all__ = ["ConnectOptions", "Line", "Session", "connect", "teller"]

# A command that uses a channel learns the end from that, and its reason perhaps a little later.
_CHANNELS_FIRST_SECONDS = 1.0


@contextlib.asynccontextmanager
async def connect(
    line: Line,
    options: ConnectOptions,
    owner_command: Sequence[str] = (),
    tell: Callable[[str], None] | None = None,
) -> AsyncIterator[Session]:
    """A session on `line` while the block runs; `tell` is told what happens to the line.

    `owner_command` starts the process that owns the line; without it, with `--no-owner`, and on
    Windows the session is this process's own. Raises what Console.connect() does, and LineLost
    in the block when the session ends before it.
    """
    if not owner_command or not options.use_owner or sys.platform == "win32":
        opening = _direct(line, options, tell or teller(options))
    else:
        opening = _joined(line, options, owner_command, tell or teller(options))
    async with opening as (opener, ended):
        async with _lost_with(ended):
            yield opener


@contextlib.asynccontextmanager
async def _direct(
    line: Line, options: ConnectOptions, tell: Callable[[str], None]
) -> "AsyncIterator[tuple[Session, asyncio.Future[GuardpostError]]]":
    from guardpost.console.direct import make_console
    from guardpost.console.linelock import LineLock
    from guardpost.console.question import ask

    lock = LineLock(line.name, "--no-owner")
    lock.take_or_refuse()
    try:
        if line.password is not None:
            await line.password()  # a person's time does not count
        console = make_console(line, options, ask=ask, tell=tell, text=_logger(options))
        await console.connect(options.connect_timeout)
        try:
            yield console, console.ended
        finally:
            await console.close()
    finally:
        lock.release()


@contextlib.asynccontextmanager
async def _joined(
    line: Line,
    options: ConnectOptions,
    owner_command: Sequence[str],
    tell: Callable[[str], None],
) -> "AsyncIterator[tuple[Session, asyncio.Future[GuardpostError]]]":
    from guardpost.console.owner_client import join

    joined = await join(line, options, owner_command, tell=tell)
    try:
        yield joined, joined.ended
    finally:
        await joined.close()


@contextlib.asynccontextmanager
async def _lost_with(ended: "asyncio.Future[GuardpostError]") -> AsyncIterator[None]:
    """Cancel the block when `ended` is; whatever it says about a lost session becomes LineLost."""
    task = asyncio.current_task()
    assert task is not None
    cancelled = False

    async def watch() -> None:
        nonlocal cancelled
        await asyncio.shield(ended)
        await asyncio.sleep(_CHANNELS_FIRST_SECONDS)
        cancelled = True
        task.cancel()

    watching = asyncio.ensure_future(watch())
    try:
        yield
    except ChannelReset as error:
        if error.code not in (ResetCode.LOST, ResetCode.SUPERSEDED):
            raise
        # The owner says on another connection why the session is over: it may come a little later.
        await asyncio.wait((ended,), timeout=_CHANNELS_FIRST_SECONDS)
        raise (ended.result() if ended.done() else LineLost(error.text)) from None
    except asyncio.CancelledError:
        if cancelled and task.uncancel() == 0:
            raise ended.result() from None
        raise
    finally:
        watching.cancel()


def teller(options: ConnectOptions) -> Callable[[str], None]:
    """Prints sentences about the line: never with -q, and into a file only with -v."""

    def tell(sentence: str) -> None:
        if not options.quiet and (options.verbose or (sys.stderr and sys.stderr.isatty())):
            print(f"guardpost: {safe_text(sentence)}", file=sys.stderr, flush=True)

    return tell


def _logger(options: ConnectOptions) -> Callable[[bytes], None]:
    def log(data: bytes) -> None:
        if options.verbose:
            print(f"guardpost: the line says: {safe_bytes(data).decode()}", file=sys.stderr)

    return log
