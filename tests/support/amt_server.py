"""An AMT host's firmware, as its redirection port shows it: a session between a console and a UART.

Written from the protocol's tables, sharing no code with the package, and checked by Debian's
amtterm (tests/transports/test_amt_server.py) before guardpost is checked by it. What is like the
firmware: one session at a time, the ways to log in, the settings of a session and what they do to
the bytes. What is not: it never breaks the rules by itself, and it takes its time from asyncio.
"""

import asyncio
import contextlib
import hashlib
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from support.tools import need

from guardpost.aio.stream import ByteStream
from guardpost.errors import LineLost

__all__ = ["AmtServer", "Settings", "certificate", "digest"]

URI = b"/RedirectionService"
FIFO_BYTES = 4096
"""What the firmware holds of what the console says, until the host has read it."""


@dataclass
class Settings:
    """What a console asked for in START_SOL_REDIRECTION; times in milliseconds."""

    max_tx: int
    tx_timeout: int
    tx_overflow: int
    rx_timeout: int
    rx_flush: int
    heartbeat: int


def md5(*parts: bytes) -> bytes:
    return hashlib.md5(b":".join(parts)).hexdigest().encode()


def digest(user: bytes, password: bytes, realm: bytes, nonce: bytes, rest: bytes) -> bytes:
    """`rest` is b"" (RFC 2069) or "nc:cnonce:qop:" (RFC 2617)."""
    secret = md5(user, realm, password)
    return (
        md5(secret, nonce, rest + md5(b"POST", URI))
        if rest
        else md5(secret, nonce, md5(b"POST", URI))
    )


def take(data: bytes, count: int) -> list[bytes]:
    """`count` values, each behind its length."""
    found = []
    for _ in range(count):
        found.append(data[1 : 1 + data[0]])
        data = data[1 + data[0] :]
    return found


def give(*values: bytes) -> bytes:
    return b"".join(bytes([len(value)]) + value for value in values)


class _Hangup(Exception):
    """The firmware closes the connection."""


class _Connection:
    """A console's, as a ByteStream: asyncio's own TLS, where guardpost has its own."""

    transparent = True

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        try:
            return await self._reader.read(65536)
        except OSError as error:
            raise LineLost(str(error)) from None

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise LineLost(str(error)) from None

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()
        self._writer.transport.abort()


class AmtServer:
    """`uart` is the host's side of the wire. Attributes may be changed at any time."""

    def __init__(self, uart: ByteStream) -> None:
        self.uart = uart
        self.user, self.password = b"admin", b"P@ssw0rd"
        self.logins = [4]
        self.realm, self.nonce = b"Digest:" + b"4E" * 16, b"7f" * 16
        self.start_status = 0
        self.sol_status = 0
        self.heartbeats = True
        self.hurry = 1.0
        """How much faster than asked for it sends them, for tests that have no time."""
        self.talks = True
        """False: it accepts connections and says nothing more."""
        self.settings: Settings | None = None
        self.said: list[bytes] = []
        """Every message of consoles, whole."""
        self.beats: list[float] = []
        self.flushes = True
        """Whether the settings' flush timeout is kept; without, the console waits for ever."""
        self.flushed_bytes = 0
        self.sessions = 0
        self.defects: list[Exception] = []
        self.holder: _Session | None = None
        self._port = 0

    async def serve(self, wire: ByteStream) -> None:
        """One console, to its end."""
        session = _Session(self, wire)
        try:
            await session.run()
        except (_Hangup, LineLost, TimeoutError):
            pass
        finally:
            await session.close()

    @contextlib.asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        """Serve on a port of 127.0.0.1 while the block runs."""
        serving: set[asyncio.Task[None]] = set()

        def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self.serve(_Connection(reader, writer)))
            serving.add(task)

        sock = socket.create_server(("127.0.0.1", self._port))
        # Firmware has little room; the kernel here would take megabytes.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 131072)
        server = await asyncio.start_server(came, sock=sock, ssl=tls)
        try:
            self._port = server.sockets[0].getsockname()[1]
            yield self._port
        finally:
            server.close()
            tasks = list(serving)
            for task in tasks:
                task.cancel()
            for found in await asyncio.gather(*tasks, return_exceptions=True):
                self.defects += [found] if isinstance(found, Exception) else []
            assert self.defects == []

    def drop(self) -> None:
        """Lose the session that lives, as when the firmware or the network restarts."""
        if self.holder is not None:
            self.holder.drop()


