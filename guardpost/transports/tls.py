"""TLS on any ByteStream, with OpenSSL between two memory buffers instead of asyncio's TLS.

A process that left OpenSSL out while asyncio was imported (guardpost/cli/openssl.py) has an asyncio
that makes no TLS connections; this needs none of it, and OpenSSL is loaded with this module, by
whoever opens a line over TLS and by nobody else.
"""

import asyncio
import hashlib
import ssl

from guardpost.aio.stream import ByteStream
from guardpost.errors import AuthenticationError, LineLost, TransportError

__all__ = ["TlsStream", "Untrusted", "context_for", "fingerprint_of", "start_tls"]

READ_BYTES = 16384
"""One TLS record holds no more."""


class Untrusted(AuthenticationError):
    """The far end's certificate is not the wanted one. `fingerprint` is its own, if it is known."""

    def __init__(self, reason: str, fingerprint: str = "") -> None:
        super().__init__(reason)
        self.fingerprint = fingerprint


def context_for(*, ca: str | None = None, pinned: bool = False) -> ssl.SSLContext:
    """What a connection trusts: the file `ca`, or the system's authorities; with `pinned` neither,
    since the fingerprint decides. TLS 1.2 or newer.

    Raises OSError (no such file) and ssl.SSLError (no certificates in it).
    """
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if pinned:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def fingerprint_of(certificate: bytes | None) -> str:
    """SHA-256 of a certificate as it crossed the wire, 64 hex digits."""
    return hashlib.sha256(certificate or b"").hexdigest()


async def start_tls(
    wire: ByteStream, context: ssl.SSLContext, host: str, *, name: str, fingerprint: str = ""
) -> "TlsStream":
    """Shake hands as the client of `host`; `fingerprint`, if given, must be the certificate's.
    `name` is what errors call the line.

    The stream owns `wire` then. Raises Untrusted, TransportError (no TLS there), LineLost; `wire`
    is closed in each case.
    """
    try:
        stream = TlsStream(wire, context, host, name)
        await stream.shake_hands()
        found = fingerprint_of(stream.certificate)
        if fingerprint and found != fingerprint:
            raise Untrusted("its certificate is another than the pinned one", found)
    except BaseException:
        await wire.close()
        raise
    return stream


class TlsStream:
    """A ByteStream inside another one."""

    def __init__(self, wire: ByteStream, context: ssl.SSLContext, host: str, name: str) -> None:
        self.name = name
        self.transparent = wire.transparent
        self._wire = wire
        self._came = ssl.MemoryBIO()
        self._goes = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._goes, server_hostname=host)
        self._writing = asyncio.Lock()

    @property
    def certificate(self) -> bytes | None:
        """The far end's, as DER."""
        return self._tls.getpeercert(binary_form=True)

    async def shake_hands(self) -> None:
        """Raises Untrusted, TransportError, LineLost."""
        try:
            await self._shake_hands()
        except LineLost:
            raise LineLost(
                f"{self.name} hung up while TLS was being set up; does it speak TLS?"
            ) from None

    async def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
                return await self._flush()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as error:
                await self._say_why()
                raise Untrusted(error.verify_message) from None
            except ssl.SSLError as error:
                await self._say_why()
                raise TransportError(f"{self.name}: no TLS: {_reason(error)}") from None
            await self._flush()
            if not await self._fill():
                raise LineLost(self.name)

    async def read(self) -> bytes:
        while True:
            try:
                return self._tls.read(READ_BYTES)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLError as error:
                raise LineLost(f"{self.name}: TLS failed: {_reason(error)}") from None
            # A new key of the far end's may want an answer.
            await self._flush()
            if not await self._fill():
                return b""

    async def write(self, data: bytes) -> None:
        if data:
            try:
                self._tls.write(data)
            except ssl.SSLError as error:
                raise LineLost(f"{self.name}: TLS failed: {_reason(error)}") from None
            await self._flush()

    async def close(self) -> None:
        try:
            self._tls.unwrap()
        except (ssl.SSLError, ValueError):
            pass  # it has said goodbye; nobody waits for the answer
        if not self._writing.locked():
            await self._say_why()
        await self._wire.close()

    async def _fill(self) -> bool:
        """False at the end of the wire."""
        data = await self._wire.read()
        if data:
            self._came.write(data)
        else:
            self._came.write_eof()
        return bool(data)

    async def _flush(self) -> None:
        async with self._writing:
            if self._goes.pending:
                await self._wire.write(self._goes.read())

    async def _say_why(self) -> None:
        """Send what TLS still says about its end, if that goes at once."""
        try:
            async with asyncio.timeout(0.5):
                await self._flush()
        except (LineLost, TimeoutError):
            pass


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")
