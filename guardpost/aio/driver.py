"""Pumps one sans-IO connection over one ByteStream after another: feed, send, events, one timer.

It holds no rule of the protocol. Who uses it gets events through a callback and channels as
SessionChannel; time comes from the loop's own clock.
"""

import asyncio
from collections.abc import Callable

from guardpost.aio.patience import Patience
from guardpost.aio.session_channel import SessionChannel
from guardpost.aio.stream import ByteStream, SpeedStream, Wait, pump
from guardpost.errors import GoAwayCode, LineLost, ResetCode
from guardpost.protocol import events
from guardpost.protocol.channel import Channel as ProtocolChannel
from guardpost.protocol.connection import Connection

__all__ = ["Driver"]

_ANY_BYTE = Wait()
_PATIENCE_SECONDS = 0.01  # between two looks at what a line that takes no more holds up


class Driver:
    """One end of a line. `on_event` gets what concerns the session, not its channels;
    `on_channel(channel, service, request)` a channel that the peer opened.
    """

    def __init__(
        self,
        connection: Connection,
        on_event: Callable[[events.Event], None],
        on_channel: Callable[[SessionChannel, str, bytes], None] | None = None,
    ) -> None:
        self.connection = connection
        self._loop = asyncio.get_running_loop()
        self._on_event = on_event
        self._on_channel = on_channel
        self._channels: dict[ProtocolChannel, SessionChannel] = {}
        self._wanted = asyncio.Event()
        self._writing = False
        self._is_running = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._patience = Patience()  # made anew for each line
        self._port: SpeedStream | None = None
        self.tap: Callable[[bytes, bool], None] | None = None
        """Told what crosses the line, and whether the peer sent it, before anybody else."""

    def now(self) -> float:
        """The clock of this connection, in seconds."""
        return self._loop.time()

    async def run(self, stream: ByteStream, port: SpeedStream | None = None) -> None:
        """Pump until the stream ends or breaks; the session is then suspended, not lost.

        `port`: what can change the stream's speed, where something can. Returns at the end of the
        stream; raises LineLost when it broke.
        """
        self.connection.line_opened(self.now())
        self._port = port
        self._is_running = True
        writer = self._loop.create_task(self._write(stream))
        self._patience = Patience()
        reader = self._loop.create_task(pump(stream, self._receive))
        try:
            done, _ = await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (reader, writer):
                task.cancel()
            try:
                await asyncio.gather(reader, writer, return_exceptions=True)
            finally:  # also when cancelled once more
                self._writing = False
                self._is_running = False
                self._port = None
                self.connection.receive_eof(self.now())
                try:
                    self._dispatch()
                finally:
                    self._arm()

    def _receive(self, data: bytes) -> Wait:
        """Bytes came from the line; returns what they leave to wait for."""
        now = self._loop.time()
        if self.tap is not None:
            self.tap(data, True)
        if not self.connection.receive_data(data, now):
            return Wait(self._patience.pause(len(data), now), self.connection.delimiter)
        self._patience.frame_ended(len(data))
        self._wanted.set()
        self._dispatch()
        return _ANY_BYTE

    async def _write(self, stream: ByteStream) -> None:
        connection, clock, wanted = self.connection, self._loop.time, self._wanted
        while True:
            wanted.clear()
            await self._follow_speed()
            out = connection.data_to_send(clock())
            if out:
                self._writing = True
                self._arm()  # the line may take nothing for minutes
                data = b"".join(out)
                if self.tap is not None:
                    self.tap(data, False)
                await stream.write(data)
                del data  # the next may take a day
                self._writing = False
                self._dispatch()
            else:
                self._dispatch()
                self._arm()
                await wanted.wait()

    async def _follow_speed(self) -> None:
        """Give the port another speed, if the connection wants that."""
        cable, port = self.connection.cable, self._port
        if cable.to_set(self.now()) is not None:
            if port is not None and not cable.is_going_back:
                await port.drain()
            self._set_speed()

    def _set_speed(self) -> None:
        cable = self.connection.cable
        if (speed := cable.to_set(self.now())) is not None:
            done = self._port is not None and self._port.set_speed(speed)
            cable.was_set(done, self.now())

    async def flush(self, seconds: float) -> None:
        """Give what is waiting (a goodbye) up to `seconds` to reach the line."""
        deadline = self.now() + seconds
        while self._wanted.is_set() or self._writing:
            if self.now() >= deadline:
                return
            await asyncio.sleep(0.005)

    def wake(self) -> None:
        """Something changed: there may be something to send, or an event."""
        self._wanted.set()

    # --- time ---

    def _arm(self) -> None:
        now = self.now()
        deadline = self.connection.next_deadline(now)
        if deadline is None:
            self._disarm()
            return
        if self._writing or not self._is_running:
            # The line takes no more, or is away: what wants to be sent waits for it, everything
            # else (the end of the grace) for its time.
            deadline = max(deadline, now + _PATIENCE_SECONDS)
        if self._timer is not None:
            if self._timer_at == deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._on_timer)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        self._timer = None
        self.connection.handle_timeout(self.now())
        self._wanted.set()
        if self._writing and self.connection.cable.is_going_back:
            self._set_speed()  # the line takes nothing, and its peer may be gone
        if self._writing or not self._is_running:
            self._arm()  # the writer, which does it otherwise, is not there to
        self._dispatch()  # at the end: a callback that raises stops nothing else

    def stop(self) -> None:
        """No more timers: nobody will run this again."""
        self._disarm()
        self._fail_channels(ResetCode.LOST, "the session is over")

    # --- events ---

    def _dispatch(self) -> None:
        next_event = self.connection.next_event
        while (event := next_event()) is not None:
            match event:
                case events.ChannelReadable(channel):
                    if (known := self._channels.get(channel)) is not None:
                        known.on_readable()
                case events.ChannelWritable(channel):
                    if (known := self._channels.get(channel)) is not None:
                        known.on_writable()
                case events.ChannelAccepted(channel, reply):
                    if (known := self._channels.get(channel)) is not None:
                        known.on_accepted(reply)
                case events.ChannelReset(channel, code, text):
                    if (known := self._channels.get(channel)) is not None:
                        known.on_reset(code, text)
                case events.ChannelOpened(channel, service, request):
                    if self._on_channel is None:
                        # Its session may have ended behind it, in the same packet.
                        self._shell(channel).reset(ResetCode.UNSUPPORTED)
                    else:
                        self._on_channel(self._shell(channel), service, request)
                case events.SessionEnded(code, text):
                    superseded = code is GoAwayCode.SUPERSEDED
                    self._fail_channels(
                        ResetCode.SUPERSEDED if superseded else ResetCode.LOST, text
                    )
                    self._on_event(event)
                case _:
                    self._on_event(event)

    def _shell(self, channel: ProtocolChannel) -> SessionChannel:
        self._channels[channel] = SessionChannel(self, channel)
        return self._channels[channel]

    def _fail_channels(self, code: ResetCode, text: str) -> None:
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            channel.on_reset(code, text)

    def forget(self, channel: ProtocolChannel) -> None:
        """Nobody uses this channel any more."""
        self._channels.pop(channel, None)

    # --- channels ---

    async def open(
        self, service: str, request: bytes, *, interactive: bool = False, compress: bool = False
    ) -> SessionChannel:
        """An accepted channel. Raises ChannelReset (refused), LineLost (there is no session)."""
        if self.connection.association is None:
            raise LineLost("there is no session on this line; run the command again")
        channel = self._shell(
            self.connection.open_channel(
                service, request, self.now(), interactive=interactive, compressed=compress
            )
        )
        self._wanted.set()
        try:
            await channel.accepted()
        except asyncio.CancelledError:
            channel.reset(ResetCode.CANCELLED)
            raise
        return channel
