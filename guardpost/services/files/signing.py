"""The signature of an older version, for who has the newer one."""

import os
from collections.abc import Awaitable, Callable

from guardpost.host.file_errors import FileFailure
from guardpost.services.files.delta import SignatureMaker
from guardpost.services.files.messages import DATA_MAX_BYTES, Signature
from guardpost.services.files.reading import read_at
from guardpost.services.files.steps import in_thread

__all__ = ["send_signature"]

STEP_BYTES = 64 << 10


async def send_signature(
    open_old: Callable[[], Awaitable[int]], send: Callable[[object], Awaitable[None]]
) -> None:
    """Of what cannot be read as much as can be, or nothing. Raises ChannelReset."""
    waiting = b""
    try:
        fd = await open_old()
        maker, position = SignatureMaker(os.fstat(fd).st_size), 0
        while data := await in_thread(read_at, fd, STEP_BYTES, position):
            position += len(data)
            waiting += await in_thread(maker.feed, data)
            while len(waiting) > DATA_MAX_BYTES:
                await send(Signature(waiting[:DATA_MAX_BYTES], False))
                waiting = waiting[DATA_MAX_BYTES:]
    except (OSError, FileFailure):
        pass
    await send(Signature(waiting, True))
