"""amts: whom a line trusts, and that it needs no TLS of the asyncio that is there."""

import asyncio
import contextlib
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.amt_server import AmtServer, certificate
from support.memory_line import MemoryLine
from support.tools import ROOT
from support.virtual_time import run_virtual

from guardpost.errors import AuthenticationError, GuardpostError, TransportError, UsageError
from guardpost.transports import open_target
from guardpost.transports.target import parse_target


async def password() -> str:
    return "P@ssw0rd"


@contextlib.asynccontextmanager
async def firmware(folder: Path, name: str = "127.0.0.1") -> AsyncIterator[tuple[AmtServer, int]]:
    uart = MemoryLine()
    server = AmtServer(await uart.open("a"))
    async with server.listening(certificate(folder, name)) as port:
        yield server, port


def fingerprint(folder: Path) -> str:
    """As openssl prints it: colons and capitals."""
    words = ["openssl", "x509", "-in", folder / "cert.pem", "-noout", "-fingerprint", "-sha256"]
    printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return printed.strip().partition("=")[2]


def opened(folder: Path, options: str, name: str = "127.0.0.1") -> None:
    """Open a line to firmware of that name with these options, and let go. Raises what it does."""

    async def story() -> None:
        async with firmware(folder, name) as (server, port):
            filled = options.format(folder=folder, fingerprint=fingerprint(folder))
            try:
                line = await open_target(parse_target(f"amts:127.0.0.1:{port}{filled}"), password)
                await line.close()
            except GuardpostError:
                assert server.said == []  # not one byte of a login
                raise
            assert server.sessions == 1

    asyncio.run(story())


def test_a_pinned_certificate_is_enough(tmp_path: Path) -> None:
    opened(tmp_path, "?fingerprint={fingerprint}", name="some.other.name")


def test_another_certificate_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError, match="has changed") as raised:
        opened(tmp_path, f"?fingerprint={'00' * 32}")
    assert fingerprint(tmp_path).replace(":", "").lower() in str(raised.value)


def test_a_certificate_signed_by_the_given_authority_is_enough(tmp_path: Path) -> None:
    opened(tmp_path, "?ca={folder}/cert.pem")


def test_the_authority_s_word_for_another_name_is_not(tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError, match="mismatch"):
        opened(tmp_path, "?ca={folder}/cert.pem", name="some.other.name")


def test_an_unknown_certificate_is_refused_and_shown_ready_to_pin(tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError, match="not trusted") as raised:
        opened(tmp_path, "")
    found = re.search(r"\?fingerprint=(\w{64})", str(raised.value))
    assert found is not None
    assert found[1] == fingerprint(tmp_path).replace(":", "").lower()


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(UsageError, match=r"empty\.pem"):
        opened(tmp_path, "?ca={folder}/empty.pem")
    with pytest.raises(UsageError, match=r"none\.pem: no such file"):
        opened(tmp_path, "?ca={folder}/none.pem")


def test_firmware_that_is_silent_when_asked_again_for_its_certificate_keeps_nobody_waiting(
    tmp_path: Path,
) -> None:
    """It serves few at a time. The first handshake shows a certificate that is refused."""

    async def relay(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(4096):
            sink.write(data)
        sink.close()

    async def story() -> None:
        async with firmware(tmp_path) as (_, port):
            came = 0

            async def once(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
                nonlocal came
                came += 1
                if came == 1:
                    far, forth = await asyncio.open_connection("127.0.0.1", port)
                    await asyncio.gather(relay(near, forth), relay(far, back))
                else:
                    await near.read()
                    back.close()

            server = await asyncio.start_server(once, "127.0.0.1", 0)
            place = server.sockets[0].getsockname()
            with pytest.raises(AuthenticationError, match="SHA-256 not shown"):
                await open_target(parse_target(f"amts:127.0.0.1:{place[1]}"), password)
            assert came == 2
            server.close()

    run_virtual(story())


def test_amt_without_tls_is_told_apart() -> None:
    async def story() -> None:
        uart = MemoryLine()
        server = AmtServer(await uart.open("a"))
        async with server.listening() as port:
            with pytest.raises(TransportError, match=r"hung up .* does it speak TLS"):
                await open_target(parse_target(f"amts:127.0.0.1:{port}"), password)

    asyncio.run(story())


def test_tls_that_speaks_to_amt_without_tls_s_end_is_told_apart(tmp_path: Path) -> None:
    """amt: where it is amts:."""

    async def story() -> None:
        async with firmware(tmp_path) as (_, port):
            with pytest.raises(TransportError, match="ith TLS it is amts:"):
                await open_target(parse_target(f"amt:127.0.0.1:{port}"), password)

    asyncio.run(story())


LEFT_OUT = """
import sys
from guardpost.cli import openssl
openssl.leave_out()
import asyncio, asyncio.sslproto
assert asyncio.sslproto.ssl is None, "asyncio has TLS after all"
assert "ssl" not in sys.modules
from guardpost.transports import open_target
from guardpost.transports.target import parse_target

async def password():
    return "P@ssw0rd"

async def story():
    line = await open_target(parse_target(sys.argv[1]), password)
    print("ssl" in sys.modules, type(line).__name__)
    await line.close()

asyncio.run(story())
"""


@pytest.mark.parametrize(("scheme", "loaded"), [("amts", "True"), ("amt", "False")])
def test_a_process_that_left_openssl_out_loads_it_for_amts_alone(
    tmp_path: Path, scheme: str, loaded: str
) -> None:
    async def story() -> None:
        uart = MemoryLine()
        server = AmtServer(await uart.open("a"))
        tls = certificate(tmp_path) if scheme == "amts" else None
        async with server.listening(tls) as port:
            pin = f"?fingerprint={fingerprint(tmp_path)}" if tls else ""
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", LEFT_OUT, f"{scheme}:127.0.0.1:{port}{pin}"),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=ROOT,
            )
            out, err = await child.communicate()
            assert (out.decode().split(), err) == ([loaded, "AmtStream"], b"")

    asyncio.run(story())
