"""The process that owns a line: one session, shared by every command of this user.

It is started by the first command, listens on a socket that only this user can reach, and ends
some seconds after its last user. The lock is taken before the socket is bound, and the socket is
gone before the lock is. docs/design.md says why it is a process of its own.
"""

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from guardpost.console import owner_protocol as wire
from guardpost.console.console import Console
from guardpost.console.direct import identity_path, known_agents_path, make_console
from guardpost.console.line import ConnectOptions, Line
from guardpost.console.linelock import LineLock, busy, holder, path_beside, socket_path
from guardpost.console.owner_channel import OwnerChannel
from guardpost.console.owner_log import OwnerLog
from guardpost.console.owner_protocol import RecordSocket
from guardpost.console.tap import Taps
from guardpost.errors import GuardpostError, LineBusy, LineLost
from guardpost.identity import parse_public_key
from guardpost.termsafe import safe_bytes

if sys.platform == "win32":
    raise ImportError("no owner here: asyncio has no unix sockets on Windows")

__all__ = ["Owner", "serve"]

_BACKLOG = 64
_FORMER_OWNER_SECONDS = 10.0  # for one that is giving the line back
_LAST_WORDS_SECONDS = 2.0
_POLL_SECONDS = 0.05


class _User:
    """A command that has joined: its control connection."""

    def __init__(self, number: int, control: RecordSocket, wishes: dict[str, Any]) -> None:
        self.number = number
        self.control = control
        self.persist = float(wishes.get("persist", 0.0))
        self.verbose = bool(wishes.get("verbose"))
        self.pid = wishes.get("pid", 0)
        self.raise_baud = int(wishes.get("raise_baud", 0))
        self.answer: asyncio.Future[bool | None] | None = None


