"""A command's end of the control socket: joining the process that owns the line, or starting it.

Joining must be cheap: nothing here, nor what it imports, knows keys, frames or a serial port.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from guardpost import errors
from guardpost.console import owner_protocol as wire
from guardpost.console.line import ConnectOptions, Line
from guardpost.console.linelock import path_beside, socket_path
from guardpost.console.owned_channel import GONE, OwnedChannel
from guardpost.console.owner_protocol import RecordSocket
from guardpost.errors import AgentSilent, ChannelReset, GuardpostError, LineLost, ResetCode

if TYPE_CHECKING:
    from guardpost.console.figures import Figures

__all__ = ["Joined", "ask_owner", "connect_to_owner", "error_of", "join"]

_START_SECONDS = 15.0
_PATIENCE_SECONDS = 5.0  # beyond the connect timeout, which the owner keeps
_AGAIN_SECONDS = 0.05


class Joined:
    """A Session through the owner."""

    def __init__(self, name: str, control: RecordSocket, tell: Callable[[str], None]) -> None:
        self.ended: asyncio.Future[GuardpostError] = asyncio.get_running_loop().create_future()
        self._name = name
        self._control = control
        self._tell = tell
        self._user = 0
        self._channels: dict[int, OwnedChannel] = {}
        self._number = 0
        self._figures: list[asyncio.Future[dict[str, Any]]] = []
        self._listening: asyncio.Task[None] | None = None

    # --- joining ---

    async def introduce(self, options: ConnectOptions) -> bool:
        """True when joined, False when the owner is ending. Raises what ended its start."""
        self._control.post(wire.JOIN, wire.encode(version=wire.VERSION, **_wishes(options)))
        try:
            async with asyncio.timeout(options.connect_timeout + _PATIENCE_SECONDS) as patience:
                while (record := await self._control.receive()) is not None:
                    kind, payload = record
                    said = wire.decode(payload)
                    if kind == wire.JOINED:
                        self._user = int(said["user"])
                        self._listening = asyncio.ensure_future(self._listen())
                        return True
                    if kind == wire.FAILED:
                        raise error_of(said)
                    if kind == wire.TELL:
                        self._tell(str(said.get("text", "")))
                    if kind == wire.QUESTION:
                        patience.reschedule(None)
                        await self._answer(str(said.get("text", "")))
                        when = asyncio.get_running_loop().time() + options.connect_timeout
                        patience.reschedule(when + _PATIENCE_SECONDS)
        except TimeoutError:
            raise AgentSilent(
                f"{self._name}: no session within {options.connect_timeout:g} s"
            ) from None
        return False

    async def _answer(self, question: str) -> None:
        from guardpost.console.question import ask

        self._control.post(wire.ANSWER, wire.encode(yes=await ask(question)))

    async def _listen(self) -> None:
        while (record := await self._control.receive()) is not None:
            kind, payload = record
            if kind == wire.BROKEN:
                number, code, text = wire.unpack_reset(payload)
                if (channel := self._channels.get(number)) is not None:
                    channel.on_reset(code, text)
            elif kind == wire.ROOM:
                said = wire.decode(payload)
                if (channel := self._channels.get(int(said["channel"]))) is not None:
                    channel.set_room(int(said["bytes"]))
            elif kind == wire.TELL:
                self._tell(str(wire.decode(payload).get("text", "")))
            elif kind == wire.FIGURES:
                if self._figures and not (waiting := self._figures.pop(0)).done():
                    waiting.set_result(wire.decode(payload))
            elif kind == wire.ENDED:
                self._end(error_of(wire.decode(payload)))
        self._end(LineLost(f"{self._name}: {GONE}"))

    def _end(self, error: GuardpostError) -> None:
        if not self.ended.done():
            self.ended.set_result(error)
        for channel in list(self._channels.values()):
            channel.on_reset(ResetCode.LOST, str(error))
        for waiting in self._figures:
            if not waiting.done():
                waiting.set_result({})

    # --- what commands do ---

    async def open(
        self, service: str, request: bytes, *, interactive: bool = False, compress: bool = False
    ) -> OwnedChannel:
        """Raises ChannelReset when it was refused, LineLost when the session is over."""
        if self.ended.done():
            raise self.ended.result()
        sock = await connect_to_owner(self._name)
        if sock is None:
            raise LineLost(f"{self._name}: {GONE}")
        self._number += 1
        channel = OwnedChannel(self._number, sock, self._forget)
        self._channels[self._number] = channel
        opening = wire.pack_open(
            self._user,
            self._number,
            service,
            request,
            interactive=interactive,
            compress=compress,
        )
        try:
            await channel.begin(opening)
        except BaseException:
            channel.reset(ResetCode.CANCELLED)
            raise
        return channel

    def _forget(self, number: int) -> None:
        self._channels.pop(number, None)

    async def figures(self) -> "Figures | None":
        """How the line does; None when there is no session."""
        from guardpost.console.figures import Figures

        if self.ended.done():
            return None
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._figures.append(waiting)
        self._control.post(wire.FIGURES)
        said = await waiting
        return Figures(**said) if said else None

    async def close(self) -> None:
        """Let go; the owner ends what channels are left. Never raises."""
        for channel in list(self._channels.values()):
            channel.reset(ResetCode.CANCELLED)
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        self._control.close()


# --- finding the owner, starting it ---


async def join(
    line: Line,
    options: ConnectOptions,
    command: Sequence[str],
    tell: Callable[[str], None],
) -> Joined:
    """The session of the process that owns `line`; `command` starts one if there is none.

    Raises TransportError and AuthenticationError as Console.connect() does, and LineBusy when the
    owner works with other keys, or another process holds the line.
    """
    give_up_at = asyncio.get_running_loop().time() + options.connect_timeout + _START_SECONDS
    while asyncio.get_running_loop().time() < give_up_at:
        control = await connect_to_owner(line.name)
        if control is None:
            await _start(line, options, command)
            continue
        joined = Joined(line.name, control, tell)
        try:
            if await joined.introduce(options):
                return joined
        except BaseException:
            control.close()
            raise
        control.close()
        await asyncio.sleep(_AGAIN_SECONDS)
    raise LineLost(f"{line.name}: the process that owns the line ends again and again")


async def connect_to_owner(name: str) -> RecordSocket | None:
    """A connection to the owner of the line of that name; None when there is none."""
    sock = socket.socket(wire.AF_UNIX, socket.SOCK_STREAM)
    try:
        # A unix socket connects at once or not at all.
        sock.connect(socket_path(name))
    except OSError:
        sock.close()
        return None
    return RecordSocket(sock)


async def ask_owner(name: str, kind: int) -> dict[str, Any] | None:
    """What the owner answers to CHECK or STOP; None when there is none."""
    control = await connect_to_owner(name)
    if control is None:
        return None
    try:
        control.post(kind)
        record = await control.receive()
        return wire.decode(record[1]) if record is not None else None
    finally:
        control.close()


async def _start(line: Line, options: ConnectOptions, command: Sequence[str]) -> None:
    """Returns when an owner listens, ours or another's. Raises LineBusy, LineLost."""
    password = None if line.password is None else await line.password()
    wishes = wire.encode(
        password=password,
        name=line.name,
        address=line.address,
        profile=line.profile,
        trust_new=options.trust_new,
        connect_timeout=options.connect_timeout,
        **_wishes(options),
    )
    process = subprocess.Popen(
        [*command, line.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if name != "GUARDPOST_PASSWORD"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(wishes)
            process.stdin.close()
        said = wire.decode(await _first_line(process.stdout.fileno()))
    if not said:
        log = path_beside(line.name, ".log")
        raise LineLost(f"{line.name}: the process that owns the line did not start; see {log}")
    if "word" in said:
        raise error_of(said)
    process.returncode = 0  # it lives on without us


async def _first_line(descriptor: int) -> bytes:
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()

    def on_readable() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(descriptor, on_readable)
    try:
        async with asyncio.timeout(_START_SECONDS):
            await readable
        return os.read(descriptor, 65536)
    except TimeoutError:
        return b""
    finally:
        loop.remove_reader(descriptor)


def _wishes(options: ConnectOptions) -> dict[str, Any]:
    """What must agree with the owner's, and what it needs to know of each user."""

    def absolute(path: str | None) -> str | None:
        return None if path is None else os.path.realpath(os.path.expanduser(path))

    return {
        "pid": os.getpid(),
        "identity": absolute(options.identity),
        "known_agents": absolute(options.known_agents),
        "psk": absolute(options.psk),
        "agent_key": options.agent_key,
        "persist": options.persist,
        "verbose": options.verbose,
        "raise_baud": options.raise_baud,
    }


def error_of(said: dict[str, Any]) -> GuardpostError:
    """The error that another process of ours met."""
    word, text = str(said.get("word", "")), str(said.get("text", ""))
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, GuardpostError) and kind.word == word:
            return kind(text) if kind is not ChannelReset else LineLost(text)
    return LineLost(text)
