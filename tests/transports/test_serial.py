"""A serial port is ours alone while we have it, and is given back as it was."""

import asyncio
import errno
import fcntl
import io
import os
import pty
import stat
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardpost.errors import LineBusy, LineLost, NoSuchTarget, TransportError, UsageError
from guardpost.transports import open_url
from guardpost.transports.holders import Holder, holders_of
from guardpost.transports.serial import SerialStream, _open_error, open_serial, until_drained
from guardpost.transports.target import parse_target


@pytest.fixture
def port() -> Iterator[tuple[int, str]]:
    """The master of a pty in its cooked default state, and the path of the port."""
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    os.close(slave)
    yield master, path
    os.close(master)


async def serial_line(path: str) -> SerialStream:
    line = await open_url(path)
    assert isinstance(line, SerialStream)
    return line


def opened(path: str) -> io.FileIO:
    """Not for good: a process that leads a session would get its hang-up."""
    return io.FileIO(os.open(path, os.O_RDWR | os.O_NOCTTY), "r+b")


def settings(path: str) -> list[object]:
    with opened(path) as port:
        return termios.tcgetattr(port)


def test_the_settings_are_raw_meanwhile_and_the_old_ones_afterwards(port: tuple[int, str]) -> None:
    master, path = port
    keeper = os.open(path, os.O_RDWR | os.O_NOCTTY)  # a pty forgets with its last user
    before = settings(path)

    async def story() -> None:
        line = await serial_line(path)
        os.write(master, b"\x03\x11\x13\r\x04\x1a\xff\0")
        assert await line.read() == b"\x03\x11\x13\r\x04\x1a\xff\0"
        assert settings(path) != before
        await line.close()

    asyncio.run(story())
    assert settings(path) == before
    os.close(keeper)


def test_speed_and_parity_are_set_as_asked(port: tuple[int, str]) -> None:
    _, path = port

    async def story() -> None:
        line = await open_url(f"{path}?baud=57600&parity=even&rtscts=1")
        mode = settings(path)
        assert mode[4] == termios.B57600
        assert isinstance(mode[2], int)
        assert mode[2] & termios.CRTSCTS
        await line.close()

    asyncio.run(story())


def test_a_process_that_just_exits_gives_the_port_back(port: tuple[int, str]) -> None:
    _, path = port
    keeper = os.open(path, os.O_RDWR | os.O_NOCTTY)
    before = settings(path)
    program = (
        "import asyncio, sys\n"
        "from guardpost.transports.serial import open_serial\n"
        "from guardpost.transports.target import parse_target\n"
        "asyncio.run(open_serial(parse_target(sys.argv[1]), take_over=True))\n"
        "print('opened')\n"
        "raise SystemExit(1)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, path], stdout=subprocess.PIPE)
    assert ended.stdout == b"opened\n"
    assert settings(path) == before
    os.close(keeper)


def test_a_second_user_is_told_who_holds_the_port(port: tuple[int, str]) -> None:
    _, path = port

    async def story() -> None:
        line = await serial_line(path)
        with pytest.raises(LineBusy, match="is held by"):
            await serial_line(path)
        await line.close()
        await (await serial_line(path)).close()

    asyncio.run(story())


def test_a_getty_that_locks_nothing_is_seen_too(port: tuple[int, str]) -> None:
    _, path = port
    with opened(path) as slave:
        getty = subprocess.Popen(["sleep", "60"], stdin=slave)
    try:
        expected = Holder(getty.pid, "sleep")
        while holders_of(path) != [expected]:
            pass  # until the child is what it will be

        async def story() -> None:
            with pytest.raises(LineBusy, match=rf"sleep \(pid {getty.pid}\); stop it first"):
                await serial_line(path)
            line = await open_serial(parse_target(path), take_over=True)
            await line.close()

        asyncio.run(story())
    finally:
        getty.kill()
        getty.wait()


def test_a_lock_of_another_program_is_respected(port: tuple[int, str]) -> None:
    _, path = port
    with opened(path) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LineBusy):
            asyncio.run(serial_line(path))