@dataclass
class _Session:
    server: AmtServer
    wire: ByteStream
    unread: bytearray = field(default_factory=bytearray)
    fifo: bytearray = field(default_factory=bytearray)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    room: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: "list[asyncio.Task[None]]" = field(default_factory=list)
    heard_at: float = 0.0
    dropped: bool = False

    async def run(self) -> None:
        server = self.server
        if not server.talks:
            await asyncio.Event().wait()
        await self.log_in()
        server.holder = self
        kind, body = await self.message()
        if kind != 0x20:
            raise _Hangup
        settings = server.settings = Settings(*struct.unpack_from("<6H", body, 7))
        if server.sol_status:
            return await self.say(bytes([0x21, server.sol_status]) + bytes(21))
        server.sessions += 1
        await self.say(b"\x21\0\0\0\x01\0\0\0" + bytes(15))
        # RTS and DTR are up, the power is on.
        await self.say(struct.pack("<IIBB", 0x29, 0, 3, 4))
        works = [self.to_host(settings), self.from_host(settings)]
        if settings.heartbeat and server.heartbeats:
            works.append(self.beat(settings))
        self.tasks = [asyncio.ensure_future(work) for work in works]
        while True:
            async with asyncio.timeout(settings.rx_timeout / 1000):
                kind, body = await self.message()
            if kind == 0x28:
                await self.keep(body[9:], settings)
            elif kind == 0x2B:
                server.beats.append(asyncio.get_running_loop().time())
            elif kind == 0x24:
                await self.say(b"\x25\0\0\0" + body[3:7])
            elif kind == 0x22:
                await self.say(b"\x23\0\0\0" + body[3:7])
            elif kind == 0x12:
                return
            elif kind != 0x25:
                raise _Hangup

    # -- logging in

    async def log_in(self) -> None:
        server = self.server
        kind, body = await self.message()
        if (kind, body[3:]) != (0x10, b"SOL "):
            raise _Hangup
        status = 2 if server.holder is not None else server.start_status
        if status:
            await self.say(bytes([0x11, status, 0, 0]))
            raise _Hangup
        await self.say(bytes.fromhex("11 00 00 00 01 00 0c 00 57 01 00 00 00"))
        while True:
            kind, body = await self.message()
            how, data = body[3], body[8:]
            if kind != 0x13:
                raise _Hangup
            if how == 0:
                await self.say_login(0, 0, bytes(server.logins))
            elif how not in server.logins:
                await self.say_login(2, how)
            elif how == 1:
                if await self.verdict(how, take(data, 2) == [server.user, server.password]):
                    return
            elif len(take(data, 4)[2]) == 0:
                qop = [b"auth"] if how == 4 else []
                await self.say_login(1, how, give(server.realm, server.nonce, *qop))
            elif await self.verdict(how, self.is_proof(how, data)):
                return

    def is_proof(self, how: int, data: bytes) -> bool:
        server = self.server
        user, realm, nonce, uri, cnonce, nc, proof, *qop = take(data, 8 if how == 4 else 7)
        rest = b":".join([nc, cnonce, *qop, b""]) if qop else b""
        good = digest(server.user, server.password, server.realm, server.nonce, rest)
        told = (user, realm, nonce, uri, proof)
        return told == (server.user, server.realm, server.nonce, URI, good)

    async def verdict(self, how: int, good: bool) -> bool:
        # Wrong is answered with a new challenge where there is one.
        again = give(self.server.realm, self.server.nonce, b"auth") if how == 4 else b""
        await self.say_login(0 if good else 1, how, b"" if good else again)
        return good

    async def say_login(self, status: int, how: int, data: bytes = b"") -> None:
        await self.say(struct.pack("<BBHBI", 0x14, status, 0, how, len(data)) + data)

    # -- the bytes

    async def keep(self, data: bytes, settings: Settings) -> None:
        """What the console says waits in a FIFO for the host; the console waits with it."""
        self.fifo += data
        self.changed.set()
        while len(self.fifo) > FIFO_BYTES:
            if settings.rx_flush == 0:
                raise _Hangup
            self.room.clear()
            try:
                async with asyncio.timeout(settings.rx_flush / 1000):
                    await self.room.wait()
            except TimeoutError:
                if not self.server.flushes:
                    continue
                self.server.flushed_bytes += len(self.fifo)
                self.fifo.clear()
                await self.say(struct.pack("<IIBB", 0x29, 0, 3, 4 | 8))

    async def to_host(self, settings: Settings) -> None:
        while True:
            while self.fifo:
                piece = bytes(self.fifo[:1024])
                del self.fifo[:1024]
                await self.server.uart.write(piece)
                self.room.set()
            self.changed.clear()
            await self.changed.wait()

    async def from_host(self, settings: Settings) -> None:
        """Gathers for `tx_timeout` from the first byte on, or until the buffer is full."""
        uart, gathered = self.server.uart, bytearray()
        while data := await uart.read():
            gathered += data
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(settings.tx_timeout / 1000):
                    while data and len(gathered) < settings.max_tx:
                        gathered += (data := await uart.read())
            while gathered:
                piece = bytes(gathered[: settings.max_tx])
                del gathered[: settings.max_tx]
                await self.say(struct.pack("<IIH", 0x2A, 0, len(piece)) + piece)
        # The test's end of the UART is gone: the end of the story.
        await self.wire.close()

    async def beat(self, settings: Settings) -> None:
        number = 0
        while True:
            await asyncio.sleep(settings.heartbeat / 1000 / self.server.hurry)
            if self.server.heartbeats:
                number += 1
                await self.say(struct.pack("<II", 0x2B, number))

    # -- messages

    async def message(self) -> tuple[int, bytes]:
        """The next one of the console: its type, and what is behind that byte."""
        head = await self.have(1)
        kind = head[0]
        length = {0x10: 8, 0x12: 4, 0x13: 9, 0x20: 24, 0x22: 8, 0x24: 8, 0x25: 8}.get(kind, 8)
        if kind == 0x28:
            length = 10 + struct.unpack_from("<H", await self.have(10), 8)[0]
        elif kind == 0x13:
            length = 9 + struct.unpack_from("<I", await self.have(9), 5)[0]
        elif kind not in (0x10, 0x12, 0x20, 0x22, 0x24, 0x25, 0x2B):
            raise _Hangup
        whole = await self.have(length)
        del self.unread[:length]
        self.server.said.append(whole)
        return kind, whole[1:]

    async def have(self, count: int) -> bytes:
        while len(self.unread) < count:
            data = await self.wire.read()
            if not data:
                raise _Hangup
            self.unread += data
        return bytes(self.unread[:count])

    async def say(self, data: bytes) -> None:
        await self.wire.write(data)

    def drop(self) -> None:
        self.tasks.append(asyncio.ensure_future(self.wire.close()))

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.server.holder is self:
            self.server.holder = None
        await self.wire.close()


def certificate(folder: Path, name: str = "127.0.0.1") -> ssl.SSLContext:
    """A server's context with a new self-signed certificate: `folder`/cert.pem."""
    subject = f"IP:{name}" if name[0].isdigit() else f"DNS:{name}"
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", f"/CN={name}"]
        + ["-addext", f"subjectAltName={subject}"],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context
