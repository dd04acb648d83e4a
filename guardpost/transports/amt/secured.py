"""The TLS of an amts: line: whom it trusts, and what it says when it does not."""

import asyncio
import os
import ssl

from guardpost.aio.stream import ByteStream
from guardpost.errors import AuthenticationError, TransportError, UsageError
from guardpost.transports.sockets import connect
from guardpost.transports.target import Target, split_host_port
from guardpost.transports.tls import Untrusted, context_for, start_tls

__all__ = ["secured"]

HANDSHAKE_SECONDS = 10.0


async def secured(target: Target, nobody: str) -> ByteStream:
    """Raises AuthenticationError (not the certificate that is wanted), NoSuchTarget (`nobody` is
    what to say then), TransportError, UsageError (no certificates in the file of `?ca=`).
    """
    fingerprint = target.options.get("fingerprint", "").replace(":", "").lower()
    context = _context(target, pinned=bool(fingerprint))
    wire = await connect(target, nobody=nobody)
    try:
        return await _start_tls(wire, context, target, fingerprint)
    except Untrusted as error:
        found = error.fingerprint or await _fingerprint(target)
        raise AuthenticationError(_advice(target, error, found)) from None


async def _start_tls(
    wire: ByteStream, context: ssl.SSLContext, target: Target, fingerprint: str
) -> ByteStream:
    """As start_tls, of a far end that may never answer."""
    host, _ = split_host_port(target.address)
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            return await start_tls(wire, context, host, name=str(target), fingerprint=fingerprint)
    except TimeoutError:
        raise TransportError(
            f"{target}: something listens there and does not speak TLS; is it amt: where it is "
            "amts:?"
        ) from None


def _context(target: Target, *, pinned: bool) -> ssl.SSLContext:
    ca = target.options.get("ca")
    try:
        return context_for(ca=ca and os.path.expanduser(ca), pinned=pinned)
    except OSError as error:  # an SSLError is one
        empty = isinstance(error, ssl.SSLError)
        reason = "it holds no certificates" if empty else str(error.strerror).lower()
        raise UsageError(f"{target}: ca={ca}: {reason}") from None


def _advice(target: Target, error: Untrusted, found: str) -> str:
    if target.options.get("fingerprint"):
        return (
            f"{target}: its certificate has changed: SHA-256 {found}; find out why before you "
            "put that into ?fingerprint="
        )
    return (
        f"{target}: its certificate is not trusted ({error}); SHA-256 {found}: compare it at the "
        f"machine, then add ?fingerprint={found}, or ?ca=FILE for who signed it"
    )


async def _fingerprint(target: Target) -> str:
    """What a refused certificate's is: asked for anew, since a failed handshake does not show it.

    Nothing is sent over this connection.
    """
    trusting = context_for(pinned=True)
    try:
        await _start_tls(await connect(target), trusting, target, "only to see it")
    except Untrusted as error:
        return error.fingerprint
    except TransportError:
        pass
    return "not shown"
