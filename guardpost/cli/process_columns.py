"""The columns of a process list: heading, text, order; what is not known is `-` and comes last."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from guardpost.cli.quantities import bytes_text, duration_text
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.services.processes import Process

__all__ = ["COLUMNS", "DEFAULT", "Column", "Order", "columns_named", "command", "matches"]
__all__ += ["order_named", "ordered", "os_text", "started_text"]

USER_COLUMNS = 16


class Column(NamedTuple):
    heading: str
    value: "Callable[[Process], Any]"
    text: Callable[[Any], str]
    """Of a value that is known."""
    right: bool = False
    largest_first: bool = False


def _plain(value: object) -> str:
    return safe_text(str(value))


COLUMNS: dict[str, Column] = {
    "pid": Column("PID", lambda each: each.pid, str, right=True),
    "ppid": Column("PPID", lambda each: each.ppid, str, right=True),
    "user": Column("USER", lambda each: each.user, lambda user: safe_text(user)[:USER_COLUMNS]),
    "cpu": Column(
        "CPU", lambda each: each.cpu_seconds, duration_text, right=True, largest_first=True
    ),
    "rss": Column("RSS", lambda each: each.rss_bytes, bytes_text, right=True, largest_first=True),
    "threads": Column("THR", lambda each: each.threads, str, right=True, largest_first=True),
    "nice": Column("NI", lambda each: each.nice, str, right=True),
    "state": Column("STATE", lambda each: each.state, _plain),
    "started": Column(
        "STARTED", lambda each: each.started, lambda then: started_text(then, time.time())
    ),
    "name": Column("NAME", lambda each: each.name, _plain),
    "command": Column("COMMAND", lambda each: command(each), safe_text),
}
DEFAULT = ("pid", "user", "cpu", "rss", "state", "started", "command")


class Order(NamedTuple):
    field: str
    reversed: bool = False
    """The other way round than the column usually is."""


def columns_named(text: str) -> list[str]:
    """The columns in a list like "pid,user,command"; raises ValueError, with the names, if not."""
    names = [name.strip().lower() for name in text.split(",")]
    for name in names:
        if name not in COLUMNS:
            raise ValueError(f"no column {name!r}; there are {', '.join(COLUMNS)}")
    return names


def order_named(text: str) -> Order:
    """The order in "rss", or reversed in "-rss"; raises ValueError, with the names, if none."""
    order = Order(text.removeprefix("-").lower(), text.startswith("-"))
    columns_named(order.field)
    return order


def ordered(table: "list[Process]", order: Order) -> "list[Process]":
    column = COLUMNS[order.field]

    def key(each: "Process") -> Any:
        value = column.value(each)
        return value.lower() if isinstance(value, str) else value

    known = [each for each in table if column.value(each) is not None]
    unknown = [each for each in table if column.value(each) is None]
    return sorted(known, key=key, reverse=column.largest_first != order.reversed) + unknown


def matches(process: "Process", text: str) -> bool:
    """Whether `text` is the pid, or stands in command, name or user, large or small."""
    wanted = text.lower()
    words: Sequence[str] = (command(process), process.name or "", process.user or "")
    return text == str(process.pid) or any(wanted in word.lower() for word in words)


def command(process: "Process") -> str:
    """What runs: the arguments, or the name in brackets where there are none (kernel threads)."""
    if process.argv:
        return " ".join(os_text(word) for word in process.argv).rstrip()
    return f"[{process.name}]" if process.name else "?"


def os_text(word: bytes) -> str:
    return word.decode("utf-8", "surrogateescape")


def started_text(started: float, now: float) -> str:
    """Local time for what is younger than a day, otherwise the date."""
    try:
        then = time.localtime(started)
    except (OverflowError, OSError, ValueError):
        return "-"  # a clock far off
    return time.strftime("%H:%M:%S" if abs(now - started) < 86400 else "%Y-%m-%d", then)
