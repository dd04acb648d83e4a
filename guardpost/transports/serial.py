"""serial: a serial port, or anything else that is a terminal device (a pty); also a virtio port.

pyserial knows the speeds and the ports of each system and opens the port. On POSIX the
descriptor is then read and written directly; on Windows a thread reads (serial_thread.py).

What happens to the port:
- It is ours alone: an flock for other polite programs, TIOCEXCL for everybody but root, and
  a look at who has it open already, since a getty does neither.
- The terminal settings are made raw, and given back as they were, on every exit that
  lets a process act. One bit stays changed: HUPCL is left off, so that closing the port does
  not drop DTR, which resets or powers down what hangs on many a cable.
- Somebody else may change the settings, or its transmitter stand still: portwatch.py.
- Linux raises DTR and RTS when the first process opens a port; no program can prevent that.
  We do not touch them otherwise. CTS is ignored unless `?rtscts=1`.
"""

import asyncio
import atexit
import errno
import os
import sys
from collections.abc import Callable
from typing import Any

import serial

from guardpost.aio.stream import ByteStream, Receive
from guardpost.errors import LineBusy, LineLost, NoSuchTarget, TransportError, UsageError
from guardpost.transports import modem
from guardpost.transports.holders import holders_of
from guardpost.transports.target import Target
from guardpost.transports.virtio_port import is_virtio_port

__all__ = ["DEFAULT_BAUD", "open_serial", "until_drained"]

DEFAULT_BAUD = 115200

DRAIN_SECONDS = 0.3
"""How long output may stand still before a close gives it up; a byte takes 0.2 s at 50 baud."""

DRAIN_LOOK_SECONDS = 0.01

_PARITY = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}


async def open_serial(
    target: Target, *, take_over: bool = False, advice: str = "stop it first"
) -> ByteStream:
    """Open the port. `take_over`: even if another program that does not lock it has it open.

    `advice`: what to do about such a program, for the error.

    Raises NoSuchTarget, LineBusy, UsageError (a speed the port does not have) or
    TransportError (no permission).
    """
    if sys.platform == "win32":
        from guardpost.transports.serial_thread import ThreadedSerial

        return ThreadedSerial(_open_port(target, timeout=None), target.address)
    elif is_virtio_port(target.address):
        from guardpost.transports.virtio_port import VirtioPort

        try:
            return VirtioPort(target.address)
        except OSError as error:
            raise _open_error(target.address, error) from None
    else:
        return SerialStream(target, take_over=take_over, advice=advice)


def _open_port(target: Target, *, timeout: float | None) -> Any:
    """pyserial's port, opened and set up; the errors are ours."""
    path = target.address
    baud = int(target.options.get("baud", DEFAULT_BAUD))
    try:
        return serial.Serial(
            path,
            baud,
            parity=_PARITY[target.options.get("parity", "none")],
            rtscts=target.options.get("rtscts") == "1",
            timeout=timeout,
        )
    except ValueError as error:
        raise UsageError(f"{path} has no speed of {baud} bit/s ({error}); give ?baud=") from None
    except OSError as error:
        raise _open_error(path, error) from None


def _open_error(path: str, error: OSError, advice: str = "stop it first") -> TransportError:
    code = error.errno
    text = str(error)
    if code == errno.ENOENT or "FileNotFoundError" in text:
        return NoSuchTarget(
            f"{path}: no such port; check its name, and that the adapter is plugged in"
        )
    if sys.platform == "win32" and (code == errno.EACCES or "PermissionError" in text):
        return LineBusy(f"{path} is held by another program; close it there first")
    if code in (errno.EACCES, errno.EPERM):
        return TransportError(f"{path}: permission denied; {_permission_advice(path)}")
    if code in (errno.EBUSY, errno.EWOULDBLOCK, errno.EAGAIN):
        return _busy(path, advice)
    if code in (errno.ENXIO, errno.ENODEV, errno.EIO):
        return NoSuchTarget(f"{path}: there is no working port behind this name")
    if code in (errno.ENOTTY, errno.EINVAL, errno.EISDIR):
        return NoSuchTarget(f"{path} is not a serial port")
    return TransportError(f"{path}: {error.strerror or text}")


