"""Ports of the agent's host that lead to the console: both halves, through channels in memory."""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.channels import MemoryOpener
from support.tcp import echo, listening

from guardpost.agent.permits import Permits
from guardpost.agent.policy import decide
from guardpost.aio.channel import Channel
from guardpost.cli.forwards import There
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.services import listen as service
from guardpost.services.action import Action, Verdict
from guardpost.services.asker import Asker
from guardpost.services.forwarding import parse_forward
from guardpost.services.waiting import Waiting


class Host:
    """An agent's services for one console, by what its key may do at that moment."""

    def __init__(self, permit: str = "listen,listen=/") -> None:
        self.permit = permit
        self.waiting = Waiting()
        self.opener = MemoryOpener({"listen": self._listen, "accept": self._accept})

    def asker(self, action: Action) -> Asker:
        return Asker(
            user="ann",
            agent_version="1.0",
            key=b"ann",
            action=action,
            verdict=self.decide(action),
            decide=self.decide,
            consider=self.decide,
            waiting=lambda: self.waiting,
        )

    def decide(self, action: Action) -> Verdict:
        return decide(Permits.parse(self.permit), action)

    async def _listen(self, channel: Channel, request: bytes) -> None:
        asker = self.asker(service.listen_action(request))
        if not asker.verdict.allowed:
            channel.reset(ResetCode.NOT_ALLOWED, asker.verdict.reason)
            return
        await service.serve_listen(channel, request, asker)

    async def _accept(self, channel: Channel, request: bytes) -> None:
        await service.serve_accept(channel, request, self.asker(service.accept_action(request)))


def told(story: Callable[[Host], Awaitable[None]], permit: str = "listen,listen=/") -> None:
    async def run() -> None:
        async with asyncio.timeout(20):
            host = Host(permit)
            async with host.opener:
                await story(host)
            host.waiting.close()

    asyncio.run(run())


class Forwarding:
    """`-R spec` in force."""

    def __init__(self, host: Host, spec: str) -> None:
        self.said: list[str] = []
        self.announced: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        there = There(parse_forward(spec))
        self.work = asyncio.ensure_future(
            there.serve(host.opener, self.announced.set_result, self.said.append)
        )

    async def port(self) -> int:
        first = (await asyncio.shield(self.announced))[0]
        return int(first.split(" of the host")[0].rpartition(":")[2])

    async def end(self) -> None:
        self.work.cancel()
        await asyncio.gather(self.work, return_exceptions=True)


def test_a_connection_to_the_hosts_port_leads_here() -> None:
    async def story(host: Host) -> None:
        async with listening(echo) as here:
            forwarding = Forwarding(host, f"0:127.0.0.1:{here}")
            port = await forwarding.port()

            async def client(number: int) -> None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"%d" % number * 5000)
                writer.write_eof()
                assert await reader.read() == b"%d" % number * 5000
                writer.close()

            await asyncio.gather(*map(client, range(20)))
            await forwarding.end()
            while socket.socket().connect_ex(("127.0.0.1", port)) == 0:
                await asyncio.sleep(0.01)

    told(story)


def test_a_way_that_ends_here_resets_the_client_there() -> None:
    async def story(host: Host) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            forwarding = Forwarding(host, f"0:127.0.0.1:{nobody.getsockname()[1]}")
            reader, writer = await asyncio.open_connection("127.0.0.1", await forwarding.port())
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            assert "refused" in forwarding.said[0]
            await forwarding.end()

    told(story)


@pytest.mark.skipif(sys.platform == "win32", reason="unix sockets")
def test_unix_sockets_at_both_ends(tmp_path: Path) -> None:
    async def story(host: Host) -> None:
        there, here = str(tmp_path / "there"), str(tmp_path / "here")
        server = await asyncio.start_unix_server(echo, here)
        forwarding = Forwarding(host, f"{there}:{here}")
        await asyncio.shield(forwarding.announced)
        reader, writer = await asyncio.open_unix_connection(there)
        writer.write(b"hello")
        writer.write_eof()
        assert await reader.read() == b"hello"
        writer.close()
        await forwarding.end()
        while os.path.exists(there):
            await asyncio.sleep(0.01)
        server.close()

    told(story)


