"""What crosses the control socket between a command and the process that owns its line.

A record is `kind u8, length u32 (little endian)` and that many bytes. One connection is a command's
control (JOIN and what belongs to all of it), every other one a channel (OPEN, then its bytes), so
that a channel's back-pressure is its own socket's. Control payloads are JSON.
"""

import asyncio
import json
import socket
import struct
import sys
from typing import Any

__all__ = ["ACCEPTED", "AF_UNIX", "ANSWER", "BESIDE", "BREAK", "BROKEN", "CHECK", "CLOSE", "DATA"]
__all__ += ["ENDED", "EOF", "FAILED", "FIGURES", "JOIN", "JOINED", "OPEN", "QUESTION", "RESET"]
__all__ += ["ROOM", "STATUS", "STOP", "TAP", "TELL", "UNIT", "VERSION", "RecordSocket", "decode"]
__all__ += ["encode", "pack_open", "pack_reset", "pack_unit", "unpack_open", "unpack_reset"]
__all__ += ["unpack_unit"]

VERSION = 1

# Command to owner, on the control connection.
JOIN, CHECK, STOP, ANSWER, FIGURES = 1, 2, 3, 4, 5
# Command to owner, each the first on a connection of its own: what the line says beside the
# session, with BREAK and DATA (typed) after it; every unit that crosses the line.
BESIDE, BREAK, TAP = 6, 7, 8
# Owner to command, on the control connection; TELL also on that of BESIDE.
JOINED, FAILED, QUESTION, TELL, BROKEN, ENDED, STATUS, ROOM = 17, 18, 19, 20, 21, 22, 23, 24
UNIT = 25  # on a TAP's connection: time f64, then as guardpost.console.capture
# On the connection of a channel, OPEN and CLOSE from the command, ACCEPTED from the owner.
OPEN, ACCEPTED, DATA, EOF, RESET, CLOSE = 32, 33, 34, 35, 36, 37

_HEADER = struct.Struct("<BI")
_OPEN = struct.Struct("<IIBB")
_RESET = struct.Struct("<IH")
_WHEN = struct.Struct("<d")
_INTERACTIVE, _COMPRESS = 1, 2
_READ_BYTES = 131072
_RECORD_MAX_BYTES = 1 << 20
_UNSENT_MAX_BYTES = 4 << 20


if sys.platform != "win32":
    AF_UNIX = socket.AF_UNIX

    def _send_both(sock: socket.socket, header: bytes, payload: bytes) -> int:
        return sock.sendmsg((header, payload))

else:
    AF_UNIX = 1  # nobody gets as far as using it

    def _send_both(sock: socket.socket, header: bytes, payload: bytes) -> int:
        return sock.send(header + payload)


