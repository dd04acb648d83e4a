"""The service `watch`: processes that begin, end or take too much, told as it happens.

The agent looks once a second, and listens to the kernel where it is let. While the console
takes nothing (a slow line, a lost one), events wait in bounded room; what did not fit is
told as numbers.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import RemoteProtocolError, ResetCode
from guardpost.services.action import Action
from guardpost.services.event_queue import EventQueue
from guardpost.services.records import RecordReader, decode_value, write_record
from guardpost.services.thresholds import Crossing, Limits, Thresholds

if TYPE_CHECKING:
    from guardpost.host.process_changes import Change
    from guardpost.host.process_table import ProcessRow

__all__ = ["WatchEvent", "WatchRequest", "action", "serve", "watch"]

LOOK_SECONDS = 1.0
SETTLE_SECONDS = 0.1
"""After what the kernel told, for processes that have not run their program yet."""
BUSY_SECONDS = 0.05
"""Between two looks at what the kernel tells when that is much: 256 events take 3 ms."""
EVENTS_AT_ONCE = 256
BUSY_EVENTS = 32
NAMES_MAX = 64
PIDS_MAX = 1000
ARGV_BYTES = 1024
NAME_BYTES = 256


class WatchRequest(msgspec.Struct, omit_defaults=True):
    """Whom to watch: everybody, or who has one of `names` in command, name or user, or these
    `pids`. The limits are None for no limit; a crossing must last for `seconds`."""

    names: list[str] = []
    pids: list[int] = []
    cpu: float | None = None
    """Percent of one processor, of a process."""
    rss: int | None = None
    """Bytes, of a process."""
    load: float | None = None
    """Of the host, the average of a minute."""
    seconds: float = 0.0


class WatchEvent(msgspec.Struct, omit_defaults=True):
    """`event` is started, ended, above, below or dropped; other fields where they apply."""

    event: str
    time: float
    """Seconds since the epoch, on the host's clock."""
    pid: int | None = None
    started: float | None = None
    ppid: int | None = None
    user: str | None = None
    name: str | None = None
    argv: list[bytes] | None = None
    status: int | None = None
    signal: int | None = None
    source: str = ""
    """Of an end: "kernel", "zombie", or "unknown" where nobody could say how it ended."""
    metric: str = ""
    """Of above and below: cpu, rss or load; with `value` and `limit`."""
    value: float | None = None
    limit: float | None = None
    dropped: dict[str, int] = {}
    """Of dropped: how many of each kind nobody will see; `kernel` counts gaps of unknown size."""


def action(request: bytes) -> Action:
    """What `request` wants, for the policy."""
    return Action("monitor")


async def serve(channel: Channel, request: bytes, refusal: Callable[[], str] = lambda: "") -> None:
    """The agent's half of `watch`. Raises ChannelReset when the console went away.

    `refusal` is asked once a second: why nothing more is to be told, or empty.
    """
    try:
        wanted = decode_value(request or b"\x80", WatchRequest)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.BAD_REQUEST, str(error))
        return
    if len(wanted.names) > NAMES_MAX or len(wanted.pids) > PIDS_MAX:
        channel.reset(ResetCode.LIMIT, f"at most {NAMES_MAX} names and {PIDS_MAX} pids")
        return
    watching = await asyncio.to_thread(_Watching, wanted)
    channel.accept(msgspec.msgpack.encode({"by_kernel": watching.by_kernel}))
    looking = asyncio.ensure_future(watching.run())
    judged_at = time.monotonic()
    ending = asyncio.ensure_future(channel.read())
    try:
        while await _woken(watching.something, looking, ending):
            if time.monotonic() - judged_at >= LOOK_SECONDS:
                judged_at = time.monotonic()
                if reason := refusal():
                    channel.reset(ResetCode.NOT_ALLOWED, reason)
                    return
            for event in watching.take():
                await write_record(channel, event)
        ending.result() if ending.done() else looking.result()
        await channel.write_eof()
    finally:
        await _cancelled(looking, ending)
        watching.close()


