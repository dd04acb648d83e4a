"""TLS inside a ByteStream, the far end a real OpenSSL of asyncio's.

What it does as a line: tests/transports/test_conformance.py; whom amts: trusts:
tests/transports/amt/test_secured.py.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from support.amt_server import certificate
from support.memory_line import MemoryLine

from guardpost.errors import LineLost, TransportError
from guardpost.transports import open_url
from guardpost.transports.tls import TlsStream, Untrusted, context_for, fingerprint_of, start_tls

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def far_end(speak: Speak, tls: ssl.SSLContext | None) -> AsyncIterator[str]:
    """Its address."""
    server = await asyncio.start_server(speak, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def tls_to(address: str, *, fingerprint: str = "") -> TlsStream:
    context = context_for(pinned=True)
    wire = await open_url(address)
    return await start_tls(wire, context, "web01", name="the line", fingerprint=fingerprint)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_carry_bytes_both_ways(tmp_path: Path, version: ssl.TLSVersion) -> None:
    async def story() -> None:
        tls = certificate(tmp_path)
        tls.maximum_version = version
        async with far_end(echo, tls) as address:
            line = await tls_to(address)
            much, seen = bytes(range(256)) * 2000, bytearray()
            writing = asyncio.ensure_future(line.write(much))
            while len(seen) < len(much):
                seen += await line.read()
            await writing
            assert bytes(seen) == much
            assert line.certificate is not None
            await line.close()
            await line.close()
            assert await line.read() == b""

    asyncio.run(story())


def test_a_far_end_that_says_goodbye_has_ended_the_line(tmp_path: Path) -> None:
    async def bye(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"last words")
        writer.close()

    async def story() -> None:
        async with far_end(bye, certificate(tmp_path)) as address:
            line = await tls_to(address)
            assert await line.read() == b"last words"
            assert await line.read() == b""
            await line.close()

    asyncio.run(story())


def test_what_speaks_no_tls_is_said_to(tmp_path: Path) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")

    async def mute(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def story() -> None:
        async with far_end(plain, None) as address:
            with pytest.raises(TransportError, match="the line: no TLS: wrong version number"):
                await tls_to(address)
        async with far_end(mute, None) as address:
            with pytest.raises(LineLost, match="hung up while TLS was being set up"):
                await tls_to(address)

    asyncio.run(story())


def test_bytes_that_were_changed_on_the_way_end_the_line(tmp_path: Path) -> None:
    """A man in the middle who flips a bit of what the far end says."""

    async def story() -> None:
        async with far_end(echo, certificate(tmp_path)) as address:
            wire, middle = MemoryLine(), await open_url(address)
            near, far = await wire.open("a"), await wire.open("b")
            flips = False

            async def there() -> None:
                while data := await far.read():
                    await middle.write(data)

            async def back() -> None:
                while data := await middle.read():
                    await far.write(data[:-1] + bytes([data[-1] ^ flips]))

            relaying = [asyncio.ensure_future(there()), asyncio.ensure_future(back())]
            line = await start_tls(near, context_for(pinned=True), "web01", name="the line")
            await line.write(b"hello")
            assert await line.read() == b"hello"
            flips = True
            await line.write(b"hello")
            with pytest.raises(LineLost, match="the line: TLS failed"):
                await line.read()
            await line.close()
            await middle.close()
            await asyncio.gather(*relaying, return_exceptions=True)

    asyncio.run(story())


def test_the_fingerprint_decides_before_a_byte_is_sent(tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())

    async def story() -> None:
        async with far_end(listen, certificate(tmp_path)) as address:
            with pytest.raises(Untrusted) as raised:
                await tls_to(address, fingerprint="00" * 32)
            line = await tls_to(address, fingerprint=raised.value.fingerprint)
            assert fingerprint_of(line.certificate) == raised.value.fingerprint
            await line.close()

    asyncio.run(story())
    assert b"".join(heard) == b""


def test_the_fingerprint_is_the_sha_256_of_the_whole_certificate() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert fingerprint_of(b"") == fingerprint_of(None) == empty