class RecordSocket:
    """A connected socket that carries records. One receiver and one sender at a time."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._fd = sock.fileno()
        self._received = b""
        self._left = 0  # of the DATA record that is being received
        self._readable: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._posted = bytearray()

    # --- receiving ---

    async def receive(self) -> tuple[int, bytes] | None:
        """The next record, a DATA record in as many pieces as it came in; None at the end."""
        while True:
            if self._left:
                piece = self._take(self._left) or await self._read(min(self._left, _READ_BYTES))
                self._left -= len(piece)
                return (DATA, piece) if piece else None
            if not await self._fill(_HEADER.size):
                return None
            kind, length = _HEADER.unpack(self._take(_HEADER.size))
            if kind == DATA:
                self._left = length
            elif length > _RECORD_MAX_BYTES or not await self._fill(length):
                return None
            else:
                return kind, self._take(length)

    def _take(self, limit: int) -> bytes:
        taken, self._received = self._received[:limit], self._received[limit:]
        return taken

    async def _fill(self, needed: int) -> bool:
        while len(self._received) < needed:
            data = await self._read(_READ_BYTES)
            if not data:
                return False
            self._received += data
        return True

    async def _read(self, limit: int) -> bytes:
        while not self.closed:
            try:
                return self.socket.recv(limit)
            except BlockingIOError:
                pass
            except OSError:
                break
            self._readable = self._loop.create_future()
            self._loop.add_reader(self._fd, _wake, self._readable)
            try:
                await self._readable
            finally:
                if not self.closed:
                    self._loop.remove_reader(self._fd)
        return b""

    # --- sending ---

    async def send(self, kind: int, payload: bytes = b"") -> None:
        """Waits until the operating system took it. Raises ConnectionError."""
        try:
            sent = _send_both(self.socket, _HEADER.pack(kind, len(payload)), payload)
        except BlockingIOError:
            sent = 0
        except OSError:
            raise ConnectionError("the control socket is closed") from None
        if sent < _HEADER.size + len(payload):
            view = memoryview(_HEADER.pack(kind, len(payload)) + payload)
            await self._send_rest(view[sent:])

    async def _send_rest(self, view: memoryview) -> None:
        while view:
            await self._wait_writable()
            try:
                view = view[self.socket.send(view) :]
            except BlockingIOError:
                continue
            except OSError:
                raise ConnectionError("the control socket is closed") from None

    async def _wait_writable(self) -> None:
        if self.closed:
            raise ConnectionError("the control socket is closed")
        self._writable = self._loop.create_future()
        self._loop.add_writer(self._fd, _wake, self._writable)
        try:
            await self._writable
        finally:
            self._writable = None
            if not self.closed:
                self._loop.remove_writer(self._fd)

    def post(self, kind: int, payload: bytes = b"") -> None:
        """Send without waiting; not beside send(). A peer that reads none of it is cut off."""
        if self.closed or self._writable is not None:
            return
        self._posted += _HEADER.pack(kind, len(payload)) + payload
        self._push()
        if len(self._posted) > _UNSENT_MAX_BYTES:
            self.close()

    def _push(self) -> None:
        try:
            del self._posted[: self.socket.send(self._posted)]
        except BlockingIOError:
            pass
        except OSError:
            self._posted.clear()
        if self._posted:
            self._loop.add_writer(self._fd, self._push)
        else:
            self._loop.remove_writer(self._fd)

    @property
    def unsent(self) -> int:
        """How many posted bytes wait."""
        return len(self._posted)

    def stop_receiving(self) -> None:
        """Whoever sends to us gets an error; what we send still goes through."""
        if not self.closed:
            try:
                self.socket.shutdown(socket.SHUT_RD)
            except OSError:
                pass

    def close(self) -> None:
        """May be called twice; a receiver that waits gets the end."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self.socket.close()
        for waiter in (self._readable, self._writable):
            if waiter is not None:
                _wake(waiter)


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


def encode(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def decode(payload: bytes) -> dict[str, Any]:
    """What encode() made; empty for anything else."""
    try:
        found = json.loads(payload)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def pack_open(
    user: int, number: int, service: str, request: bytes, *, interactive: bool, compress: bool
) -> bytes:
    flags = _INTERACTIVE * interactive | _COMPRESS * compress
    name = service.encode()
    return _OPEN.pack(user, number, flags, len(name)) + name + request


def unpack_open(payload: bytes) -> tuple[int, int, str, bytes, bool, bool]:
    """(user, number, service, request, interactive, compress). Raises ValueError."""
    if len(payload) < _OPEN.size:
        raise ValueError("a cut OPEN")
    user, number, flags, length = _OPEN.unpack_from(payload)
    end = _OPEN.size + length
    service = payload[_OPEN.size : end].decode()
    return user, number, service, payload[end:], bool(flags & 1), bool(flags & 2)


def pack_unit(when: float, unit: bytes) -> bytes:
    """`when` in seconds since 1970."""
    return _WHEN.pack(when) + unit


def unpack_unit(payload: bytes) -> tuple[float, bytes]:
    """(when, unit). Raises ValueError."""
    if len(payload) < _WHEN.size:
        raise ValueError("a cut UNIT")
    return _WHEN.unpack_from(payload)[0], payload[_WHEN.size :]


def pack_reset(number: int, code: int, text: str) -> bytes:
    return _RESET.pack(number, code) + text.encode(errors="replace")


def unpack_reset(payload: bytes) -> tuple[int, int, str]:
    """(channel's number, code, text). Raises ValueError."""
    if len(payload) < _RESET.size:
        raise ValueError("a cut RESET")
    number, code = _RESET.unpack_from(payload)
    return number, code, payload[_RESET.size :].decode(errors="replace")
