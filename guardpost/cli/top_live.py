"""LiveTop: the live process list on a terminal: keys, refreshes, lost lines, the way out."""

import asyncio
import contextlib
import signal
import sys
import time
from argparse import Namespace
from typing import TYPE_CHECKING

from guardpost.cli import lasting, opening
from guardpost.cli.keypresses import Keypresses
from guardpost.cli.process_tree import branches_for
from guardpost.cli.screen import ENTER, LEAVE, Screen, knows_blocks, size
from guardpost.cli.top_model import TopModel
from guardpost.cli.top_pace import Pace
from guardpost.cli.top_page import page
from guardpost.cli.top_view import TopView, Wish, WishKind
from guardpost.errors import ChannelReset, ResetCode
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.console.line import Session
    from guardpost.services.relay import DescriptorEnd
    from guardpost.services.top import Follower

__all__ = ["LiveTop"]

LATE_SECONDS = 3.0
"""A refresh that takes longer is said to be waited for."""
ESCAPE_SECONDS = 0.05
"""After an escape: what comes later was typed, and is no sequence."""


class LiveTop:
    """run() shows the list until somebody quits. Raises KeyboardInterrupt at Ctrl-C, and what
    connecting raises; the terminal is as before in each case."""

    def __init__(self, args: Namespace, view: TopView | None = None) -> None:
        encoding = sys.stdout.encoding or "ascii"
        self._args = args
        self._unicode = knows_blocks(encoding)
        self._view = view or TopView(branches_for(encoding))
        self._model = TopModel()
        self._screen = Screen(encoding)
        self._pace = Pace(args.delay)
        self._end: DescriptorEnd | None = None
        self._session: Session | None = None
        self._asked_at: float | None = None
        self._lost = ""
        self._told = ""
        self._said = ""
        self._wishes: asyncio.Queue[Wish] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._refreshes = 0
        self._stack = contextlib.AsyncExitStack()
        self._done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self) -> int:
        async with self._stack:
            following = asyncio.ensure_future(
                lasting.keep_on(self._args, self._follow, self._on_lost, self._tell)
            )
            self._stack.push_async_callback(_cancelled, following)
            await asyncio.wait((following, self._done), return_when=asyncio.FIRST_COMPLETED)
            return self._done.result() if self._done.done() else following.result()

    # --- the terminal ---

    async def _take_terminal(self) -> None:
        """Only once there is a session: before it, a person may be asked about a key."""
        from guardpost.console.terminal import raw_terminal
        from guardpost.services.relay import DescriptorEnd

        sys.stdout.flush()
        self._stack.enter_context(raw_terminal(0))
        self._end = DescriptorEnd(0, 1)
        self._stack.push_async_callback(self._end.write, LEAVE)
        await self._end.write(ENTER)
        if sys.platform != "win32":
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGWINCH, self._repaint)
            self._stack.callback(loop.remove_signal_handler, signal.SIGWINCH)
        for work in (self._read_keys(), self._paint_on()):
            task = asyncio.ensure_future(work)
            task.add_done_callback(self._on_task_done)
            self._stack.push_async_callback(_cancelled, task)

    def _on_task_done(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and not self._done.done():
            error = task.exception()
            if error is None:
                self._done.set_result(0)
            else:
                self._done.set_exception(error)

    def _repaint(self) -> None:
        self._screen.forget()
        self._wake.set()

    async def _paint_on(self) -> None:
        assert self._end is not None
        while True:
            columns, rows = size()
            lines = page(
                *(self._args.target, self._model, self._view, self._status(), (columns, rows)),
                unicode=self._unicode,
            )
            if painted := self._screen.paint(lines, columns, rows):
                await self._end.write(painted)
            self._wake.clear()
            # The status counts seconds while something is waited for.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._wake.wait()

    async def _read_keys(self) -> None:
        assert self._end is not None
        keypresses = Keypresses()
        reading: asyncio.Task[bytes] | None = None
        try:
            while True:
                reading = reading or asyncio.ensure_future(self._end.read(1024))
                patience = ESCAPE_SECONDS if keypresses.holds else None
                await asyncio.wait((reading,), timeout=patience)
                if reading.done():
                    data, reading = reading.result(), None
                    if not data:
                        return  # the terminal has gone
                    keys = keypresses.feed(data)
                else:
                    keys = keypresses.release()
                for key in keys:
                    self._press(key)
        finally:
            if reading is not None:
                await _cancelled(reading)

    def _press(self, key: str) -> None:
        self._said = ""
        wish = self._view.press(key)
        self._wake.set()
        if wish is None or self._done.done():
            return
        if wish.kind is WishKind.QUIT:
            self._done.set_result(0)
        elif wish.kind is WishKind.INTERRUPT:
            self._done.set_exception(KeyboardInterrupt())
        elif wish.kind is WishKind.REDRAW:
            self._repaint()
        elif wish.kind in (WishKind.FASTER, WishKind.SLOWER):
            self._pace.change(faster=wish.kind is WishKind.FASTER)
        elif self._lost or self._late():
            self._said = "not done: the line is away"  # later it would be an old command
        else:
            self._wishes.put_nowait(wish)

    def _status(self) -> str:
        if self._said:
            return self._said
        if self._lost or self._told:
            return self._lost or self._told
        if late := self._late():
            return f"no answer for {late:.0f} s; waiting for the line"
        if self._view.paused:
            return "paused; p goes on"
        words = [self._pace.text()]
        if self._view.filter:
            words.append(f"only: {safe_text(self._view.filter)} (Esc: all)")
        return "  ".join(words)

    def _late(self) -> float:
        """For how many seconds the agent has not answered, if that is long."""
        waited = 0.0 if self._asked_at is None else time.monotonic() - self._asked_at
        return waited if waited > LATE_SECONDS else 0.0

    def _tell(self, sentence: str) -> None:
        """Of the line: where the status is, once there is one."""
        if self._end is None:
            from guardpost.cli.hosts import resolve
            from guardpost.console.session import teller

            host = resolve(self._args.target)
            teller(opening.connect_options(self._args, host))(sentence)
        else:
            self._told = safe_text(sentence)
            self._wake.set()

    # --- the agent ---

    async def _follow(self, session: "Session") -> int:
        from guardpost.services.top import Follower

        if self._end is None:
            await self._take_terminal()
        if self._lost:
            self._lost = self._said = ""
        self._session = session
        fulfilling = asyncio.ensure_future(self._fulfil(session))
        follower = await Follower.open(session)
        try:
            while True:
                if not self._view.paused:
                    await self._refresh(follower)
                await self._pace.wait()
        finally:
            self._asked_at = None
            await _cancelled(fulfilling)
            await follower.close()

    async def _refresh(self, follower: "Follower") -> None:
        self._asked_at = time.monotonic()
        await follower.refresh()
        took = time.monotonic() - self._asked_at
        self._asked_at = None
        self._told = ""
        self._model.update(follower)
        knows_rate = self._pace.figures is not None and self._pace.figures.rate is not None
        if self._session is not None and (self._refreshes % 8 == 0 or not knows_rate):
            self._pace.figures = await self._session.figures()
        self._pace.took(follower.received, took, first=not follower.elapsed)
        self._refreshes += 1
        self._wake.set()

    async def _fulfil(self, session: "Session") -> None:
        while True:
            wish = await self._wishes.get()
            try:
                self._said = await _done_to(session, wish)
            except ChannelReset as error:
                self._said = str(error)
                if error.code in (ResetCode.LOST, ResetCode.SUPERSEDED):
                    return
            self._wake.set()

    def _on_lost(self, why: str) -> None:
        self._said = ""
        self._lost = f"{safe_text(why)}; waiting for the agent"
        while not self._wishes.empty():
            self._wishes.get_nowait()
        self._wake.set()


async def _done_to(session: "Session", wish: Wish) -> str:
    """Signal or renice whom the wish names; what to say about it."""
    from guardpost.services import processes

    assert wish.target is not None
    process = wish.target.process
    target = processes.KillTarget(process.pid, process.started)
    if wish.kind is WishKind.KILL:
        (result,) = await processes.kill(session, [target], wish.text)
        done = f"process {process.pid} has got {safe_text(wish.text)}"
    else:
        try:
            value = int(wish.text)
        except ValueError:
            return f"{safe_text(wish.text)} is no nice value; give -20 (first) to 19 (last)"
        (result,) = await processes.nice(session, [target], max(-1000, min(1000, value)))
        done = f"process {process.pid} has the nice value {value}"
    return f"{safe_text(result.word)}: {safe_text(result.text)}" if result.word else done


async def _cancelled(task: "asyncio.Task[int] | asyncio.Task[bytes] | asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
