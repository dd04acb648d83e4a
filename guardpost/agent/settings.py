"""agent.toml: what an administrator sets for this host's agent, read again when it changes.

    port = "/dev/ttyS1"                      # what `guardpost agent` is started with, unless its
    take-over = true                         # command line says otherwise; see STARTING below
    audit = "/var/log/guardpost/audit.log"   # beside the journal or syslog

    [roles.web]                              # for role="web" in authorized_consoles
    permit = "monitor,exec=/usr/bin/systemctl,forward=127.0.0.1:443"

    [limits]
    channels = 64                            # that one console may have open at once

A file in which anything is doubtful is none: its roles allow nobody, and no agent starts with it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from guardpost.agent.permits import EVERYTHING, Permits
from guardpost.errors import GuardpostError, UsageError
from guardpost.identity import keyfile

__all__ = ["BUILT_IN_ROLES", "SPEEDS", "STARTING", "Settings", "SettingsFile", "Value"]
__all__ += ["parse_settings", "read_settings"]

Value = str | int | bool

BUILT_IN_ROLES: Final[Mapping[str, Permits]] = {
    "monitor": Permits.parse("monitor"),
    "full": EVERYTHING,
}

# As many as the protocol has (docs/protocol.md, "Limits").
CHANNELS: Final = 1024

_ROLE_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says; without one, this."""

    roles: Mapping[str, Permits]
    audit: Path | None = None
    channels: int = CHANNELS
    starting: Mapping[str, Value] = field(default_factory=dict)
    """Of STARTING, what stands there; an agent that runs already takes no notice of changes."""


NOTHING_SET: Final = Settings(BUILT_IN_ROLES)

# As the devices have them; a longer number would not even be printable.
SPEEDS: Final = range(50, 20_000_001)


class SettingsFile:
    """The settings in `path`, which may be missing, come and go; None is no file at all."""

    def __init__(self, path: Path | None, *, without: str = "") -> None:
        """`without`: the settings, as text, that count while the file is missing or says nothing.

        A package brings one of comments alone.
        """
        self.path = path
        self.warnings: list[str] = []
        """What is wrong with it as it is now: a line at most."""
        self._signature: keyfile.Signature = ()  # of no file, so that the first look reads
        self._without = without
        self._settings = NOTHING_SET
        self._is_filled = False

    def now(self) -> Settings:
        """The settings as the file is at this moment. Never raises."""
        # Before reading: a change that comes meanwhile is then found the next time.
        signature = None if self.path is None else keyfile.signature(self.path)
        if signature != self._signature:
            self._signature = signature
            self._read()
        return self._settings

    def at_start(self) -> Settings:
        """As now(), for who is not serving yet. Raises UsageError where the file is doubtful.

        Without it an agent could be on the wrong port, or do without its psk.
        """
        settings = self.now()
        if self.warnings:
            raise UsageError(self.warnings[0])
        return settings

    @property
    def source(self) -> str:
        """Where the settings of now() stand: the file's path, "baked in", or "" for nowhere."""
        if self.path is not None and (self._is_filled or (self._signature and not self._without)):
            return str(self.path)
        return "baked in" if self._without else ""

    def _read(self) -> None:
        self._settings, self.warnings, self._is_filled = NOTHING_SET, [], True
        try:
            self._settings = self._from_file()
            if self._settings is NOTHING_SET:
                self._is_filled = False
                self._settings = _baked_in(self._without)
        except GuardpostError as error:
            self._settings = Settings({})
            self.warnings.append(f"{error}; nothing in it counts, no role allows anybody")

    def _from_file(self) -> Settings:
        try:
            return NOTHING_SET if self.path is None else read_settings(self.path)
        except FileNotFoundError:
            return NOTHING_SET


def _baked_in(text: str) -> Settings:
    try:
        return parse_settings(text)
    except UsageError as error:
        raise UsageError(f"the policy that is baked in: {error}") from None


def read_settings(path: Path) -> Settings:
    """Raises UsageError, KeyFileError; FileNotFoundError passes through."""
    text = keyfile.read_unforged(path)
    try:
        return parse_settings(text)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def parse_settings(text: str) -> Settings:
    """The settings that `text`, a whole agent.toml, says; NOTHING_SET where it says nothing.

    Raises UsageError.
    """
    if not text:
        return NOTHING_SET
    import tomllib  # half a megabyte, for who has such a file

    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(_one_line(error)) from None
    return _settings(tables)


def _settings(tables: dict[str, object]) -> Settings:
    settings = NOTHING_SET
    for name, value in _known(tables, (*STARTING, "audit", "roles", "limits"), "setting"):
        match name:
            case "audit":
                settings = replace(settings, audit=_audit(value))
            case "roles":
                settings = replace(settings, roles=_roles(value))
            case "limits":
                settings = replace(settings, channels=_channels(value))
            case _:
                starting = {**settings.starting, name: STARTING[name](name, value)}
                settings = replace(settings, starting=starting)
    return settings


def _known(table: dict[str, object], known: tuple[str, ...], what: str) -> list[tuple[str, object]]:
    for name in table:
        if name not in known:
            raise UsageError(f"there is no {what} {name[:60]!r}, only {', '.join(known)}")
    return list(table.items())


def _audit(value: object) -> Path:
    return Path(_file("audit", value))


def _file(name: str, value: object) -> str:
    if not isinstance(value, str) or not Path(value).is_absolute() or "\0" in value:
        raise UsageError(f'{name} must be the absolute path of a file, as in {name} = "/var/log/x"')
    return value


def _port(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f'{name} must be a text, as in {name} = "/dev/ttyS1" or {name} = "auto"')
    return value


def _speed(name: str, value: object) -> int:
    if type(value) is not int or value not in SPEEDS:
        raise UsageError(
            f"{name} must be a number of bit/s from {SPEEDS[0]} to {SPEEDS[-1]}, "
            f"as in {name} = 115200"
        )
    return value


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be true or false")
    return value


# What `guardpost agent` has options for, too; the command line counts before the file.
STARTING: Final[Mapping[str, Callable[[str, object], Value]]] = {
    "port": _port,
    "baud": _speed,
    "identity": _file,
    "psk": _file,
    "prompt": _switch,
    "take-over": _switch,
    "quiet-kernel": _switch,
    "raise-baud": _switch,
}


def _roles(value: object) -> dict[str, Permits]:
    ours = {name: _role(name, table) for name, table in _table(value, "roles").items()}
    return {**BUILT_IN_ROLES, **ours}


def _role(name: str, table: object) -> Permits:
    where = f"[roles.{name[:60]}]"
    if not _ROLE_NAME.fullmatch(name):
        raise UsageError(f"{name[:60]!r} is no name of a role; use letters, digits, - and _")
    permits = Permits()
    for _, value in _known(_table(table, where), ("permit",), f"setting of {where}"):
        if not isinstance(value, str):
            raise UsageError(f'{where}: permit must be a text, as in permit = "monitor"')
        try:
            permits = Permits.parse(value)
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from None
    return permits


def _channels(value: object) -> int:
    channels = CHANNELS
    for name, number in _known(_table(value, "limits"), ("channels",), "limit"):
        if type(number) is not int or not 1 <= number <= CHANNELS:
            raise UsageError(f"[limits] {name} must be a number from 1 to {CHANNELS}")
        channels = number
    return channels


def _table(value: object, name: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise UsageError(f"{name.strip('[]')} is a table; write [{name.strip('[]')}] and below it")
    return value


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
