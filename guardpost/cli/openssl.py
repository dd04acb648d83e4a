"""OpenSSL, which asyncio and hashlib import if it is there, left out where nobody needs it.

That saves an agent 4.6 MB, and a command that joins an owner a tenth of its time. BLAKE2s, SHA-256
and HMAC are in the interpreter itself; only a line over TLS would have a use for the rest.
"""

import contextlib
import sys
from collections.abc import Iterator

__all__ = ["left_out"]


@contextlib.contextmanager
def left_out() -> Iterator[None]:
    """What is first imported inside the block finds no OpenSSL; afterwards it is there again."""
    hidden = [name for name in _modules() if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def _modules() -> tuple[str, ...]:
    try:
        import _md5  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        # A distribution built Python with OpenSSL's hashes alone; hashlib would log what it lacks.
        return ("ssl",)
    return ("ssl", "_hashlib")
