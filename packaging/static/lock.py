"""lock.toml: each source with its versions and the SHA-256 of its files.

A part may have several versions, the newest first: a mirror that lags behind the security archive
has only an older one, and each of them is one that was chosen here.
"""

import platform
import tomllib
from dataclasses import dataclass
from pathlib import Path

from static.report import BuildError

__all__ = ["LOCK", "Lock", "Release", "read", "write"]

LOCK = Path(__file__).with_name("lock.toml")

# --update-lock would not help: it begins with what is in there.
RESTORE = "`git checkout packaging/static/lock.toml` brings it back"

KINDS = ("apt", "pypi", "tool")

HEADER = """\
# What the executables are made of. Written by `build_frozen.py --update-lock`; docs/building.md
# says how a version is chosen. [apt] are the distribution's source packages, [pypi] what is linked
# or frozen in, [tool] what only builds.
"""


@dataclass(frozen=True)
class Release:
    """One version of a part: the names of its files and their SHA-256."""

    kind: str
    name: str
    version: str
    files: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def needed(self) -> tuple[tuple[str, str], ...]:
        """Its files without those that are for building on another machine than this one."""
        machines = ("x86_64", "aarch64")
        others = [each for each in machines if each != platform.machine()]
        return tuple(each for each in self.files if not any(name in each[0] for name in others))

    @property
    def digest(self) -> str:
        """Stands for its contents."""
        return " ".join(sha256 for _, sha256 in self.files)


@dataclass(frozen=True)
class Lock:
    releases: tuple[Release, ...]

    def of(self, name: str) -> tuple[Release, ...]:
        """The versions of a part, the newest first. Raises BuildError if it has none."""
        found = tuple(each for each in self.releases if each.name == name)
        if not found:
            raise BuildError(f"{LOCK.name} has no {name}; {RESTORE}")
        return found

    def names(self, kind: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.name for each in self.releases if each.kind == kind))


def read(path: Path = LOCK) -> Lock:
    """Raises BuildError if it cannot be read."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return Lock(
            tuple(
                Release(kind, entry["name"], entry["version"], tuple(entry["files"].items()))
                for kind in KINDS
                for entry in tables.get(kind, ())
            )
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise BuildError(f"{path}: {what}; {RESTORE}") from None


def write(lock: Lock, path: Path = LOCK) -> None:
    entries = []
    for each in lock.releases:
        files = "".join(f'"{name}" = "{sha256}"\n' for name, sha256 in each.files)
        entries.append(
            f'\n[[{each.kind}]]\nname = "{each.name}"\nversion = "{each.version}"\n'
            f"[{each.kind}.files]\n{files}"
        )
    path.write_text(HEADER + "".join(entries), encoding="utf-8")
