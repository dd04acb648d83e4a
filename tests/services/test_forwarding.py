import asyncio
import contextlib
import functools
import socket

import pytest
from support.channels import MemoryOpener
from support.tcp import echo, listening, nobody_listens

from guardpost.errors import ServiceError, UsageError
from guardpost.services import tunnel
from guardpost.services.forwarding import (
    Forward,
    Forwarder,
    parse_destination,
    parse_forward,
)


@pytest.mark.parametrize(
    ("text", "forward"),
    [
        ("8080:web:80", Forward("", 8080, "web", 80)),
        ("0:web:80", Forward("", 0, "web", 80)),
        ("8080", Forward("", 8080, "127.0.0.1", 8080)),
        ("10.0.0.1:8080:web:80", Forward("10.0.0.1", 8080, "web", 80)),
        ("localhost:8080:web:80", Forward("localhost", 8080, "web", 80)),
        ("*:8080:web:80", Forward("*", 8080, "web", 80)),
        (":8080:web:80", Forward("*", 8080, "web", 80)),
        ("8080:[2001:db8::1]:80", Forward("", 8080, "2001:db8::1", 80)),
        ("[::1]:8080:[fe80::1%eth0]:80", Forward("::1", 8080, "fe80::1%eth0", 80)),
        ("8080:/run/x.sock", Forward("", 8080, "", 0, path="/run/x.sock")),
        ("*:8080:/run/x.sock", Forward("*", 8080, "", 0, path="/run/x.sock")),
        ("/tmp/y:web:80", Forward("", 0, "web", 80, bind_path="/tmp/y")),
        ("/tmp/y:/run/x", Forward("", 0, "", 0, bind_path="/tmp/y", path="/run/x")),
    ],
)
def test_a_forward_is_written_as_for_ssh(text: str, forward: Forward) -> None:
    assert parse_forward(text) == forward


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not a forward"),
        ("0", "0 is not a port"),
        ("web:80", "not a forward"),
        ("8080:web", "not a forward"),
        ("a:b:c:d:e", "not a forward"),
        ("2001:db8::1:80:web:80", "not a forward"),
        ("8080::80", "no host"),
        ("65536:web:80", "65536 is not a port"),
        ("8080:web:0", "0 is not a port"),
        ("8080:web:http", "http is not a port"),
        ("8080:web:-1", "-1 is not a port"),
        ("8080:web:٣", "is not a port"),
        ("[::1:8080:web:80", "brackets"),
        ("8080:[::1]x:80", "brackets"),
        ("8080:web]:80", "brackets"),
        ("/tmp/sock:web", "not a forward"),
        ("/tmp/sock::80", "not a forward"),
        ("/tmp/sock", "not a forward"),
        ("web/x:80:y:80", "not a forward"),
        ("80:a/b:80", "not a forward"),
        ("/a:/b:80", "not a forward"),
    ],
)
def test_what_is_no_forward_is_said_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse_forward(text)


def test_a_destination_is_one_word_or_two() -> None:
    assert parse_destination("web:80") == ("web", 80)
    assert parse_destination("web", "80") == ("web", 80)
    assert parse_destination("[::1]:80") == ("::1", 80)
    assert parse_destination("::1:80") == ("::1", 80)
    assert parse_destination("[::1]", "80") == ("::1", 80)
    for words in (("web",), (":80",), ("web:",), ("web", "http"), ("", "80"), ("web:0",)):
        with pytest.raises(UsageError):
            parse_destination(*words)


class Forwarding:
    """A forwarder whose tunnels are served in this process."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.opener = MemoryOpener({"tcp": tunnel.serve})

    @contextlib.asynccontextmanager
    async def to(self, port: int, bind: str = "", listen: int = 0):  # type: ignore[no-untyped-def]
        tunnels = functools.partial(tunnel.open_tunnel, self.opener)
        forward = Forward(bind, listen, "127.0.0.1", port)
        async with asyncio.timeout(20), self.opener:
            async with Forwarder(tunnels, forward, self.failures.append) as forwarder:
                yield forwarder


def test_many_clients_have_a_tunnel_each() -> None:
    async def story() -> None:
        forwarding = Forwarding()
        async with listening(echo) as port, forwarding.to(port) as forwarder:
            here = forwarder.listening[0][1]

            async def client(number: int) -> None:
                reader, writer = await asyncio.open_connection("127.0.0.1", here)
                writer.write(b"%d" % number * 5000)
                writer.write_eof()
                assert await reader.read() == b"%d" % number * 5000
                writer.close()

            await asyncio.gather(*map(client, range(200)))
            while forwarder.connections:
                await asyncio.sleep(0)
        assert forwarding.failures == []
        assert len(forwarding.opener.opened) == 200

    asyncio.run(story())


def test_port_0_is_chosen_once_for_both_loopback_addresses() -> None:
    async def story() -> None:
        async with Forwarding().to(80) as forwarder:
            assert forwarder.listening[0][0] == "127.0.0.1"
            assert {address for address, _ in forwarder.listening} <= {"127.0.0.1", "::1"}
            assert len({port for _, port in forwarder.listening}) == 1

    asyncio.run(story())


def test_a_refused_tunnel_resets_its_client_and_is_reported() -> None:
    async def story() -> None:
        forwarding = Forwarding()
        with nobody_listens() as port:
            async with forwarding.to(port) as forwarder:
                reader, writer = await asyncio.open_connection(*forwarder.listening[0])
                with pytest.raises(ConnectionResetError):
                    await reader.read()
                writer.close()
                assert forwarder.connections == 0
        (line,) = forwarding.failures
        assert line.endswith(f" to 127.0.0.1:{port}: refused")

    asyncio.run(story())


def test_a_client_that_resets_is_reported_and_resets_its_tunnel() -> None:
    async def story() -> None:
        forwarding = Forwarding()
        ended = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with pytest.raises(ConnectionResetError):
                await reader.read()
            ended.set()
            writer.close()

        async with listening(serve) as port, forwarding.to(port) as forwarder:
            with socket.create_connection(forwarder.listening[0]) as client:
                while not forwarding.opener.consoles:
                    await asyncio.sleep(0)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            await ended.wait()
        assert "went away" in forwarding.failures[0]

    asyncio.run(story())


def test_a_port_in_use_is_a_clear_error() -> None:
    async def story() -> None:
        async with listening(echo) as taken:
            with pytest.raises(ServiceError, match=rf"127.0.0.1:{taken}: Address already in use"):
                async with Forwarding().to(80, listen=taken):
                    pass

    asyncio.run(story())


def test_an_address_that_is_not_ours_is_a_clear_error() -> None:
    async def story() -> None:
        for bind in ("192.0.2.1", "no-such-host.invalid"):
            with pytest.raises(ServiceError, match=f"{bind}:"):
                async with Forwarding().to(80, bind=bind):
                    pass

    asyncio.run(story())
