"""Who watches the line of an owner: commands that trace it, and terminals beside its session.

While nobody does, the line costs what it costs without this. A watcher that reads too slowly
misses units, and is told how many; the session never waits for it.
"""

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING

from guardpost.console import owner_protocol as wire
from guardpost.console.capture import encode_unit
from guardpost.console.owner_protocol import RecordSocket
from guardpost.errors import TransportError
from guardpost.protocol.observer import Observer, Unit, UnitKind, withheld

if TYPE_CHECKING:
    from guardpost.console.console import Console
    from guardpost.protocol.association import Association

__all__ = ["Taps"]

_UNSENT_MAX_BYTES = 1 << 20
_PIECE_BYTES = 512  # of typed text between two frames: 45 ms at 115200
_LOOK_SECONDS = 0.005


class _Tracer:
    def __init__(self, connection: RecordSocket, *, plaintext: bool) -> None:
        self._connection = connection
        self._plaintext = plaintext
        self._missed = 0

    def show(self, unit: Unit, when: float) -> None:
        if self._connection.unsent > _UNSENT_MAX_BYTES:
            self._missed += 1
            return
        if self._missed:
            note, self._missed = f"{self._missed} units were missed: too slow a reader", 0
            self.show(_note(note), when)
        shown = unit if self._plaintext else withheld(unit)
        self._connection.post(wire.UNIT, wire.pack_unit(when, encode_unit(shown)))


def _note(sentence: str) -> Unit:
    return Unit(UnitKind.NOTE, False, sentence.encode(), 0)


class _Beside:
    """A terminal beside the session. What it misses is told where it is missing."""

    def __init__(self, connection: RecordSocket) -> None:
        self._connection = connection
        self._missed_bytes = 0
        self._was_sent = True

    def show(self, data: bytes) -> None:
        if self._connection.unsent > _UNSENT_MAX_BYTES:
            self._missed_bytes += len(data)
            return
        if self._missed_bytes:
            text = f"{self._missed_bytes} bytes of the line were missed: too slow a reader"
            self._missed_bytes = 0
            self._connection.post(wire.TELL, wire.encode(text=text))
        self._connection.post(wire.DATA, data)

    def typed(self, was_sent: bool) -> None:
        """Whether what was typed went out; if not that is told once, and not for each key."""
        if self._was_sent and not was_sent:
            self._connection.post(wire.TELL, wire.encode(text="not sent: the line is away"))
        self._was_sent = was_sent


class Taps:
    """`attach` gives it the console of the owner; the others serve one connection each."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._console: Console | None = None
        self._tracers: set[_Tracer] = set()
        self._beside: set[_Beside] = set()
        self._observer: Observer | None = None
        self._alarm: asyncio.TimerHandle | None = None

    def attach(self, console: "Console") -> None:
        """The owner has its console; its line is not open yet."""
        self._console = console
        self._update()

    def tell(self, sentence: str) -> None:
        """What happened to the line or the session."""
        for tracer in self._tracers:
            tracer.show(_note(sentence), time.time())

    # --- who comes ---

    async def serve_trace(
        self, connection: RecordSocket, *, plaintext: bool, status: bytes
    ) -> None:
        """Units, until the other end hangs up."""
        tracer = _Tracer(connection, plaintext=plaintext)
        connection.post(wire.STATUS, status)
        self._tracers.add(tracer)
        self._update()
        try:
            while await connection.receive() is not None:
                pass
        finally:
            self._tracers.discard(tracer)
            self._update()

    async def serve_beside(self, connection: RecordSocket) -> None:
        """What the line says, and to it what is typed, until the other end hangs up."""
        sessions = self._sessions()
        profile = int(sessions[0].framer.decoder.profile) if sessions else None
        connection.post(wire.STATUS, wire.encode(pid=os.getpid(), profile=profile))
        beside = _Beside(connection)
        self._beside.add(beside)
        self._update()
        try:
            while (record := await connection.receive()) is not None:
                if record[0] == wire.DATA:
                    beside.typed(await self._type(record[1]))
                elif record[0] == wire.BREAK:
                    connection.post(wire.BREAK, wire.encode(sent=await self._send_break()))
        finally:
            self._beside.discard(beside)
            self._update()

    async def _type(self, data: bytes) -> bool:
        """Whether the line was there for all of it."""
        for start in range(0, len(data), _PIECE_BYTES):
            if self._console is None or not self._console.send_text(
                data[start : start + _PIECE_BYTES]
            ):
                return False  # the line is away, and later this would be an old command
            while self._console.text_waits:
                await asyncio.sleep(_LOOK_SECONDS)
        return True

    async def _send_break(self) -> bool:
        with contextlib.suppress(TransportError):
            return self._console is not None and await self._console.send_break()
        return False

    # --- what crosses the line ---

    def _sessions(self) -> "tuple[Association, ...]":
        return self._console.sessions if self._console is not None else ()

    def _update(self) -> None:
        if not self._tracers:
            self._observer = None
        elif self._observer is None:
            self._observer = Observer(self._sessions)
        if self._console is not None:
            watched = bool(self._tracers or self._beside)
            self._console.watch(self._on_data if watched else None)

    def _on_data(self, data: bytes, from_agent: bool) -> None:
        if from_agent:
            for beside in self._beside:
                beside.show(data)
        if self._observer is not None:
            self._show(self._observer.receive_data(data, from_agent, self._loop.time()))

    def _show(self, units: list[Unit]) -> None:
        when = time.time()
        for unit in units:
            for tracer in self._tracers:
                tracer.show(unit, when)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        deadline = self._observer.next_deadline() if self._observer is not None else None
        if deadline is not None:
            self._alarm = self._loop.call_at(deadline, self._on_alarm, deadline)

    def _on_alarm(self, deadline: float) -> None:
        self._alarm = None
        if self._observer is not None:
            # The loop may call a little before the time that it was asked for.
            self._show(self._observer.handle_timeout(max(self._loop.time(), deadline)))
