"""Outgoing: the contents of one thing that is being sent, a file or a stream (`put TARGET - …`)."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

from guardpost.host.descriptors import DescriptorReader
from guardpost.services.files.messages import DIGEST_BYTES
from guardpost.services.files.reading import Reading
from guardpost.services.files.steps import in_thread, stepwise

__all__ = ["FileOutgoing", "Outgoing", "Pace", "StreamOutgoing"]


class Outgoing(Protocol):
    """All raise OSError and FileFailure."""

    @property
    def position(self) -> int: ...

    @property
    def size(self) -> int | None: ...

    async def whole_digest(self) -> bytes: ...

    async def climb(self, rungs: Sequence[tuple[int, bytes]]) -> int:
        """Go to the end of the longest beginning that the receiver has right; returns that."""
        ...

    async def next(self, limit: int) -> bytes | int:
        """Up to `limit` bytes, or the length of a hole; b"" at the end."""
        ...

    async def digest(self) -> bytes:
        """Of all that was read, if it is still what it was."""
        ...

    def close(self) -> None: ...


class FileOutgoing:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.size: int | None = reading.size

    @property
    def position(self) -> int:
        return self._reading.position

    async def whole_digest(self) -> bytes:
        return await stepwise(self._reading.whole_digest())

    async def climb(self, rungs: Sequence[tuple[int, bytes]]) -> int:
        return await stepwise(self._reading.climb(rungs))

    async def next(self, limit: int) -> bytes | int:
        return await in_thread(self._reading.next, limit)

    async def digest(self) -> bytes:
        return await in_thread(self._reading.digest)

    def close(self) -> None:
        self._reading.close()


class StreamOutgoing:
    """`fd` stays the caller's."""

    def __init__(self, fd: int) -> None:
        self._reader = DescriptorReader(fd)
        self._digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        self.position = 0
        self.size: int | None = None

    async def whole_digest(self) -> bytes:
        return b""

    async def climb(self, rungs: Sequence[tuple[int, bytes]]) -> int:
        return 0

    async def next(self, limit: int) -> bytes | int:
        data = await self._reader.read(limit)
        self._digest.update(data)
        self.position += len(data)
        return data

    async def digest(self) -> bytes:
        return self._digest.digest()

    def close(self) -> None:
        """Nothing is ours."""


class Pace:
    """How large the pieces are: a moment of line each, so that progress is seen to move."""

    LEAST, MOST = 2048, 65536
    SHORT_SECONDS, LONG_SECONDS = 0.05, 0.5
    IN_A_ROW = 4  # what is still empty on the way takes some at once

    def __init__(self) -> None:
        self.limit = 4096
        self._short = 0

    def took(self, seconds: float) -> None:
        """A piece of `limit` bytes was taken by the line in so long."""
        self._short = self._short + 1 if seconds < self.SHORT_SECONDS else 0
        if self._short == self.IN_A_ROW:
            self.limit, self._short = min(self.limit * 2, self.MOST), 0
        elif seconds > self.LONG_SECONDS:
            self.limit = max(self.limit // 2, self.LEAST)