def test_a_port_that_hangs_up_is_lost(port: tuple[int, str]) -> None:
    async def story() -> None:
        master, slave = pty.openpty()
        line = await serial_line(os.ttyname(slave))
        os.close(slave)
        reading = asyncio.create_task(line.read())
        await asyncio.sleep(0)
        os.close(master)
        with pytest.raises(LineLost):
            await reading
        await line.close()

    asyncio.run(story())


def test_nothing_there_or_something_else_is_no_such_target(tmp_path: Path) -> None:
    plain = tmp_path / "file"
    plain.write_text("not a port")
    for path, words in (
        (f"{tmp_path}/none", "no such port"),
        (str(plain), "not a serial port"),
        ("/dev/null", "not a serial port"),
        (str(tmp_path), "not a serial port"),
    ):
        with pytest.raises(NoSuchTarget, match=words):
            asyncio.run(serial_line(path))
    assert plain.read_text() == "not a port"


def test_no_permission_names_the_group(port: tuple[int, str]) -> None:
    _, path = port
    error = _open_error(path, PermissionError(errno.EACCES, "Permission denied"))
    assert type(error) is TransportError
    assert "permission denied" in str(error)
    if os.geteuid() != 0:
        os.chmod(path, 0)
        with pytest.raises(TransportError, match="permission denied"):
            asyncio.run(serial_line(path))


def test_a_speed_that_no_port_has_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(UsageError):
        asyncio.run(open_url("/dev/ttyS0?baud=1"))


def test_no_descriptor_is_left_behind(port: tuple[int, str], tmp_path: Path) -> None:
    _, path = port

    async def story() -> int:
        line = await serial_line(path)
        assert line.queued() == 0
        with pytest.raises(LineBusy):
            await serial_line(path)
        await line.close()
        return len(os.listdir("/proc/self/fd"))

    assert asyncio.run(story()) == asyncio.run(story())


def test_the_lock_dies_with_its_process(port: tuple[int, str]) -> None:
    _, path = port
    keeper = os.open(path, os.O_RDWR | os.O_NOCTTY)
    program = (
        "import asyncio, os, sys\n"
        "from guardpost.transports.serial import open_serial\n"
        "from guardpost.transports.target import parse_target\n"
        "asyncio.run(open_serial(parse_target(sys.argv[1]), take_over=True))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, path])
    assert stat.S_ISCHR(os.stat(path).st_mode)

    async def story() -> None:
        await (await serial_line(path)).close()

    asyncio.run(story())
    os.close(keeper)


def test_closing_waits_for_output_that_moves_and_gives_up_on_output_that_stands() -> None:
    moving = iter([300, 200, 200, 100, 0])
    assert asyncio.run(until_drained(lambda: next(moving)))
    assert not asyncio.run(until_drained(lambda: 300))
    assert asyncio.run(until_drained(lambda: None))


def test_a_break_on_a_port_that_was_closed_is_a_lost_line(port: tuple[int, str]) -> None:
    async def story() -> None:
        line = await serial_line(port[1])
        await line.close()
        with pytest.raises(LineLost, match="is closed"):
            await line.send_break()

    asyncio.run(story())


def test_a_stuck_port_that_is_unplugged_meanwhile_is_closed_all_the_same() -> None:
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    os.close(slave)

    async def story() -> None:
        line = await serial_line(path)
        os.close(master)
        line._fail(LineLost("nothing leaves"))
        with pytest.raises(LineLost, match="nothing leaves"):
            await line.read()

    asyncio.run(story())


def test_a_port_that_fails_at_the_last_moment_is_not_kept_locked(port: tuple[int, str]) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(RuntimeError):  # nobody could watch the port: there is no loop
        SerialStream(parse_target(port[1]), take_over=False, advice="")
    assert len(os.listdir("/proc/self/fd")) == before
