"""Which consoles may come in: keys with their permits, from files and from the command line.

    # a comment
    permit="monitor,exec,forward=127.0.0.1:*" BASE64KEY whose it is
    BASE64KEY whose it is

A key without `permit` may do everything, as with sshd; `permit=""` permits nothing. It
may stand before or after the key. The first line that has a key counts. Whatever is doubtful allows
nobody: a line that does not parse is skipped and reported, a file that others may
write is not read. Files are looked at again at each lookup, so that taking a key
out takes effect at once.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from guardpost.agent.permits import EVERYTHING, Permits
from guardpost.errors import KeyFileError, UsageError
from guardpost.identity import keyfile, parse_public_key

__all__ = ["AuthorizedConsoles", "Entry", "parse_line"]

# Words, in which quoted parts may hold spaces.
_WORDS = re.compile(r'(?:"[^"]*"|[^\s"])+')
_OPTION = re.compile(r'([A-Za-z][A-Za-z0-9-]*)=("[^"]*"|[^"]*)')
# Behind the key these are no comment: whoever wrote them meant to restrict it.
_LIKE_AN_OPTION = re.compile(r'permit|[A-Za-z0-9-]*="', re.IGNORECASE)

# All that changes when a file does; None for one that is not there.
Signature = tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One key that may come in."""

    key: bytes
    permits: Permits
    comment: str
    where: str
    """`/etc/guardpost/authorized_consoles:3`, for the audit."""


@dataclass(slots=True)
class _File:
    """What a file said when it was last read."""

    signature: Signature
    entries: list[Entry]
    warnings: list[str]


class AuthorizedConsoles:
    """The keys of `sources` and of `standing_file`, as they are at this moment.

    A source is what a person gave: a line as above (`--allow KEY`), or the path of
    a file with such lines. `standing_file` may be missing, come and go. Raises
    UsageError for a source that is neither a line nor a file that exists.
    """

    def __init__(self, sources: Sequence[str], *, standing_file: Path | None = None) -> None:
        self._given: list[Entry] = []
        self._paths: list[Path] = []
        self._files: dict[Path, _File] = {}
        for source in sources:
            self._add(source)
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
        return next((entry for entry in self.entries() if entry.key == key), None)

    def entries(self) -> list[Entry]:
        """Every entry, in the order in which they count. Empty means nobody."""
        self._read_again()
        return [*self._given, *(each for file in self._in_order() for each in file.entries)]

    @property
    def warnings(self) -> list[str]:
        """What was skipped when the files were last read, a line each, with file and line."""
        return [each for file in self._in_order() for each in file.warnings]

    def _in_order(self) -> list[_File]:
        return [self._files[path] for path in self._paths if path in self._files]

    def _read_again(self) -> None:
        for path in self._paths:
            known = self._files.get(path)
            # Before reading: a change that comes meanwhile is then found the next time.
            signature = _signature(path)
            if known is None or known.signature != signature:
                self._files[path] = _read(path, signature)


def parse_line(line: str, where: str) -> Entry | None:
    """The entry in `line`; None if it is empty or a comment. Raises UsageError."""
    line = line.strip()
    if not line or line.startswith("#"):
        return None
    if line.count('"') % 2:
        raise UsageError("a quote is not closed")
    permits = []
    key = None
    comment = []
    for word in _WORDS.findall(line):
        option = _OPTION.fullmatch(word)
        if option and option[1] == "permit":
            permits.append(option[2].strip('"'))
        elif _LIKE_AN_OPTION.match(word) or (option and key is None and option[2]):
            raise UsageError(f'{word[:60]!r} is no option; the only one is permit="..."')
        elif key is None:
            key = parse_public_key(word)
        else:
            comment.append(word)
    if key is None or len(permits) > 1:
        raise UsageError("there is no key" if key is None else "permit= stands there twice")
    granted = Permits.parse(permits[0]) if permits else EVERYTHING
    return Entry(key, granted, " ".join(comment), where)


def _signature(path: Path) -> Signature:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (
        *(status.st_dev, status.st_ino, status.st_size, status.st_mode),
        *(status.st_mtime_ns, status.st_ctime_ns),
    )


def _read(path: Path, signature: Signature) -> _File:
    file = _File(signature, [], [])
    try:
        lines = keyfile.read_unforged(path).split("\n")
    except FileNotFoundError:
        return file
    except KeyFileError as error:
        file.warnings.append(f"nobody is allowed by it: {error}")
        return file
    for number, line in enumerate(lines, start=1):
        where = f"{path}:{number}"
        try:
            entry = parse_line(line, where)
        except UsageError as error:
            file.warnings.append(f"{where}: skipped: {error}")
        else:
            if entry is not None:
                file.entries.append(entry)
    return file