def _busy(path: str, advice: str) -> LineBusy:
    who = ", ".join(map(str, holders_of(path))) or "another program"
    return LineBusy(f"{path} is held by {who}; {advice}")


def _permission_advice(path: str) -> str:
    if sys.platform != "win32":
        import grp

        try:
            group = grp.getgrgid(os.stat(path).st_gid).gr_name
        except (OSError, KeyError):
            group = "dialout"
        if group != "root":
            return f"join its group (usermod -a -G {group} YOU) and log in again"
    return "only root may open it"


async def until_drained(queued: Callable[[], int | None]) -> bool:
    """Wait for the last written bytes to leave; False when they do not move (no CTS).

    Given back at once, the port would send them at somebody else's speed.
    """
    left, stood_still = queued(), 0.0
    while left and stood_still < DRAIN_SECONDS:
        await asyncio.sleep(DRAIN_LOOK_SECONDS)
        now_left = queued()
        stood_still = 0.0 if now_left != left else stood_still + DRAIN_LOOK_SECONDS
        left = now_left
    return not left


if sys.platform != "win32":
    import fcntl
    import termios

    from guardpost.transports.descriptor import DescriptorStream
    from guardpost.transports.portspeed import PortSpeed
    from guardpost.transports.portwatch import PortWatch

    class SerialStream:
        """A port that is ours until `close`. Also knows what the kernel tells about it."""

        transparent = True

        def __init__(self, target: Target, *, take_over: bool, advice: str) -> None:
            """Raises as open_serial."""
            self.name = target.address
            self._failure: LineLost | None = None
            self._lock_fd = _claim(target.address, take_over=take_over, advice=advice)
            self.bits_per_second = int(target.options.get("baud", DEFAULT_BAUD))
            try:
                self._found = termios.tcgetattr(self._lock_fd)
                self._port = _open_port(target, timeout=0)
                self._fd: int = self._port.fileno()
                self._rtscts = target.options.get("rtscts") == "1"
                self._make_raw()
                self._speed = PortSpeed(self._port, self.bits_per_second)
                self._note_what_is_ours()
                self._bytes = DescriptorStream(
                    self._fd, self._fd, self.name, release=self._give_back
                )
                self._watch = PortWatch(self._fd, self.name, on_stuck=self._fail)
            except BaseException as error:
                os.close(self._lock_fd)
                if isinstance(error, termios.error):
                    raise _open_error(self.name, OSError(*error.args)) from None
                raise
            self._exclusive(True)
            atexit.register(self._bytes.close_now)

        async def read(self) -> bytes:
            data = await self._bytes.read()
            if not data:
                self._check_hung_up()
            return data

        async def pump(self, receive: Receive) -> None:
            await self._bytes.pump(receive)
            self._check_hung_up()

        def _check_hung_up(self) -> None:
            if self._failure is not None:
                raise self._failure
            if not self._bytes.closed:
                raise LineLost(f"{self.name} hung up")

        async def write(self, data: bytes) -> None:
            self._watch.is_used = True
            try:
                await self._bytes.write(data)
            except LineLost as error:
                raise self._failure or error from None

        async def close(self) -> None:
            if self._bytes.closed:
                return
            try:
                if not await until_drained(self.queued):
                    # The kernel would wait up to 30 s for these, and us with it.
                    termios.tcflush(self._fd, termios.TCOFLUSH)
            except (OSError, termios.error):
                pass  # unplugged meanwhile
            finally:
                self._bytes.close_now()

        def _fail(self, error: LineLost) -> None:
            self._failure = error
            try:
                termios.tcflush(self._fd, termios.TCOFLUSH)  # as above
            except termios.error:
                pass  # unplugged at this moment
            self._bytes.close_now()

        def queued(self) -> int | None:
            """How many written bytes the kernel still holds; a pty always says 0. None: unknown."""
            try:
                answer = fcntl.ioctl(self._fd, termios.TIOCOUTQ, b"\0\0\0\0")
            except OSError:
                return None
            return int.from_bytes(answer, sys.byteorder)

        async def send_break(self) -> bool:
            """As BreakingStream. What was written before leaves first; a pty carries no BREAK."""
            if self._bytes.closed:
                raise self._failure or LineLost(f"{self.name} is closed")
            if modem.is_pty(self._fd):
                return False
            await until_drained(self.queued)
            try:
                self._port.break_condition = True
                try:
                    await asyncio.sleep(modem.BREAK_SECONDS)
                finally:
                    self._port.break_condition = False
            except OSError as error:
                raise LineLost(f"{self.name} is gone ({error})") from None
            return True

        def breaks_received(self) -> int | None:
            """How many BREAKs the kernel counted since the port is there; None: unknown."""
            counts = modem.counts(self._fd)
            return None if counts is None else counts.breaks

        def status(self) -> str:
            """As StatusStream."""
            return f"{self._port.baudrate} bit/s; {modem.described(self._fd)}"

        def no_cable(self) -> str:
            """As SpeedStream."""
            return self._speed.no_cable()

        def speeds(self) -> tuple[int, ...]:
            """As SpeedStream."""
            return self._speed.speeds()

        async def drain(self) -> None:
            """As SpeedStream."""
            await until_drained(self.queued)

        def set_speed(self, speed: int) -> bool:
            """As SpeedStream."""
            if self._bytes.closed:
                return False
            done = self._speed.set(speed)
            try:
                self._make_raw()
                self._watch.settings_are_ours()
            except termios.error:
                return False  # unplugged, and whoever reads has been told
            return done

        def _note_what_is_ours(self) -> None:
            """A process of ours that was killed could not give a raised speed back."""
            if self._speed.left_by_the_killed(self._found):
                self._found[4:6] = termios.tcgetattr(self._fd)[4:6]

        def _make_raw(self) -> None:
            mode = termios.tcgetattr(self._fd)
            mode[0] = termios.IGNBRK
            mode[1] = 0
            mode[2] &= ~(termios.HUPCL | termios.CRTSCTS)
            mode[2] |= termios.CREAD | termios.CLOCAL | (termios.CRTSCTS if self._rtscts else 0)
            mode[3] = 0
            mode[6] = list(mode[6])
            # pyserial leaves VMIN 0, with which a read cannot tell "nothing yet" from "hung up".
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._fd, termios.TCSANOW, mode)

        def _exclusive(self, ours: bool) -> None:
            # A pty would keep the mark when we are killed, for as long as its master lives.
            if not os.path.realpath(self.name).startswith("/dev/pts/"):
                try:
                    fcntl.ioctl(self._fd, termios.TIOCEXCL if ours else termios.TIOCNXCL)
                except OSError:
                    pass  # the device has no such thing; the lock is still ours

        def _give_back(self) -> None:
            self._watch.stop()
            atexit.unregister(self._bytes.close_now)
            self._exclusive(False)
            try:
                self._found[2] &= ~termios.HUPCL
                termios.tcsetattr(self._fd, termios.TCSANOW, self._found)
            except termios.error:
                pass  # unplugged: there is nothing to give back
            for close in (self._port.close, lambda: os.close(self._lock_fd)):
                try:
                    close()
                except OSError:
                    pass

    def _claim(path: str, *, take_over: bool, advice: str) -> int:
        """A locked descriptor of the port; holding it holds the lock."""
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            raise _open_error(path, error) from None
        try:
            if not os.isatty(fd):
                raise OSError(errno.ENOTTY, "not a terminal device")
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            raise _open_error(path, error, advice) from None
        if not take_over and holders_of(path):
            os.close(fd)
            raise _busy(path, advice)
        return fd