class Owner:
    """Serves one listening socket until nobody needs it any more."""

    def __init__(
        self,
        line: Line,
        options: ConnectOptions,
        listener: socket.socket,
        log: Callable[[str], None],
    ) -> None:
        self._line = line
        self._options = options
        self._listener = listener
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._console: Console | None = None
        self._users: dict[int, _User] = {}
        self._numbers = 0
        self._wanted = asyncio.Event()
        self._connected = asyncio.Event()
        self._over: asyncio.Future[GuardpostError | None] = self._loop.create_future()
        self._idle: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._channels: set[OwnerChannel] = set()
        self._taps = Taps()

    # --- its life ---

    async def run(self) -> None:
        """Connect, serve, and return when it is over; the socket is still there then."""
        accepting = asyncio.ensure_future(self._accept())
        connecting = asyncio.ensure_future(self._connect())
        self._watch_idle(self._options.connect_timeout)
        try:
            error = await self._over
            self._log(f"ends: {error or 'nobody uses it any more'}")
        finally:
            accepting.cancel()
            connecting.cancel()
            await asyncio.gather(accepting, connecting, return_exceptions=True)

    async def close(self) -> None:
        """Tell the users and give the line back, with the socket gone already."""
        error = self._over.result() if self._over.done() else None
        ending = error or LineLost(f"{self._line.name}: the process that owns the line was stopped")
        kind = wire.ENDED if self._console is not None else wire.FAILED
        for user in self._users.values():
            user.control.post(kind, _as_payload(ending))
        if self._console is not None:
            await self._console.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                while self._channels:
                    await asyncio.sleep(_POLL_SECONDS)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stop(self, error: GuardpostError | None = None) -> None:
        if not self._over.done():
            self._over.set_result(error)

    async def _connect(self) -> None:
        await self._wanted.wait()  # so that there is somebody to ask
        console = None
        try:
            console = make_console(
                self._line, self._options, ask=self._ask, tell=self._tell, text=self._text
            )
            self._taps.attach(console)
            await console.connect(self._options.connect_timeout)
        except GuardpostError as error:
            self._log(f"no session: {error.word}: {error}")
            self.stop(error)
        except Exception as error:
            self._log(f"no session: {error!r}")
            self.stop(LineLost(f"{self._line.name}: {type(error).__name__}: {error}"))
        else:
            self._log("the session is there")
            self._taps.tell("the session is there")
            self._console = console
            self._connected.set()
            self.stop(await asyncio.shield(console.ended))

    def _watch_idle(self, seconds: float) -> None:
        """End in `seconds` unless a user comes."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if not self._users:
            self._idle = self._loop.call_later(seconds, self.stop)

    # --- who comes ---

    async def _accept(self) -> None:
        while True:
            try:
                sock, _ = await self._loop.sock_accept(self._listener)
            except OSError as error:
                self._log(f"cannot accept a command: {error.strerror}")
                await asyncio.sleep(_POLL_SECONDS)
                continue
            if _peer_uid(sock) != os.getuid():
                self._log("somebody else's process was turned away")
                sock.close()
                continue
            task = asyncio.ensure_future(self._serve(RecordSocket(sock)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: RecordSocket) -> None:
        try:
            record = await connection.receive()
            match record:
                case (wire.JOIN, payload):
                    await self._join(connection, wire.decode(payload))
                case (wire.OPEN, payload):
                    await self._open(connection, payload)
                case (wire.BESIDE, _):
                    await self._taps.serve_beside(connection)
                case (wire.TAP, payload):
                    plaintext = wire.decode(payload).get("plaintext") is True
                    status = await self._status()
                    await self._taps.serve_trace(connection, plaintext=plaintext, status=status)
                case (wire.CHECK | wire.STOP as kind, _):
                    await connection.send(wire.STATUS, await self._status())
                    if kind == wire.STOP:
                        self._log("asked to stop")
                        self.stop(
                            LineLost(f"{self._line.name}: 'guardpost owner stop' ended the session")
                        )
        except (ConnectionError, ValueError) as error:
            self._log(f"a command went away: {error}")
        except Exception as error:  # the other commands must not suffer
            self._log(f"defect: {error!r}")
        finally:
            connection.close()

    async def _status(self) -> bytes:
        state = "connecting"
        if self._console is not None:
            figures = await self._console.figures()
            state = figures.state if figures is not None else "ended"
        return wire.encode(
            version=wire.VERSION,
            pid=os.getpid(),
            line=self._line.name,
            state=state,
            users=[user.pid for user in self._users.values()],
            channels=len(self._channels),
        )

    async def _join(self, control: RecordSocket, wishes: dict[str, Any]) -> None:
        self._numbers += 1
        user = _User(self._numbers, control, wishes)
        try:
            self._check(wishes)
        except GuardpostError as error:
            await control.send(wire.FAILED, _as_payload(error))
            return
        self._users[user.number] = user
        self._wanted.set()
        self._watch_idle(0)
        welcoming = asyncio.ensure_future(self._welcome(user, wishes.get("agent_key")))
        try:
            await self._listen(user)
        finally:
            welcoming.cancel()
            del self._users[user.number]
            self._watch_idle(user.persist if self._console is not None else 0)

    async def _welcome(self, user: _User, agent_key: str | None) -> None:
        await self._connected.wait()
        try:
            self._check_agent_key(agent_key)
        except GuardpostError as error:
            user.control.post(wire.FAILED, _as_payload(error))
        else:
            if self._console is not None and user.raise_baud:
                self._console.raise_speed(user.raise_baud)
            user.control.post(wire.JOINED, wire.encode(user=user.number, pid=os.getpid()))

    def _check(self, wishes: dict[str, Any]) -> None:
        """Raises LineBusy when a command wants another session than this one."""
        version = wishes.get("version")
        if version != wire.VERSION:
            raise self._refusal(f"speaks version {wire.VERSION} to commands, not {version}")
        ours = self._options
        mine = (identity_path(ours), known_agents_path(ours), ours.psk and Path(ours.psk))
        theirs = ConnectOptions(
            identity=wishes.get("identity"),
            known_agents=wishes.get("known_agents"),
            psk=wishes.get("psk"),
        )
        its = (identity_path(theirs), known_agents_path(theirs), theirs.psk and Path(theirs.psk))
        names = ("identity", "list of known agents", "psk")
        for name, one, other in zip(names, mine, its, strict=True):
            if (one and os.path.realpath(one)) != (other and os.path.realpath(other)):
                raise self._refusal(f"works with another {name}")

    def _check_agent_key(self, wanted: str | None) -> None:
        console = self._console
        if wanted is None or console is None:
            return
        if parse_public_key(wanted) != console.agent_key:
            raise self._refusal("speaks with an agent of another key")

    def _refusal(self, difference: str) -> LineBusy:
        return LineBusy(
            f"{self._line.name} is held by its owner (pid {os.getpid()}), which {difference}; "
            f"end it with 'guardpost owner {self._line.name} stop'"
        )

    # --- what users say ---

    async def _listen(self, user: _User) -> None:
        """Returns when the command has gone."""
        while (record := await user.control.receive()) is not None:
            kind, payload = record
            if kind == wire.ANSWER and user.answer is not None and not user.answer.done():
                user.answer.set_result(wire.decode(payload).get("yes"))
            elif kind == wire.FIGURES and self._console is not None:
                figures = await self._console.figures()
                fields = {} if figures is None else dataclasses.asdict(figures)
                user.control.post(wire.FIGURES, wire.encode(**fields))
        if user.answer is not None and not user.answer.done():
            user.answer.set_result(None)

    async def _open(self, connection: RecordSocket, payload: bytes) -> None:
        number, *_ = wire.unpack_open(payload)
        user = self._users.get(number)
        if user is None or self._console is None:
            return
        channel = OwnerChannel(self._console, user.control, connection)
        self._channels.add(channel)
        try:
            await channel.serve(payload)
        finally:
            self._channels.discard(channel)

    async def _ask(self, question: str) -> bool | None:
        """Ask each command that waits, until one has a terminal."""
        for user in list(self._users.values()):
            user.answer = self._loop.create_future()
            user.control.post(wire.QUESTION, wire.encode(text=question))
            answer = await user.answer
            if answer is not None:
                return answer
        return None

    def _tell(self, sentence: str) -> None:
        self._log(sentence)
        self._taps.tell(sentence)
        for user in self._users.values():
            user.control.post(wire.TELL, wire.encode(text=sentence))

    def _text(self, data: bytes) -> None:
        sentence = f"the line says: {safe_bytes(data).decode()}"
        self._log(sentence)
        for user in self._users.values():
            if user.verbose:
                user.control.post(wire.TELL, wire.encode(text=sentence))


async def serve(line: Line, options: ConnectOptions, ready: Callable[[bytes], None]) -> None:
    """The whole life of an owner. `ready` gets one record: {} when it listens, or another does,
    {"word", "text"} when the line cannot be owned.
    """
    lock = LineLock(line.name, "owner")
    path = socket_path(line.name)
    try:
        if not await _take(lock, line.name):
            return ready(wire.encode(listening=True))
    except GuardpostError as error:
        return ready(_as_payload(error))
    log = OwnerLog(path_beside(line.name, ".log"))
    # What a killed owner left; nobody else may remove it, since we have the lock.
    _remove(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with listener:
        listener.bind(path)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        owner = Owner(line, options, listener, log)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, owner.stop)
        log(f"owns {line.name} as pid {os.getpid()}")
        ready(wire.encode(listening=True))
        try:
            await owner.run()
        finally:
            _remove(path)
    await owner.close()
    lock.release()


async def _take(lock: LineLock, name: str) -> bool:
    """False when another owner listens; raises LineBusy when a command holds the line."""
    give_up_at = asyncio.get_running_loop().time() + _FORMER_OWNER_SECONDS
    while not lock.take():
        pid, kind = holder(name)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            with contextlib.suppress(OSError):
                probe.connect(socket_path(name))
                return False
        if kind not in ("owner", "") or asyncio.get_running_loop().time() > give_up_at:
            raise LineBusy(busy(name, pid, kind))
        await asyncio.sleep(_POLL_SECONDS)
    return True


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _as_payload(error: GuardpostError) -> bytes:
    return wire.encode(word=error.word, text=str(error))


def _peer_uid(sock: socket.socket) -> int:
    if sys.platform == "linux":
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("3i", credentials)[1])
    # Elsewhere the folder, which only its owner can enter, has to do.
    return os.getuid()