async def _woken(
    something: asyncio.Event, *ends: "asyncio.Future[None] | asyncio.Future[bytes]"
) -> bool:
    """Wait until there is something; False when one of `ends` came first."""
    waking = asyncio.ensure_future(something.wait())
    try:
        await asyncio.wait((waking, *ends), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waking.cancel()
    something.clear()
    return not any(end.done() for end in ends)


async def _cancelled(*tasks: "asyncio.Task[None] | asyncio.Task[bytes]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Watching:
    """Looks at this host; take() gives what there is to tell. Made in a thread: it may block."""

    def __init__(self, wanted: WatchRequest) -> None:
        from guardpost.host.proc_connector import ProcConnector
        from guardpost.host.process_changes import ProcessChanges
        from guardpost.host.process_table import ProcessTable

        self._wanted = wanted
        self._names = [name.lower() for name in wanted.names]
        self._pids = frozenset(wanted.pids)
        self._connector: ProcConnector | None = None
        # Where the kernel tells us nothing, the table has to do.
        with contextlib.suppress(OSError):
            self._connector = ProcConnector.open()
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        self._changes: ProcessChanges = ProcessChanges(ProcessTable(), sees_status=is_root)
        self._queue: EventQueue[WatchEvent] = EventQueue(time.monotonic())
        limits = Limits(wanted.cpu, wanted.rss, wanted.load, wanted.seconds)
        self._thresholds = Thresholds(limits)
        for pid in sorted(self._pids - self._changes.known.keys()):
            self._put(WatchEvent("ended", time.time(), pid=pid, source="unknown"))
        self.something = asyncio.Event()

    @property
    def by_kernel(self) -> bool:
        return self._connector is not None

    def close(self) -> None:
        if self._connector is not None:
            self._connector.close()

    def take(self) -> Iterator[WatchEvent]:
        events, dropped = self._queue.take(time.monotonic())
        yield from events
        if dropped:
            yield WatchEvent("dropped", time.time(), dropped=dropped)

    async def run(self) -> None:
        """Until cancelled."""
        look_at = 0.0
        while True:
            count, overflowed = self._listen(time.monotonic())
            if overflowed:
                self._queue.drop("kernel")
            if time.monotonic() >= look_at or overflowed:
                await self._look(by_table=overflowed or self._connector is None)
                look_at = time.monotonic() + LOOK_SECONDS
            self.something.set()
            if count > BUSY_EVENTS:
                await asyncio.sleep(BUSY_SECONDS)
            else:
                soon = time.monotonic() + SETTLE_SECONDS if count else look_at
                await self._wait(min(soon, look_at))

    def _listen(self, now: float) -> tuple[int, bool]:
        """Take what the kernel told: how much it was, and whether it had to leave something out."""
        if self._connector is None:
            return 0, False
        events, overflowed = self._connector.read(EVENTS_AT_ONCE)

        def may_look() -> bool:
            return self._queue.has_room(now)

        self._tell(self._changes.follow_kernel(events, now, may_look))
        self._tell(self._changes.settle(now, may_look))
        return len(events), overflowed

    async def _wait(self, until: float) -> None:
        """Until then, or until the kernel tells something: a process may not live much longer."""
        if self._connector is None:
            await asyncio.sleep(until - time.monotonic())
            return
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._connector.fileno(), told.set)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, until - time.monotonic())):
                    await told.wait()
        finally:
            loop.remove_reader(self._connector.fileno())

    async def _look(self, *, by_table: bool) -> None:
        from guardpost.host.process_table import read_load

        if by_table:
            self._tell(await asyncio.to_thread(self._changes.follow_table))
        elif self._thresholds.needs_table:
            await asyncio.to_thread(self._changes.refresh)
        if not self._thresholds.needs_anything:
            return
        rows = {pid: row for pid, row in self._changes.known.items() if self._is_wanted(row)}
        load = read_load().load1
        for crossing in self._thresholds.look(rows, load, time.monotonic()):
            self._put(_crossed(crossing))

    def _tell(self, changes: "list[Change]") -> None:
        for change in changes:
            if self._is_wanted(change.row):
                self._put(_changed(change))

    def _put(self, event: WatchEvent) -> None:
        self._queue.put(event.event, event, time.monotonic())

    def _is_wanted(self, row: "ProcessRow") -> bool:
        if not self._names and not self._pids:
            return True
        if row.pid in self._pids:
            return True
        command = b" ".join(row.argv or ()).decode("utf-8", "backslashreplace")
        words = (command.lower(), (row.name or "").lower(), (row.user or "").lower())
        return any(name in word for name in self._names for word in words)


def _described(event: str, row: "ProcessRow | None") -> WatchEvent:
    if row is None:
        return WatchEvent(event, time.time())
    argv = row.argv
    if argv is not None:
        kept = b"\0".join(argv)[:ARGV_BYTES]
        argv = kept.split(b"\0") if kept else []
    return WatchEvent(
        event,
        time.time(),
        pid=row.pid,
        started=None if row.started is None else row.started / 100,
        ppid=row.ppid,
        user=row.user and row.user[:NAME_BYTES],
        name=row.name and row.name[:NAME_BYTES],
        argv=argv,
    )


def _changed(change: "Change") -> WatchEvent:
    from guardpost.host.process_changes import Kind

    event = _described(change.kind.value, change.row)
    if change.kind is Kind.ENDED:
        event.source = change.source.value
        if change.status is not None:
            # waitpid(2): the low seven bits are the signal, the byte above them the status.
            event.signal = change.status & 0x7F or None
            event.status = None if event.signal else change.status >> 8 & 0xFF
    return event


def _crossed(crossing: Crossing) -> WatchEvent:
    event = _described("above" if crossing.above else "below", crossing.row)
    event.metric, event.value, event.limit = crossing.metric, crossing.value, crossing.limit
    return event


async def watch(
    opener: Opener, wanted: WatchRequest, begun: Callable[[bool], None] = lambda by_kernel: None
) -> AsyncGenerator[WatchEvent, None]:
    """The events of the agent's host, until the agent ends them.

    `begun` hears whether the kernel tells of processes, so that none is missed and their status
    is known. Raises ChannelReset, and RemoteProtocolError when the agent makes no sense.
    """
    request = msgspec.msgpack.encode(wanted)
    channel = await opener.open("watch", request, compress=True)
    try:
        begun(bool(decode_value(channel.reply, dict[str, bool]).get("by_kernel")))
        reader = RecordReader(channel)
        while (event := await reader.read(WatchEvent)) is not None:
            yield event
    finally:
        await channel.close()
