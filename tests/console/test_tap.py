"""Who watches an owner's line too slowly is told what it missed. (All else of it needs an owner:
tests/cli/test_cmd_terminal.py and test_cmd_trace.py.)"""

import asyncio
import socket
from collections.abc import Callable, Coroutine

from guardpost.console import owner_protocol as wire
from guardpost.console.beside import OwnedText
from guardpost.console.owner_protocol import RecordSocket
from guardpost.console.tap import Taps

PATIENCE_SECONDS = 60.0
SAID = b"x" * 100_000


class OwnersConsole:
    """As far as who watches is concerned: bytes cross its line when a story says so."""

    sessions = ()
    cross: Callable[[bytes, bool], None] | None = None
    is_away = False
    text_waits = False

    async def send_break(self) -> bool:
        return False

    def send_text(self, data: bytes) -> bool:
        return not self.is_away

    def watch(self, watcher: Callable[[bytes, bool], None] | None) -> None:
        self.cross = watcher


def beside(console: OwnersConsole) -> tuple[RecordSocket, "asyncio.Future[None]"]:
    """A terminal's end of a connection to the owner, and what serves the other end."""
    near, far = socket.socketpair()
    taps = Taps()
    taps.attach(console)  # type: ignore[arg-type]
    return RecordSocket(far), asyncio.ensure_future(taps.serve_beside(RecordSocket(near)))


def told_in_time(story: Callable[[], Coroutine[object, object, None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await story()

    asyncio.run(whole())


def test_a_terminal_that_lags_is_told_how_much_it_missed() -> None:
    async def story() -> None:
        console = OwnersConsole()
        connection, serving = beside(console)
        assert await connection.receive() is not None  # the owner's STATUS
        told: list[str] = []
        text = OwnedText("the line", connection, {})
        text.tell = told.append
        assert console.cross is not None

        for _ in range(60):
            console.cross(SAID, True)
        received = 0
        while received < 1_000_000:  # now there is room again
            received += len(await text.read())
        console.cross(b"login: ", True)
        while not told:
            received += len(await text.read())
        (sentence,) = told
        assert sentence.endswith(" bytes of the line were missed: too slow a reader")
        assert received + int(sentence.split()[0]) == 60 * len(SAID) + len(b"login: ")
        await text.close()
        await serving

    told_in_time(story)


def test_keys_for_a_line_that_is_away_are_told_as_not_sent_once_each_time() -> None:
    async def story() -> None:
        console = OwnersConsole()
        connection, serving = beside(console)
        assert await connection.receive() is not None  # the owner's STATUS
        told: list[object] = []
        for is_away in (True, True, False, True):
            console.is_away = is_away
            await connection.send(wire.DATA, b"x")
            await connection.send(wire.BREAK)  # whose answer says that the key was looked at
            while (record := await connection.receive()) is not None and record[0] != wire.BREAK:
                told.append(wire.decode(record[1])["text"])
        assert told == ["not sent: the line is away"] * 2
        connection.close()
        await serving

    told_in_time(story)


def test_one_that_keeps_up_is_told_nothing() -> None:
    async def story() -> None:
        console = OwnersConsole()
        connection, serving = beside(console)
        record = await connection.receive()
        assert record is not None
        assert record[0] == wire.STATUS
        assert console.cross is not None
        console.cross(b"login: ", True)
        console.cross(b"typed", False)
        assert await connection.receive() == (wire.DATA, b"login: ")
        connection.close()
        await serving

    asyncio.run(story())
