"""The service `top`: the process table and the host's load, again and again, by differences.

The console asks for each refresh with a record; the agent answers with the Refresh records
that lead there from the one before. So it is the console that decides how often, nothing
piles up on a slow line, and a pause costs nothing.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import RemoteProtocolError, ResetCode
from guardpost.services.action import Action
from guardpost.services.records import RecordReader, decode_value, encode_record, write_record
from guardpost.services.table_delta import ARGV_BYTES, NAME_BYTES, Number, Refresh, Row, Table

__all__ = ["LEAST_SECONDS", "Follower", "Reading", "action", "host_reader", "serve"]

LEAST_SECONDS = 0.2
"""Between two refreshes, however often a console asks: a reading costs the host milliseconds."""
_ASK = encode_record(0)

Reading = tuple[Mapping[int, Row], Sequence[Number]]

_refresh = msgspec.msgpack.Decoder(Refresh)


class TopRequest(msgspec.Struct, omit_defaults=True):
    """Nothing yet."""


def action(request: bytes) -> Action:
    """What `request` wants, for the policy."""
    return Action("monitor")


def host_reader() -> Callable[[], Reading]:
    """What reads this host; each call blocks for some milliseconds."""
    from guardpost.host.process_table import ProcessRow, ProcessTable, read_load

    table = ProcessTable()

    def row(each: ProcessRow) -> Row:
        state = None if each.state is None else ord(each.state)
        numbers = [each.cpu, each.rss, state, each.threads, each.nice, each.ppid]
        user = each.user and each.user[:NAME_BYTES]
        name = each.name and each.name[:NAME_BYTES]
        return Row(each.pid, each.started, user, name, _cut(each.argv), numbers)

    def read() -> Reading:
        return {pid: row(each) for pid, each in table.read().items()}, read_load()

    return read


def _cut(argv: list[bytes] | None) -> list[bytes] | None:
    if argv is None:
        return None
    kept: list[bytes] = []
    room = ARGV_BYTES
    for argument in argv:
        if room <= 0:
            break
        kept.append(argument[:room])
        room -= len(argument) + 1
    return kept


async def serve(
    channel: Channel,
    request: bytes,
    reader: Callable[[], Callable[[], Reading]] = host_reader,
    clock: Callable[[], float] = time.monotonic,
    refusal: Callable[[], str] = lambda: "",
) -> None:
    """The agent's half of `top`. Raises ChannelReset when the console went away.

    `refusal` is asked before each refresh: why there is to be none, or empty.
    """
    try:
        decode_value(request or b"\x80", TopRequest)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.BAD_REQUEST, str(error))
        return
    channel.accept()
    read, asks, sent = reader(), RecordReader(channel), Table()
    before: float | None = None
    while await asks.read(int) is not None:
        if before is not None:
            await asyncio.sleep(before + LEAST_SECONDS - clock())
        if reason := refusal():
            channel.reset(ResetCode.NOT_ALLOWED, reason)
            return
        now = clock()
        rows, host = await asyncio.to_thread(read)
        elapsed = 0 if before is None else round((now - before) * 100)
        before = now
        for refresh in sent.deltas(rows, host, elapsed):
            await write_record(channel, refresh)
    await channel.write_eof()


class Follower:
    """The console's half: `table` after each refresh() is the host's."""

    def __init__(self, channel: Channel) -> None:
        self.table = Table()
        self.before: dict[int, Row] = {}
        """The rows of the refresh before; with `elapsed`, they tell who used the processors."""
        self.host_before: list[Number] = list(self.table.host)
        self.elapsed = 0
        self.received = 0
        """Bytes of the last refresh, as the service writes them."""
        self._channel = channel
        self._reader = RecordReader(channel)

    @classmethod
    async def open(cls, opener: Opener) -> "Follower":
        """Raises ChannelReset when it was refused."""
        request = msgspec.msgpack.encode(TopRequest())
        return cls(await opener.open("top", request, compress=True))

    async def refresh(self) -> None:
        """Ask for the table as it is now, and wait for it.

        Raises ChannelReset, and RemoteProtocolError when the agent's answer makes no sense.
        """
        await self._channel.write(_ASK)
        before, host_before = dict(self.table.rows), list(self.table.host)
        received = 0
        while True:
            refresh = await self._reader.read(_refresh)
            if refresh is None:
                raise RemoteProtocolError("the agent ended the process list in the middle")
            received += len(msgspec.msgpack.encode(refresh))
            self.table.apply(refresh)
            if not refresh.more:
                break
        self.before, self.host_before = before, host_before
        self.elapsed, self.received = refresh.elapsed, received

    async def close(self) -> None:
        """Never raises."""
        await self._channel.close()
