"""The kernel's own account of which processes begin and end: Linux's process events connector.

A netlink socket (NETLINK_CONNECTOR, CN_IDX_PROC) that only root may listen on, and only
outside of containers. It is the one way to learn how a foreign process ended. Message
layouts: linux/netlink.h, linux/connector.h, linux/cn_proc.h.
"""

import errno
import os
import socket
import struct
import sys
from enum import Enum
from typing import NamedTuple

__all__ = ["Happened", "KernelEvent", "ProcConnector", "parse_message"]

_NETLINK_CONNECTOR = 11
_CN_IDX_PROC = _CN_VAL_PROC = 1
_LISTEN = 1  # PROC_CN_MCAST_LISTEN
_DONE = 3  # NLMSG_DONE
_NETLINK = struct.Struct("=IHHII")  # length, type, flags, seq, pid
_CONNECTOR = struct.Struct("=IIIIHH")  # idx, val, seq, ack, len, flags
_EVENT = struct.Struct("=IIQ")  # what, cpu, timestamp_ns
_HEAD_BYTES = _NETLINK.size + _CONNECTOR.size + _EVENT.size
_FORK, _EXEC, _EXIT = 0x1, 0x2, 0x80000000
_BUFFER_BYTES = 1 << 20
"""What the kernel keeps for us while we do something else: some 4000 events."""
_ANSWER_SECONDS = 1.0


class Happened(Enum):
    ANSWER = "answer"
    FORK = "fork"
    EXEC = "exec"
    EXIT = "exit"


class KernelEvent(NamedTuple):
    happened: Happened
    pid: int = 0
    status: int = 0
    """Of EXIT: as waitpid() gives it. Of ANSWER: 0, or an errno."""


def parse_message(data: bytes) -> KernelEvent | None:
    """None for what is no event of a whole process (threads; user ids; other messages)."""
    if len(data) < _HEAD_BYTES + 8:
        return None
    index, value, *_ = _CONNECTOR.unpack_from(data, _NETLINK.size)
    if (index, value) != (_CN_IDX_PROC, _CN_VAL_PROC):
        return None
    what, _, _ = _EVENT.unpack_from(data, _NETLINK.size + _CONNECTOR.size)
    words = struct.unpack_from(f"={(len(data) - _HEAD_BYTES) // 4}I", data, _HEAD_BYTES)
    if what == 0:
        return KernelEvent(Happened.ANSWER, 0, words[0])
    # A fork tells the parent's pid and group first, the child's after; a thread is no group.
    if what == _FORK and len(words) >= 4 and words[2] == words[3]:
        return KernelEvent(Happened.FORK, words[2])
    if what == _EXEC:
        return KernelEvent(Happened.EXEC, words[1])
    if what == _EXIT and len(words) >= 3 and words[0] == words[1]:
        return KernelEvent(Happened.EXIT, words[0], words[2])
    return None


class ProcConnector:
    """Listens from open() to close(); fileno() is readable when there is something."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    @classmethod
    def open(cls) -> "ProcConnector":
        """Raises OSError when this system has none, or does not let us listen. May take 1 s."""
        if sys.platform != "linux":
            raise OSError(errno.ENOSYS, "only Linux has a process events connector")
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_CONNECTOR)
        try:
            sock.bind((0, _CN_IDX_PROC))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            sock.send(_listen_message())
            _wait_for_answer(sock)
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self, limit: int) -> tuple[list[KernelEvent], bool]:
        """At most about `limit` events that are there, and whether the kernel dropped some."""
        found: list[KernelEvent] = []
        for _ in range(limit):
            try:
                data = self._socket.recv(4096)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                return found, True
            event = parse_message(data)
            if event is not None:
                found.append(event)
        return found, False

    def close(self) -> None:
        self._socket.close()


def _listen_message() -> bytes:
    word = struct.pack("=I", _LISTEN)
    body = _CONNECTOR.pack(_CN_IDX_PROC, _CN_VAL_PROC, 0, 0, len(word), 0) + word
    return _NETLINK.pack(_NETLINK.size + len(body), _DONE, 0, 0, os.getpid()) + body


def _wait_for_answer(sock: socket.socket) -> None:
    """The kernel keeps silent where it does not let us listen, as in a container."""
    import time

    deadline = time.monotonic() + _ANSWER_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            event = parse_message(sock.recv(4096))
        except TimeoutError:
            break
        if event is not None and event.happened is Happened.ANSWER:
            if event.status:
                raise OSError(event.status, os.strerror(event.status))
            sock.setblocking(False)
            return
    raise OSError(errno.EACCES, "the kernel does not answer; in a container it never does")
