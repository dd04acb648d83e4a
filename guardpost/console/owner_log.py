"""The owner's log beside its socket: two files of bounded size, the older one ends in .1."""

import os
import time

from guardpost.termsafe import safe_text

__all__ = ["LOG_BYTES", "OwnerLog"]

LOG_BYTES = 262144


class OwnerLog:
    """Lines with their time. What cannot be written is not worth a session."""

    def __init__(self, path: str, limit: int = LOG_BYTES) -> None:
        self._path = path
        self._limit = limit

    def __call__(self, line: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, f"{stamp} {safe_text(line)}\n".encode())
                size = os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)
            if size > self._limit:
                os.replace(self._path, f"{self._path}.1")
        except OSError:
            pass
