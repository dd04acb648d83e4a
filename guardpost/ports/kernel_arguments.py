"""The kernel command line, as far as it names a port: `console=` and our own `guardpost.port=`.

Documentation/admin-guide/kernel-parameters.txt and serial-console.rst of Linux.
"""

import re
from dataclasses import dataclass

__all__ = ["ConsoleArgument", "console_arguments", "wanted_port"]

_NAME = re.compile(r"[A-Za-z][\w.:!-]*|[0-9A-Fa-f]+:[\w.:-]+")
_UART = re.compile(r"uart(?:8250)?,(io|mmio(?:16|32|32be|32native)?),(\w+)(?:,(.*))?")
_VIRTUAL = re.compile(r"tty\d*|null|")


@dataclass(frozen=True, slots=True)
class ConsoleArgument:
    """One `console=`: a port by its name, or by its address. `baud` None: not said."""

    text: str
    name: str = ""
    io_address: int | None = None
    memory_address: int | None = None
    baud: int | None = None


def console_arguments(command_line: str) -> tuple[ConsoleArgument, ...]:
    """The serial ones, in their order; whatever makes no sense is left out."""
    values = _values(command_line, "console")
    return tuple(found for value in values if (found := _console(value)) is not None)


def wanted_port(command_line: str) -> str:
    """The last `guardpost.port=`, without /dev/; empty when there is none."""
    values = _values(command_line, "guardpost.port")
    return values[-1].removeprefix("/dev/") if values else ""


def _values(command_line: str, key: str) -> list[str]:
    pairs = (word.partition("=") for word in command_line.split())
    return [value.strip('"') for name, _, value in pairs if name == key and value]


def _console(value: str) -> ConsoleArgument | None:
    text = f"console={value}"
    if uart := _UART.fullmatch(value):
        address = _number(uart[2])
        if address is None:
            return None
        baud = _baud(uart[3] or "")
        if uart[1] == "io":
            return ConsoleArgument(text, io_address=address, baud=baud)
        return ConsoleArgument(text, memory_address=address, baud=baud)
    name, _, options = value.partition(",")
    name = name.removeprefix("/dev/")
    if _VIRTUAL.fullmatch(name) or not _NAME.fullmatch(name):
        return None
    return ConsoleArgument(text, name=name, baud=_baud(options))


def _number(text: str) -> int | None:
    try:
        return int(text, 16 if text[:2].lower() == "0x" else 10)
    except ValueError:
        return None


def _baud(options: str) -> int | None:
    """115200 of 115200n8r."""
    digits = re.match(r"[0-9]{1,8}", options)
    return int(digits[0]) or None if digits else None
