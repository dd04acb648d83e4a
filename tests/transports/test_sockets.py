"""tcp: and unix:, dialled and listened for: one peer at a time, nothing foreign destroyed."""

import asyncio
import contextlib
import os
import resource
import socket
import stat
import time
from pathlib import Path

import pytest
from support.virtual_time import run_virtual

from guardpost.errors import LineBusy, LineLost, NoSuchTarget, TransportError
from guardpost.transports import open_url
from guardpost.transports.sockets import open_listener
from guardpost.transports.target import parse_target


def opened(target: str) -> None:
    async def story() -> None:
        stream = await open_url(target)
        await stream.close()

    asyncio.run(story())


def test_nobody_listening_is_no_such_target(tmp_path: Path) -> None:
    with pytest.raises(NoSuchTarget, match="nobody listens"):
        opened(f"unix:{tmp_path}/none")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(NoSuchTarget, match="nobody listens"):
            opened(f"tcp:127.0.0.1:{sock.getsockname()[1]}")


@pytest.mark.parametrize("host", ["a" * 70, ".."])
def test_what_is_no_host_is_no_such_target(host: str) -> None:
    for scheme in ("tcp", "telnet"):
        with pytest.raises(NoSuchTarget, match="no host of that name"):
            opened(f"{scheme}:{host}:22")


def test_an_address_that_never_answers_is_given_up() -> None:
    """A listener whose queue is full drops what asks: as an address behind which nobody is."""

    async def story(port: int) -> float:
        began_at = asyncio.get_running_loop().time()
        with pytest.raises(TransportError, match=r"no answer within 10 s; check the address"):
            await open_url(f"tcp:127.0.0.1:{port}")
        return asyncio.get_running_loop().time() - began_at

    with socket.socket() as listener, socket.socket() as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        assert 10 <= run_virtual(story(listener.getsockname()[1])) < 11


def test_an_address_in_use_is_busy(tmp_path: Path) -> None:
    async def story(target: str) -> None:
        first = await open_listener(parse_target(target))
        again = parse_target(first.address.replace(":", "-listen:", 1))
        with pytest.raises(LineBusy, match="in use"):
            await open_listener(again)
        first.close()
        second = await open_listener(again)
        second.close()

    asyncio.run(story("tcp-listen:0"))
    asyncio.run(story(f"unix-listen:{tmp_path}/line"))


def test_a_stale_socket_is_replaced_and_a_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "line"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async def story() -> None:
        listener = await open_listener(parse_target(f"unix-listen:{path}"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        listener.close()
        assert not path.exists()
        path.write_text("precious")
        with pytest.raises(LineBusy):
            await open_listener(parse_target(f"unix-listen:{path}"))
        assert path.read_text() == "precious"

    asyncio.run(story())


@pytest.mark.parametrize("scheme", ["tcp", "unix"])
def test_a_listener_has_one_peer_at_a_time(scheme: str, tmp_path: Path) -> None:
    async def story() -> None:
        place = "0" if scheme == "tcp" else f"{tmp_path}/line"
        listener = await open_listener(parse_target(f"{scheme}-listen:{place}"))
        first = await open_url(listener.address)
        line = await listener.accept()
        second = await open_url(listener.address)
        assert await second.read() == b""  # shown out; the first one does not notice
        await first.write(b"still here")
        assert await line.read() == b"still here"
        await first.close()
        assert await line.read() == b""
        await line.close()
        third = await open_url(listener.address)
        line = await listener.accept()
        await line.write(b"welcome")
        assert await third.read() == b"welcome"
        listener.close()
        with pytest.raises(LineLost):
            await listener.accept()
        for stream in (line, third, second):
            await stream.close()

    asyncio.run(story())


def test_a_listening_target_opens_with_its_first_peer(tmp_path: Path) -> None:
    async def story() -> None:
        for _ in range(2):  # and can be opened again after that
            opening = asyncio.create_task(open_url(f"unix-listen:{tmp_path}/line"))
            while not (tmp_path / "line").exists():
                await asyncio.sleep(0)
            peer = await open_url(f"unix:{tmp_path}/line")
            line = await opening
            await peer.write(b"x")
            assert await line.read() == b"x"
            await line.close()
            await peer.close()
            assert not (tmp_path / "line").exists()

    asyncio.run(story())


def test_listening_descriptors_do_not_leak(tmp_path: Path) -> None:
    async def story() -> None:
        before = len(os.listdir("/proc/self/fd"))
        listener = await open_listener(parse_target(f"unix-listen:{tmp_path}/line"))
        peer = await open_url(listener.address)
        for _ in range(5):
            await asyncio.sleep(0)
        listener.close()  # with a peer that nobody has accepted
        assert await peer.read() == b""
        await peer.close()
        assert len(os.listdir("/proc/self/fd")) == before

    asyncio.run(story())


def test_a_full_file_table_does_not_make_a_listener_spin(tmp_path: Path) -> None:
    async def story() -> None:
        listener = await open_listener(parse_target(f"unix-listen:{tmp_path}/line"))
        peer = socket.socket(socket.AF_UNIX)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        taken: list[int] = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
        try:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(os.dup(0))
            peer.connect(f"{tmp_path}/line")
            worked = time.process_time()
            await asyncio.sleep(0.5)
            assert time.process_time() - worked < 0.25
        finally:
            for fd in taken:
                os.close(fd)
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        async with asyncio.timeout(30):
            line = await listener.accept()
        await line.close()
        listener.close()
        peer.close()

    asyncio.run(story())


# --- the last bytes ---


def test_a_close_waits_until_the_peer_has_read_and_closed(tmp_path: Path) -> None:
    async def story() -> None:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"{tmp_path}/s")
            listening.listen()
            line = await open_url(f"unix:{tmp_path}/s")
            peer, _ = listening.accept()
        with peer:
            await line.write(b"goodbye")
            peer.send(b"not read by anybody")
            closing = asyncio.ensure_future(line.close())
            await asyncio.sleep(0.1)
            assert not closing.done()
            assert peer.recv(100) == b"goodbye"
            assert peer.recv(100) == b""
        await closing

    run_virtual(story())


@pytest.mark.parametrize("is_flooding", [False, True])
def test_a_peer_that_goes_on_is_left(tmp_path: Path, is_flooding: bool) -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                writer.write(b"\0" * 65536)
                await writer.drain()

    async def story() -> None:
        came: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
        server = await asyncio.start_unix_server(
            lambda _, writer: came.set_result(writer), f"{tmp_path}/s"
        )
        line = await open_url(f"unix:{tmp_path}/s")
        peer = await came
        flooding = asyncio.ensure_future(flood(peer)) if is_flooding else None
        async with asyncio.timeout(20):
            await line.close()
        if flooding is not None:
            await flooding
        peer.close()
        server.close()

    asyncio.run(story())
