"""The prompt's commands for the host as a whole: its log, clock, services, and its end."""

import asyncio
import contextlib
import errno
import os
import re
import sys
import time
from pathlib import Path
from typing import Final

from guardpost.agent.verb import Context, NotHere, has_program, run_program
from guardpost.agent.verbs_files import tail
from guardpost.errors import ServiceError, UsageError
from guardpost.host import init

__all__ = ["env_", "log", "poweroff", "reboot", "service", "sleep", "time_"]

_LOG_FILES: Final = ("/var/log/syslog", "/var/log/messages")
_SYSTEMD: Final = "/run/systemd/system"  # sd_booted(3)
_KMSG: Final = "/dev/kmsg"
_KMSG_RECORD_BYTES: Final = 8192
_PROC: Final = "/proc"
_POWER_STATE: Final = Path("/sys/power/state")

_SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)


async def log(context: Context, args: list[str]) -> None:
    """The journal, or the system's log file, or the kernel's messages: what there is."""
    wanted = args[0] if args else "20"
    if not (wanted.isascii() and wanted.isdigit() and int(wanted[:6]) > 0):
        raise UsageError(f"{wanted[:20]!r} is no number of lines")
    if os.path.isdir(_SYSTEMD) and has_program("journalctl"):
        await run_program(context, "journalctl", "--no-pager", "-q", "-n", wanted[:6])
        return
    for path in _LOG_FILES:
        if os.path.isfile(path):
            return await tail(context, [path, wanted[:6]])
    for row in (await asyncio.to_thread(_kernel_messages))[-int(wanted[:6]) :]:
        await context.pager.line(row)


def _kernel_messages() -> list[str]:
    """Raises NotHere. A record is `priority,number,microseconds,...;text` (dev-kmsg)."""
    try:
        fd = os.open(_KMSG, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise NotHere(f"there is no log here, and {_KMSG}: {error.strerror}") from None
    rows: list[str] = []
    try:
        while True:
            try:
                head, _, text = os.read(fd, _KMSG_RECORD_BYTES).partition(b";")
            except OSError as error:
                if error.errno == errno.EPIPE:
                    continue  # overwritten while we read
                return rows
            if not head:
                return rows
            seconds = int(head.split(b",")[2]) / 1_000_000
            shown = text.split(b"\n")[0].decode("utf-8", "backslashreplace")
            rows.append(f"[{seconds:12.6f}] {shown}")
    finally:
        os.close(fd)


async def service(context: Context, args: list[str]) -> None:
    """By whatever starts services here: systemd, OpenRC, scripts of sysvinit."""
    name, do = args[0], args[1] if len(args) > 1 else "status"
    if do not in ("status", "start", "stop", "restart"):
        raise UsageError("usage: service NAME [status|start|stop|restart]")
    if not re.fullmatch(r"[A-Za-z0-9_@.:][A-Za-z0-9_@.:-]*", name) or ".." in name:
        raise UsageError(f"{name[:40]!r} is no name of a service")
    if os.path.isdir(_SYSTEMD) and has_program("systemctl"):
        words = ["systemctl", "--no-pager", do, name]
    elif has_program("rc-service"):
        words = ["rc-service", name, do]
    elif os.access(f"/etc/init.d/{name}", os.X_OK):
        words = [f"/etc/init.d/{name}", do]
    else:
        raise NotHere(f"no systemd and no OpenRC runs here, and there is no /etc/init.d/{name}")
    if await run_program(context, *words) == 0 and do != "status":
        await context.pager.line(f"{name}: {do} done")


async def time_(context: Context, args: list[str]) -> None:
    if args and args[0] == "set" and len(args) > 1:
        _set_clock(" ".join(args[1:]))
        if has_program("hwclock"):
            # So that it is right after the next start as well.
            await run_program(context, "hwclock", "-w", quiet=True)
    elif args:
        raise UsageError("usage: time [set YYYY-MM-DD HH:MM:SS], in UTC")
    now = time.time()
    await context.pager.line(time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))
    await context.pager.line(time.strftime("%Y-%m-%d %H:%M:%S %Z here", time.localtime(now)))


def _set_clock(text: str) -> None:
    """Raises UsageError, ServiceError."""
    import calendar

    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"):
        with contextlib.suppress(ValueError, OverflowError):
            seconds = calendar.timegm(time.strptime(text.removesuffix("Z"), form))
            break
    else:
        raise UsageError(f"{text[:40]!r} is no time; write YYYY-MM-DD HH:MM:SS, in UTC")
    if sys.platform == "win32":
        raise NotHere("on Windows the prompt does not set the clock")
    try:
        time.clock_settime(time.CLOCK_REALTIME, float(seconds))
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no such time"
        raise ServiceError(f"the clock was not set: {reason}") from None


async def env_(context: Context, args: list[str]) -> None:
    """The agent's environment, which commands get; what looks like a secret is not shown."""
    for name, value in sorted(os.environ.items()):
        shown = "(not shown)" if _SECRET.search(name) else value
        await context.pager.line(f"{name}={shown}")


# --- the host's end ---


async def reboot(context: Context, args: list[str]) -> None:
    windows = ("shutdown", "/r", "/t", "0")
    await _end(context, args, "reboot", [("systemctl", "reboot"), ("reboot",)], windows)


async def poweroff(context: Context, args: list[str]) -> None:
    windows = ("shutdown", "/s", "/t", "0")
    await _end(context, args, "poweroff", [("systemctl", "poweroff"), ("poweroff",)], windows)


async def _end(
    context: Context,
    args: list[str],
    word: str,
    ways: list[tuple[str, ...]],
    windows: tuple[str, ...],
) -> None:
    """In order, by whoever ends the others first; a script that is process 1 heeds nobody."""
    _meant(args, word)
    if sys.platform == "win32":
        ways = [windows]
    elif not os.path.isdir(_SYSTEMD):
        ways = [(word,) if init.is_real(_PROC) else (word, "-f")]
    for way in ways:
        if has_program(way[0]):
            if sys.platform != "win32" and "-f" in way:
                await context.pager.line(f"{word}: no init runs here that could do it in order")
                await asyncio.to_thread(os.sync)
            await context.pager.line(f"{word}: goodbye")
            await run_program(context, *way)
            return
    raise NotHere(f"this host has no program {word}")


async def sleep(context: Context, args: list[str]) -> None:
    _meant(args, "sleep")
    if os.path.isdir(_SYSTEMD) and has_program("systemctl"):
        await run_program(context, "systemctl", "suspend")
        return
    try:
        states = _POWER_STATE.read_text().split()
    except OSError:
        states = []
    if "mem" not in states:
        raise NotHere("this host cannot suspend to memory")
    await context.pager.line("sleep: until something wakes it")
    try:
        await asyncio.to_thread(_POWER_STATE.write_text, "mem")
    except OSError as error:
        raise ServiceError(f"it did not sleep: {error.strerror}") from None


def _meant(args: list[str], word: str) -> None:
    """Raises UsageError for whoever did not say so twice."""
    if args != ["now"]:
        raise UsageError(f"if that is meant, type: {word} now")
