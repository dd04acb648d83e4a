"""IpmiStream: Serial over LAN as a ByteStream. A thread listens to the BMC, the loop sends."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

from guardpost.aio.stream import ByteStream
from guardpost.errors import GuardpostError, LineLost, TransportError
from guardpost.transports.ipmi.bmc import ANSWER_SECONDS, Account, Bmc
from guardpost.transports.ipmi.sol import SolEnd
from guardpost.transports.target import Target, split_host_port

__all__ = ["open_ipmi"]

SLICE_SECONDS = 0.1
"""How long the thread listens before it looks whether it should do something else."""

IDLE_SECONDS = 5.0
"""After so long a silence the BMC is asked whether the line is still ours."""

BUSY_SECONDS = 10.0
"""And after so long in any case: BMCs end a session after 60 s without a command, ipmi_sim after
30, however many characters pass meanwhile."""

UNANSWERED_MAX = 3

AHEAD_BYTES = 262144
"""What may wait for a reader; then the BMC has to repeat, and in the end to lose, what comes."""

DRAIN_SECONDS = 1.0
"""How long a close waits for the BMC to take what was written."""

GIVE_BACK_SECONDS = 3.0
"""How long a close waits for the BMC to confirm; the thread goes on by itself after that."""


async def open_ipmi(target: Target, password: Callable[[], Awaitable[str]]) -> ByteStream:
    """Log in and activate Serial over LAN.

    Raises NotAllowed (user or password), LineBusy (another console has it), TransportError.
    """
    host, port = split_host_port(target.address)
    cipher = target.options.get("cipher")
    account = Account(
        host, port, target.user, await password(), None if cipher is None else int(cipher)
    )
    stream = IpmiStream(account, str(target), take_over=target.options.get("take-over") == "1")
    await stream.opened()
    return stream


class IpmiStream:
    """Bytes both ways until `close`, or until the BMC or somebody there ends it."""

    transparent = True

    def __init__(self, account: Account, name: str, *, take_over: bool) -> None:
        self.name = name
        self.bits_per_second: int | None = None
        """The speed of the host's UART, if the BMC tells."""
        self._account = account
        self._take_over = take_over
        self._loop = asyncio.get_running_loop()
        self._bmc: Bmc | None = None
        self._sol = SolEnd(0)
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._thread_ended = asyncio.Event()
        self._arrived = bytearray()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._lost: str | None = None
        self._heard_at = self._loop.time()
        self._let_go = threading.Event()
        self._doubt = threading.Event()
        threading.Thread(target=self._listen, name="ipmi-listener", daemon=True).start()

    async def opened(self) -> None:
        """Returns when the line is there; raises as open_ipmi()."""
        try:
            await self._opened
        except BaseException:
            self._closed = True
            self._let_go.set()  # the thread, wherever it is, logs out
            raise

    # --- ByteStream ---

    async def read(self) -> bytes:
        while not self._arrived or self._closed:
            if self._closed:
                return b""
            if self._lost is not None:
                raise LineLost(f"{self.name}: {self._lost}")
            self._news.clear()
            await self._news.wait()
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    async def write(self, data: bytes) -> None:
        self._check()
        self._sol.send(data)
        self._work()
        # A rest that does not fill a payload waits for what is written next, so that all are full.
        await self._until(lambda: self._sol.queued < self._sol.largest)

    async def send_break(self) -> bool:
        """A BREAK on the host's serial line; True once the BMC took it. Raises LineLost."""
        self._check()
        self._sol.send_break()
        self._work()
        await self._until(lambda: self._sol.is_idle)
        return True

    async def close(self) -> None:
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._until(
                    lambda: self._closed or self._lost is not None or self._sol.is_idle
                )
        except (LineLost, TimeoutError):
            pass  # nobody takes it any more
        finally:
            await self._give_back()

    async def _give_back(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._news.set()
        self._room.set()
        self._let_go.set()
        try:
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await self._thread_ended.wait()
        except TimeoutError:
            pass  # the BMC does not answer: nothing can be given back

    def _check(self) -> None:
        if self._closed:
            raise LineLost(f"{self.name} is closed")
        if self._lost is not None:
            raise LineLost(f"{self.name}: {self._lost}")

    async def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._room.clear()
            await self._room.wait()
            self._check()

    # --- the loop's side ---

    def _on_payload(self, payload: bytes) -> None:
        if self._closed:
            return
        now = self._loop.time()
        self._heard_at = now
        room = len(self._arrived) < AHEAD_BYTES
        data = self._sol.receive_payload(payload, now, room=room)
        if data:
            self._arrived += data
            self._news.set()
        self._work()

    def _work(self) -> None:
        """Send what may go, and see to the next deadline."""
        now = self._loop.time()
        self._sol.handle_timeout(now)
        if self._bmc is not None:
            for payload in self._sol.payloads_to_send(now):
                self._bmc.send(payload)
        if self._sol.is_doubtful:
            self._doubt.set()
        if self._sol.failure is not None:
            self._on_lost(self._sol.failure)
        self._room.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._sol.next_deadline()
        if deadline is not None and not self._closed:
            self._timer = self._loop.call_at(deadline, self._work)

    def _on_lost(self, reason: str) -> None:
        self._lost = self._lost or reason
        self._news.set()
        self._room.set()

    def _on_opened(self, bmc: Bmc) -> None:
        if not self._opened.done():
            self._bmc = bmc
            self._sol = SolEnd(bmc.largest)
            self.bits_per_second = bmc.bits_per_second
            self._heard_at = self._loop.time()
            self._opened.set_result(None)

    def _on_failed(self, error: Exception) -> None:
        if not self._opened.done():
            self._opened.set_exception(error)

    # --- the thread's side ---

    def _listen(self) -> None:
        try:
            bmc = Bmc(
                self._account,
                self.name,
                lambda payload: self._tell(self._on_payload, bytes(payload)),
                take_over=self._take_over,
            )
        except GuardpostError as error:
            self._tell(self._on_failed, error)
            return
        except Exception as error:  # pyghmi's own, on what some BMC says
            said = f"{self.name}: {type(error).__name__} while logging in: {error}"
            self._tell(self._on_failed, TransportError(said))
            return
        try:
            self._tell(self._on_opened, bmc)
            self._serve(bmc)
        finally:
            bmc.close()
            self._tell(self._thread_ended.set)

    def _serve(self, bmc: Bmc) -> None:
        asked_at = self._loop.time()
        while not self._let_go.is_set():
            try:
                alive = bmc.listen(SLICE_SECONDS)
                now = self._loop.time()
                if alive and bmc.is_ours and self._must_ask(bmc, now, asked_at):
                    self._doubt.clear()
                    asked_at = now
                    bmc.ask()
            except Exception as error:
                self._tell(self._on_lost, f"{type(error).__name__}: {error}")
                return
            if not bmc.is_ours:
                self._tell(self._on_lost, "Serial over LAN was ended at the BMC")
                return
            if not alive or bmc.unanswered > UNANSWERED_MAX:
                self._tell(self._on_lost, "the BMC does not answer any more")
                return

    def _must_ask(self, bmc: Bmc, now: float, asked_at: float) -> bool:
        if bmc.unanswered:
            return now - asked_at > ANSWER_SECONDS
        idle = now - max(asked_at, self._heard_at) > IDLE_SECONDS
        return idle or self._doubt.is_set() or now - asked_at > BUSY_SECONDS

    def _tell(self, callback: Callable[..., object], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            self._let_go.set()  # the loop is closed: nobody is there to listen
