"""Unix sockets that listen under a path: for their owner, and nobody else's name is touched.

A folder is held while something is done in it, and a socket is known by its inode: names may
change hands at any moment.
"""

import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import Callable

from guardpost.host.held import held
from guardpost.host.listening import BACKLOG, CannotListen

__all__ = ["PathSocket", "listen_on_path", "unlink_socket"]


class PathSocket(socket.socket):
    """One that listen_on_path() made."""

    path: bytes = b""
    """Its folder resolved."""
    identity: tuple[int, int] = (0, 0)
    """Device and inode, which are nobody else's while it is open."""


def listen_on_path(path: str, judge: Callable[[bytes], bool] = lambda real: True) -> PathSocket:
    """A unix socket that only its owner may use (0600).

    One of ours that nobody listens on any more is replaced; nothing else ever is. `judge` says
    whether that path, its folder resolved, may be had. Raises CannotListen.
    """
    if sys.platform == "win32":
        raise CannotListen(f"{path}: there are no unix sockets on Windows; give a TCP port")
    folder, name = os.path.split(os.fsencode(path))
    made = PathSocket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with held(folder or b".") as there:
            made.path = os.path.join(there.real, name)
            if not judge(made.path):
                raise CannotListen("listen to this socket is not permitted")
            _bind(made, os.path.join(there.via, name))
        made.listen(BACKLOG)
        made.setblocking(False)
    except (OSError, ValueError) as error:
        unlink_socket(made)
        made.close()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise CannotListen(f"{path}: {reason}; choose another path") from None
    except BaseException:
        made.close()
        raise
    return made


def unlink_socket(listener: socket.socket) -> None:
    """Take away the name of one that listened on a path, if it is still its own."""
    if not isinstance(listener, PathSocket):
        return
    with contextlib.suppress(OSError):
        if _identity(os.lstat(listener.path)) == listener.identity:
            os.unlink(listener.path)


if sys.platform == "win32":

    def _bind(made: PathSocket, path: bytes) -> None:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))

else:

    def _bind(made: PathSocket, path: bytes) -> None:
        _remove_stale(path)
        # Linux makes the file as the socket is (unix(7)): at no moment is it anybody else's.
        with contextlib.suppress(OSError):
            os.fchmod(made.fileno(), 0o600)
        made.bind(path)
        found = os.lstat(path)
        made.identity = _identity(found)
        if stat.S_IMODE(found.st_mode) & 0o077:
            # Elsewhere: nobody can connect before listen().
            os.chmod(path, 0o600)

    def _remove_stale(path: bytes) -> None:
        try:
            fd = os.open(path, getattr(os, "O_PATH", os.O_RDONLY) | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            found = os.fstat(fd)
            if not stat.S_ISSOCK(found.st_mode):
                raise OSError(errno.EEXIST, "something else has that name")
            if found.st_uid != os.geteuid() or _is_in_use(fd, path):
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            # What has taken its place meanwhile stays, and bind() says that it is there.
            if _identity(os.lstat(path)) == _identity(found):
                os.unlink(path)
        finally:
            os.close(fd)

    def _is_in_use(fd: int, path: bytes) -> bool:
        """Whether somebody listens on the socket that `fd` stands for. Raises OSError."""
        via = b"/proc/self/fd/%d" % fd
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as tried:
            tried.setblocking(False)  # one whose queue is full listens as well
            try:
                tried.connect(via if os.path.exists(via) else path)
            except BlockingIOError:
                return True
            except ConnectionRefusedError:
                return False
        return True


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
