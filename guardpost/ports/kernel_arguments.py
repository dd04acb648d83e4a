"""The kernel command line, as far as it concerns us: `console=` and our own `guardpost.*=`.

Documentation/admin-guide/kernel-parameters.txt and serial-console.rst of Linux. Ours are given as
they stand there: what they mean, and whether they mean anything, others judge.
"""

import re
from dataclasses import dataclass

__all__ = ["OWN_NAMES", "ConsoleArgument", "OwnArguments", "console_arguments", "own_arguments"]
__all__ += ["wanted_port"]

OWN_NAMES = ("port", "allow", "role", "login", "off")
_PREFIX = "guardpost."

# Quotes hold a word with spaces together (lib/cmdline.c, next_arg).
_WORDS = re.compile(r'(?:"[^"]*"?|[^\s"])+')

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


@dataclass(frozen=True, slots=True)
class OwnArguments:
    """`guardpost.allow=` and `guardpost.login=` in their order, the last `guardpost.role=`.

    `role` None: there is none, which an empty one is not. `unknown`: the names of those that look
    like ours and are not.
    """

    allow: tuple[str, ...] = ()
    role: str | None = None
    login: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def own_arguments(command_line: str) -> OwnArguments:
    """Also what is empty, or has no `=`, is given: whoever wrote it meant something by it."""
    pairs = _pairs(command_line)

    def all_of(name: str) -> tuple[str, ...]:
        return tuple(value for found, value in pairs if found == f"{_PREFIX}{name}")

    known = {f"{_PREFIX}{name}" for name in OWN_NAMES}
    return OwnArguments(
        allow=all_of("allow"),
        role=(None, *all_of("role"))[-1],
        login=all_of("login"),
        unknown=tuple(name for name, _ in pairs if _is_ours(name) and name not in known),
    )


def _is_ours(name: str) -> bool:
    """Also in capitals, and with the other signs that hold words together."""
    return name.lower().replace("_", ".").replace("-", ".").startswith(_PREFIX)


def console_arguments(command_line: str) -> tuple[ConsoleArgument, ...]:
    """The serial ones, in their order; whatever makes no sense is left out."""
    values = _values(command_line, "console")
    return tuple(found for value in values if (found := _console(value)) is not None)


def wanted_port(command_line: str) -> tuple[str, int | None]:
    """The last `guardpost.port=`, without /dev/, and the speed that stands behind a comma.

    Empty when there is none.
    """
    values = _values(command_line, "guardpost.port")
    name, _, options = values[-1].partition(",") if values else ("", "", "")
    return name.removeprefix("/dev/"), _baud(options)


def _values(command_line: str, key: str) -> list[str]:
    return [value for name, value in _pairs(command_line) if name == key and value]


def _pairs(command_line: str) -> list[tuple[str, str]]:
    """Names with their values, which are empty where there is none."""
    words = (word.replace('"', "").partition("=") for word in _WORDS.findall(command_line))
    return [(name, value) for name, _, value in words]


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
