"""The prompt's commands that look at processes and at the host, and signal processes."""

import asyncio
import time
from typing import Final

from guardpost.agent.child import exit_words, run_child
from guardpost.agent.verb import WIDTH, Context
from guardpost.errors import UsageError
from guardpost.services.processes import Process, nice_local

__all__ = ["disk", "kill", "mem", "nice", "ps", "run", "top", "uptime"]

TOP_SECONDS: Final = 3.0
TOP_ROWS: Final = 20


async def ps(context: Context, args: list[str]) -> None:
    table = await asyncio.to_thread(context.host.processes)
    wanted = args[0].lower() if args else ""
    await context.pager.line("    PID USER     S      CPU    RSS COMMAND")
    for process in table:
        command = _command_line(process)
        if wanted in (process.name or "").lower() or wanted in command.lower():
            await context.pager.line(_row(process, command)[:WIDTH])


def _command_line(process: Process) -> str:
    if not process.argv:
        return f"[{process.name or '?'}]"
    return " ".join([part.decode("utf-8", "backslashreplace") for part in process.argv])


_STATE_LETTERS: Final = {"disk-sleep": "D", "stopped": "T", "tracing-stop": "t"}


def _row(process: Process, command: str) -> str:
    state = process.state or "?"
    letter = _STATE_LETTERS.get(state, state[0].upper())
    user = (process.user or "?")[:8]
    cpu = _clock(process.cpu_seconds)
    return f"{process.pid:7} {user:8} {letter} {cpu:>8} {_size(process.rss_bytes):>6} {command}"


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _size(size: int | None) -> str:
    """Bytes in at most six characters, in powers of 1024."""
    if size is None:
        return "?"
    amount = float(size)
    for unit in "BKMGT":
        if amount < 999.5:
            return (
                f"{amount:.0f}{unit}" if unit == "B" or amount >= 99.95 else f"{amount:.1f}{unit}"
            )
        amount /= 1024
    return f"{amount:.0f}P"


async def kill(context: Context, args: list[str]) -> None:
    if not args[0].isdecimal():
        raise UsageError(f"{args[0]!r} is no process number; see ps")
    name = args[1].upper().removeprefix("SIG") if len(args) > 1 else "TERM"
    context.host.signal(int(args[0][:20]), name)
    await context.pager.line(f"sent {name} to process {args[0]}")


async def run(context: Context, args: list[str]) -> None:
    env = {"GUARDPOST_USER": context.user, "TERM": "dumb"}
    status = await run_child(args, env, context.pager.raw)
    await context.pager.end_line()
    await context.pager.line(f"[{exit_words(status)}]")


async def uptime(context: Context, args: list[str]) -> None:
    info = await asyncio.to_thread(context.host.info)
    words = ["up unknown"]
    if info.uptime is not None:
        days, rest = divmod(int(info.uptime), 86400)
        words = [f"up {days} days, {_clock(rest)}"]
    if info.cpus is not None:
        words.append(f"{info.cpus} CPUs")
    if info.load is not None:
        words.append("load " + " ".join([f"{each:.2f}" for each in info.load]))
    await context.pager.line("; ".join(words))
    await context.pager.line(f"{info.name or '?'}: {info.system or '?'}, {info.kernel or '?'}")


async def mem(context: Context, args: list[str]) -> None:
    memory = (await asyncio.to_thread(context.host.info)).memory
    if memory is None:
        await context.pager.line("the system does not say how much memory there is")
        return
    await context.pager.line("         TOTAL   FREE")
    await context.pager.line(f"memory  {_size(memory.total):>6} {_size(memory.available):>6}")
    await context.pager.line(f"swap    {_size(memory.swap_total):>6} {_size(memory.swap_free):>6}")


async def disk(context: Context, args: list[str]) -> None:
    info = await asyncio.to_thread(context.host.info)
    await context.pager.line("  TOTAL   USED   FREE TYPE     MOUNTED AT")
    for disk in info.disks:
        sizes = f"{_size(disk.total):>7} {_size(disk.used):>6} {_size(disk.free):>6}"
        await context.pager.line(f"{sizes} {disk.kind[:8]:8} {disk.mount}"[:WIDTH])


async def nice(context: Context, args: list[str]) -> None:
    try:
        value, pid = int(args[0]), int(args[1])
    except ValueError:
        raise UsageError("usage: nice N PID, N from -20 (first) to 19 (last)") from None
    nice_local(pid, value)
    await context.pager.line(f"process {pid} has the nice value {value}")


async def top(context: Context, args: list[str]) -> None:
    """A screen every few seconds, until q or Ctrl-C; no terminal needs to understand anything."""
    before: dict[tuple[int, float | None], float] = {}
    looked = time.monotonic()
    with context.keyboard.lent() as typed:
        while True:
            table = await asyncio.to_thread(context.host.processes)
            now = time.monotonic()
            await _screen(context, table, before, now - looked)
            before = {
                (each.pid, each.started): each.cpu_seconds
                for each in table
                if each.cpu_seconds is not None
            }
            looked = now
            if await typed.is_pressed(b"q", TOP_SECONDS):
                return


async def _screen(
    context: Context,
    table: list[Process],
    before: dict[tuple[int, float | None], float],
    seconds: float,
) -> None:
    def share(process: Process) -> float:
        was = before.get((process.pid, process.started))
        if was is None or process.cpu_seconds is None or seconds <= 0:
            return 0.0
        return 100 * max(process.cpu_seconds - was, 0.0) / seconds

    busiest = sorted(table, key=lambda each: (-share(each), -(each.rss_bytes or 0)))
    rows = [f"{len(table)} processes, {time.strftime('%H:%M:%S')}; q ends this"]
    rows.append("    PID USER     S  %CPU    RSS COMMAND")
    for process in busiest[:TOP_ROWS]:
        state = process.state or "?"
        letter = _STATE_LETTERS.get(state, state[0].upper())
        rows.append(
            f"{process.pid:7} {(process.user or '?')[:8]:8} {letter} {share(process):5.1f} "
            f"{_size(process.rss_bytes):>6} {_command_line(process)}"
        )
    for row in rows:
        await context.pager.unpaged(row[:WIDTH])
