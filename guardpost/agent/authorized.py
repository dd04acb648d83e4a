"""Which consoles may come in: keys with their permits, from files and from the command line.

    # a comment
    permit="monitor,exec,forward=127.0.0.1:*" BASE64KEY whose it is
    role="web" expiry-time="20271231" BASE64KEY whose it is
    BASE64KEY whose it is

A key without `permit` or `role` may do everything, as with sshd; `permit=""` permits nothing.
Options may stand before or after the key. `expiry-time` is sshd's, YYYYMMDD[HHMM[SS]][Z]: from
then on the key is none; without Z in the host's own time. The first line that has a key counts.
Whatever is doubtful allows nobody: a line that does not parse is skipped and reported, a file
that others may write is not read. Files are looked at again at each lookup, so that taking a
key out takes effect at once.
"""

import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from guardpost.agent.permits import EVERYTHING, Permits
from guardpost.agent.settings import SettingsFile
from guardpost.errors import KeyFileError, UsageError
from guardpost.identity import keyfile, parse_public_key

__all__ = ["NOTHING_LISTED", "AuthorizedConsoles", "Entry", "Listed", "parse_line"]
__all__ += ["parse_lines"]

# Words, in which quoted parts may hold spaces.
_WORDS = re.compile(r'(?:"[^"]*"|[^\s"])+')
_OPTION = re.compile(r'([A-Za-z][A-Za-z0-9-]*)=("[^"]*"|[^"]*)')
# Behind the key these are no comment: whoever wrote them meant to restrict it.
_LIKE_AN_OPTION = re.compile(r'permit|(role|expiry)[A-Za-z-]*=|[A-Za-z0-9-]*="', re.IGNORECASE)
OPTIONS = ("permit", "role", "expiry-time")
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """One key that may come in."""

    key: bytes
    permits: Permits
    comment: str
    where: str
    """`/etc/guardpost/authorized_consoles:3`, for the audit."""
    role: str = ""
    """Whose permits they are; empty when they stand in the line itself."""
    expires: float | None = None
    """When the key stops to count, in seconds since 1970."""


class Listed(NamedTuple):
    """What a text with a key a line says; `warnings` tells what was skipped, with its line."""

    entries: Sequence[Entry]
    warnings: Sequence[str]


NOTHING_LISTED: Final = Listed((), ())


class _File(NamedTuple):
    """What a file said when it was last read."""

    signature: keyfile.Signature
    listed: Listed


class AuthorizedConsoles:
    """The keys of `sources` and of `standing_file`, as they are at this moment.

    A source is what a person gave: a line as above (`--allow KEY`), or the path of
    a file with such lines. `standing_file` may be missing, come and go. `settings` has the
    roles; `clock` is seconds since 1970. `first` and `last` are in no file, and count before all
    files and behind them. Raises UsageError for a source that is neither a line nor a file that
    exists.
    """

    def __init__(
        self,
        sources: Sequence[str],
        *,
        standing_file: Path | None = None,
        settings: SettingsFile | None = None,
        clock: Callable[[], float] = time.time,
        first: Listed = NOTHING_LISTED,
        last: Listed = NOTHING_LISTED,
    ) -> None:
        self._settings = settings or SettingsFile(None)
        self._clock = clock
        self._first, self._last = first, last
        self._given: list[Entry] = []
        self._paths: list[Path] = []
        self._files: dict[Path, _File] = {}
        for source in sources:
            self._add(source)
        self.standing_file = standing_file
        if standing_file is not None:
            self._paths.append(standing_file)

    def _add(self, source: str) -> None:
        try:
            entry = parse_line(source, "--allow")
        except UsageError as error:
            # Base64 has slashes, too: only what is there tells a path from a mistyped key.
            if not os.path.exists(source):
                raise UsageError(f"--allow: no such file, and no key: {error}") from None
            self._paths.append(Path(source))
        else:
            if entry is None:
                raise UsageError("--allow: give a public key of 44 characters, or a file of them")
            self._given.append(entry)

    def lookup(self, key: bytes) -> Entry | None:
        """The entry of `key` as the files are now; None when it may not come in."""
        found = self.find(key)
        return found if isinstance(found, Entry) else None

    def find(self, key: bytes) -> Entry | str:
        """As lookup(), but with a reason instead of None."""
        entry = next((entry for entry in self.entries() if entry.key == key), None)
        if entry is None:
            return "the key is not allowed"
        if entry.expires is not None and self._clock() >= entry.expires:
            return f"the key has expired ({entry.where})"
        if not entry.role:
            return entry
        permits = self._settings.now().roles.get(entry.role)
        if permits is None:
            return f"there is no role {entry.role!r} ({entry.where})"
        return replace(entry, permits=permits)

    def entries(self) -> list[Entry]:
        """Every entry, in the order in which they count. Empty means nobody."""
        self._read_again()
        return self._in_order()

    @property
    def warnings(self) -> list[str]:
        """What was skipped when the files were last read, a line each, with file and line."""
        roles = self._settings.now().roles
        skipped = [each for listed in self._lists() for each in listed.warnings]
        roleless = [
            f"{each.where}: nobody is allowed by it: there is no role {each.role!r}"
            for each in self._in_order()
            if each.role and each.role not in roles
        ]
        return [*self._settings.warnings, *skipped, *roleless]

    def _in_order(self) -> list[Entry]:
        return [*self._given, *(each for listed in self._lists() for each in listed.entries)]

    def _lists(self) -> list[Listed]:
        files = [self._files[path].listed for path in self._paths if path in self._files]
        return [self._first, *files, self._last]

    def _read_again(self) -> None:
        for path in self._paths:
            known = self._files.get(path)
            # Before reading: a change that comes meanwhile is then found the next time.
            signature = keyfile.signature(path)
            if known is None or known.signature != signature:
                self._files[path] = _read(path, signature)