@pytest.mark.parametrize(
    ("permit", "wanted", "code"),
    [
        ("monitor", service.ListenRequest(), ResetCode.NOT_ALLOWED),
        ("listen", service.ListenRequest("*"), ResetCode.NOT_ALLOWED),
        ("listen", service.ListenRequest("0.0.0.0"), ResetCode.NOT_ALLOWED),
        ("listen", service.ListenRequest("localhost.example"), ResetCode.NOT_ALLOWED),
        ("listen", service.ListenRequest(path=b"/tmp/gp-never"), ResetCode.NOT_ALLOWED),
        ("listen=127.0.0.1:8000-8100", service.ListenRequest(port=80), ResetCode.NOT_ALLOWED),
        ("listen=127.0.0.1:8000-8100", service.ListenRequest(port=0), ResetCode.NOT_ALLOWED),
        ("listen=0.0.0.0:*", service.ListenRequest("*"), ResetCode.NOT_ALLOWED),
    ],
)
def test_what_is_not_permitted_never_listens(
    permit: str, wanted: service.ListenRequest, code: ResetCode
) -> None:
    async def story(host: Host) -> None:
        with pytest.raises(ChannelReset) as caught:
            await host.opener.open("listen", msgspec.msgpack.encode(wanted))
        assert caught.value.code is code

    told(story, permit)


def test_a_client_that_is_not_there_any_more_leaves_no_connection_here() -> None:
    async def story(host: Host) -> None:
        ends: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ends.append(await reader.read())
            writer.close()

        async with listening(serve) as here:
            there = There(parse_forward(f"0:127.0.0.1:{here}"))
            with pytest.raises(ChannelReset):
                await there._carry(host.opener, 77)
            while len(ends) < 1:
                await asyncio.sleep(0.01)

    told(story)


def test_loopback_of_which_one_address_is_permitted() -> None:
    async def story(host: Host) -> None:
        channel = await host.opener.open("listen", msgspec.msgpack.encode(service.ListenRequest()))
        reply = msgspec.msgpack.decode(channel.reply, type=service.ListenReply)
        assert [address for address, _ in reply.listening] == ["127.0.0.1"]

    told(story, "listen=127.0.0.1:*")


@pytest.mark.skipif(sys.platform == "win32", reason="unix sockets")
def test_a_link_does_not_lead_out_of_what_is_permitted(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")

    async def story(host: Host) -> None:
        path = os.fsencode(tmp_path / "in" / "link" / "sock")
        with pytest.raises(ChannelReset, match="not permitted"):
            await host.opener.open(
                "listen", msgspec.msgpack.encode(service.ListenRequest(path=path))
            )
        assert not list((tmp_path / "out").iterdir())

    told(story, f"listen={tmp_path}/in")


def test_a_permit_that_is_taken_away_counts_for_the_next_connection() -> None:
    async def story(host: Host) -> None:
        async with listening(echo) as here:
            forwarding = Forwarding(host, f"0:127.0.0.1:{here}")
            port = await forwarding.port()
            host.permit = "monitor"
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            await forwarding.end()

    told(story)


@pytest.mark.parametrize("number", [0, 1, -1, 2**40])
def test_nobody_takes_what_does_not_wait(number: int) -> None:
    async def story(host: Host) -> None:
        with pytest.raises(ChannelReset) as caught:
            await service.accept(host.opener, number)
        assert caught.value.code is ResetCode.NOT_FOUND

    told(story)


@given(st.binary(max_size=60))
def test_any_request_is_an_action_or_an_error(request: bytes) -> None:
    for judge in (service.listen_action, service.accept_action):
        try:
            assert judge(request).verb in ("listen", "accept")
        except RemoteProtocolError:
            pass
