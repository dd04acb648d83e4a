"""exec: a command is a line; what it leaves behind, says and ends with is taken care of."""

import asyncio
import socket
import sys
from pathlib import Path

import pytest

from guardpost.aio.stream import Wait, pump
from guardpost.errors import LineLost, NoSuchTarget, TransportError
from guardpost.transports import open_url


def opened(target: str) -> None:
    async def story() -> None:
        stream = await open_url(target)
        await stream.close()

    asyncio.run(story())


def test_a_command_that_is_not_there_is_no_such_target() -> None:
    with pytest.raises(NoSuchTarget, match="no program 'no-such-program'"):
        opened("exec:no-such-program --now")


def test_a_command_that_may_not_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("not a program")
    with pytest.raises(TransportError, match="cannot be started: permission denied"):
        opened(f"exec:{tmp_path}/tool")


def test_a_command_that_fails_ends_the_line_with_its_status() -> None:
    async def story() -> None:
        line = await open_url("exec:sh -c 'echo hello; exit 3'")
        assert await line.read() == b"hello\n"
        with pytest.raises(LineLost, match="ended with status 3"):
            await line.read()
        await line.close()
        line = await open_url("exec:true")
        assert await line.read() == b""
        await line.close()

    asyncio.run(story())


def test_closing_ends_all_that_the_command_started() -> None:
    async def story() -> None:
        line = await open_url("exec:sh -c 'trap \"\" TERM; sleep 60 & echo $!; wait; sleep 60'")
        pid = int(await line.read())
        await line.close()
        while is_running(pid):
            await asyncio.sleep(0.01)

    async def whole() -> None:
        async with asyncio.timeout(10):
            await story()

    asyncio.run(whole())


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_a_command_complains_about_is_shown_and_made_harmless(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        line = await open_url("exec:sh -c 'printf \"\\033[2Jno route\\r\\n\" >&2'")
        assert await line.read() == b""
        await line.close()

    asyncio.run(story())
    assert capsys.readouterr().err == "\\x1b[2Jno route\n"


def test_a_command_sees_no_descriptor_of_ours() -> None:
    async def story() -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            line = await open_url(
                f"exec:'{sys.executable}' -c 'import os; os.fstat({sock.fileno()})'"
            )
            with pytest.raises(LineLost):
                await line.read()
            await line.close()

    asyncio.run(story())


def test_a_program_that_wants_a_terminal_gets_one_and_its_greeting_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = tmp_path / "ipmitool"
    tool.write_text(
        "#!/bin/sh\ntest -t 0 && test -t 1 || exit 7\n"
        "printf '[SOL Session operational.  Use ~? for help]\\r\\n'; head -c 4; exit 3\n"
    )
    tool.chmod(0o755)

    async def story() -> None:
        line = await open_url(f"exec:{tool} sol activate")
        await line.write(b"\x03\x04\r\xff")
        got = b""
        while len(got) < 4:
            got += await line.read()
        assert got == b"\x03\x04\r\xff"
        with pytest.raises(LineLost, match="ended with status 3"):
            await line.read()
        await line.close()

    asyncio.run(story())
    assert capsys.readouterr().err == "[SOL Session operational.  Use ~? for help]\n"


def test_what_begins_like_a_greeting_and_stops_is_not_kept(tmp_path: Path) -> None:
    """Also by pump(), and at the program's end."""
    program = tmp_path / "ipmitool"
    program.write_text("#!/bin/sh\nprintf '[SOL '\ncat\n")
    program.chmod(0o755)

    async def story() -> None:
        async with asyncio.timeout(30):
            line = await open_url(f"exec:{program}")
            assert await line.read() == b"[SOL "
            await line.close()

            line = await open_url(f"exec:{program}")
            received = bytearray()

            def receive(data: bytes) -> Wait:
                received.extend(data)
                return Wait()

            pumping = asyncio.ensure_future(pump(line, receive))
            while received != b"[SOL ":
                await asyncio.sleep(0.01)
            await line.close()
            await pumping

            program.write_text("#!/bin/sh\nprintf '[SOL'\n")
            line = await open_url(f"exec:{program}")
            assert await line.read() == b"[SOL"
            assert await line.read() == b""
            await line.close()

    asyncio.run(story())
