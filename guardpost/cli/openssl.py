"""OpenSSL, which asyncio and hashlib import if it is there, left out where nobody needs it.

That saves an agent or an owner 4.6 MB, and a command that joins an owner a tenth of its time.
BLAKE2s, SHA-256 and HMAC are in the interpreter itself; only a line over TLS would need the rest.
"""

import sys

__all__ = ["leave_out"]


def leave_out() -> None:
    """Import what would bring it along (asyncio, hashlib, hmac), and let it find none.

    Whoever imports ssl afterwards gets it, but asyncio has decided: it makes no TLS connections
    in this process, and hashlib has no scrypt. What was imported before stays as it is.
    """
    hidden = [name for name in _modules() if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        import asyncio  # noqa: F401
        import hashlib  # noqa: F401
        import hmac  # noqa: F401
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