def parse_line(line: str, where: str) -> Entry | None:
    """The entry in `line`; None if it is empty or a comment. Raises UsageError."""
    line = line.strip()
    if not line or line.startswith("#"):
        return None
    if line.count('"') % 2:
        raise UsageError("a quote is not closed")
    options: dict[str, str] = {}
    key = None
    comment = []
    for word in _WORDS.findall(line):
        option = _OPTION.fullmatch(word)
        if option and option[1] in OPTIONS:
            if option[1] in options:
                raise UsageError(f"{option[1]}= stands there twice")
            options[option[1]] = option[2].strip('"')
        elif _LIKE_AN_OPTION.match(word) or (option and key is None and option[2]):
            raise UsageError(f"{word[:60]!r} is no option; there are {'=, '.join(OPTIONS)}=")
        elif key is None:
            key = parse_public_key(word)
        else:
            comment.append(word)
    if key is None:
        raise UsageError("there is no key")
    return Entry(key, *_granted(options, " ".join(comment), where))


def _granted(
    options: dict[str, str], comment: str, where: str
) -> tuple[Permits, str, str, str, float | None]:
    expires = _seconds(options["expiry-time"]) if "expiry-time" in options else None
    role = options.get("role")
    if role is None:
        permits = Permits.parse(options["permit"]) if "permit" in options else EVERYTHING
        return permits, comment, where, "", expires
    if "permit" in options:
        raise UsageError("permit= and role= stand there both; which counts?")
    if not role:
        raise UsageError("role= names none")
    return Permits(), comment, where, role, expires


def _seconds(text: str) -> float:
    """Raises UsageError when there is no such time."""
    import datetime

    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError("it is not so written")
        year, month, day, hour, minute, second = (int(each or 0) for each in found.groups()[:6])
        zone = datetime.UTC if found[7] else None
        moment = datetime.datetime(year, month, day, hour, minute, second, tzinfo=zone)
        return moment.timestamp()
    except (ValueError, OverflowError, OSError) as error:
        wanted = "write YYYYMMDD or YYYYMMDDHHMM, with Z for UTC"
        raise UsageError(f"{text[:60]!r} is no expiry-time; {wanted} ({error})") from None


def parse_lines(text: str, where: str) -> Listed:
    """The entries of a text with one a line. Whatever does not parse allows nobody."""
    entries, warnings = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        place = f"{where}:{number}"
        try:
            entry = parse_line(line, place)
        except UsageError as error:
            warnings.append(f"{place}: skipped: {error}")
        else:
            if entry is not None:
                entries.append(entry)
    return Listed(entries, warnings)


def _read(path: Path, signature: keyfile.Signature) -> _File:
    try:
        return _File(signature, parse_lines(keyfile.read_unforged(path), str(path)))
    except FileNotFoundError:
        return _File(signature, NOTHING_LISTED)
    except KeyFileError as error:
        return _File(signature, Listed((), [f"nobody is allowed by it: {error}"]))
