"""LineControl: a unix socket that takes one command a line and answers each with one line."""

import os
import socket
from collections.abc import Callable

from guardpost.errors import UsageError

__all__ = ["LineControl"]

LONGEST_COMMAND_BYTES = 4096


# Windows, where nobody calls this, has no such constant.
_UNIX: int = getattr(socket, "AF_UNIX", 1)


class LineControl:
    """`serve` is called with a descriptor of `descriptors()` that is readable; it never waits."""

    def __init__(self, path: str, command: Callable[[str], str]) -> None:
        """Raises UsageError when `path` cannot be made (or is somebody else's)."""
        self._path = path
        self._command = command
        self._peers: dict[int, tuple[socket.socket, bytearray]] = {}
        self._listener = socket.socket(_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind(path)
        except OSError as error:
            self._listener.close()
            reason = (error.strerror or str(error)).lower()
            raise UsageError(f"{path}: {reason}; give --control another name") from None
        self._listener.listen(4)
        self._listener.setblocking(False)

    def descriptors(self) -> list[int]:
        return [self._listener.fileno(), *self._peers]

    def serve(self, descriptor: int) -> None:
        if descriptor == self._listener.fileno():
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return  # it has left already
            peer.setblocking(False)
            self._peers[peer.fileno()] = (peer, bytearray())
        elif descriptor in self._peers:
            self._read_commands(*self._peers[descriptor])

    def close(self) -> None:
        for peer, _ in list(self._peers.values()):
            self._drop(peer)
        self._listener.close()
        try:
            os.unlink(self._path)
        except OSError:
            pass

    def _read_commands(self, peer: socket.socket, partial: bytearray) -> None:
        try:
            data = peer.recv(LONGEST_COMMAND_BYTES)
        except OSError:
            data = b""
        partial += data
        while b"\n" in partial:
            line, _, rest = bytes(partial).partition(b"\n")
            partial[:] = rest
            self._answer(peer, line.decode("utf-8", "replace"))
        if not data or len(partial) > LONGEST_COMMAND_BYTES:
            self._drop(peer)

    def _answer(self, peer: socket.socket, line: str) -> None:
        try:
            answer = self._command(line)
        except UsageError as error:
            answer = f"error: {error}"
        try:
            peer.sendall(answer.encode() + b"\n")
        except OSError:
            pass  # it has left, which its next read says, or it reads no answers

    def _drop(self, peer: socket.socket) -> None:
        self._peers.pop(peer.fileno(), None)
        peer.close()
