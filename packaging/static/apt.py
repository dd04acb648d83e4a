"""Source packages of the distribution, through apt, beside the machine's own configuration.

Its `deb` lines become `deb-src` lines in a private copy, with lists and cache of its own: nothing
under /etc or /var changes, and no server is named here. apt checks the archive's signatures.
"""

import re
import subprocess
from pathlib import Path

from static.lock import Release
from static.report import BuildError
from static.store import alone

__all__ = ["PrivateApt", "source_entries"]

# Options of a one-line entry that are for packages that are installed.
NOT_FOR_SOURCES = ("arch", "lang", "target")


class PrivateApt:
    """Works in `folder`, which is made when it is first asked; two builds wait for each other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._options: list[str] = []

    def download(self, release: Release, folder: Path) -> None:
        """The files of that very version, into `folder`. Raises BuildError."""
        wanted = f"{release.name}={release.version}"
        with alone(self._folder):
            self._prepare()
            self._run("apt-get", "source", "--download-only", wanted, folder=folder)

    def versions(self, name: str) -> list[str]:
        """What the distribution has now, the newest first; [] if nothing is known."""
        return [version for version, _ in self.releases(name)]

    def releases(self, name: str) -> list[tuple[str, dict[str, str]]]:
        """Each version and the SHA-256 of its files, the newest first."""
        try:
            with alone(self._folder):
                self._prepare()
                text = self._run("apt-cache", "showsrc", "--only-source", name)
        except BuildError:
            return []
        found = [parsed for each in text.split("\n\n") if (parsed := release_of(each))]
        return sorted(dict(found).items(), key=lambda each: natural(each[0]), reverse=True)

    def _prepare(self) -> None:
        """Read the package lists, once. Raises BuildError."""
        if self._options:
            return
        for needed in ("lists/partial", "cache/archives/partial"):
            (self._folder / needed).mkdir(parents=True, exist_ok=True)
        listed = self._folder / "source.sources"
        listed.write_text(source_entries(Path("/etc/apt"), codename()))
        self._options = [
            *("-o", f"Dir::Etc::sourcelist={listed}", "-o", "Dir::Etc::sourceparts=/dev/null"),
            *("-o", f"Dir::State={self._folder}", "-o", f"Dir::Cache={self._folder / 'cache'}"),
            *("-o", "Dir::State::status=/var/lib/dpkg/status", "-o", "APT::Sandbox::User=root"),
        ]
        try:
            self._run("apt-get", "update", "-q", "--error-on=any")
        except BuildError:
            self._options = []
            raise

    def _run(self, program: str, *words: str, folder: Path | None = None) -> str:
        command = [program, *self._options, *words]
        try:
            done = subprocess.run(
                command, capture_output=True, encoding="utf-8", errors="replace", cwd=folder
            )
        except FileNotFoundError:
            raise BuildError(f"there is no {program} here; --sources DIR takes the files") from None
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            raise BuildError(f"{program} {words[0]}: {lines[0] if lines else done.returncode}")
        return done.stdout


def codename() -> str:
    """The distribution's, as `bookworm`. Raises BuildError."""
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"^VERSION_CODENAME=\"?(\w+)", text, re.MULTILINE)
    if not found:
        raise BuildError("this is no Debian; --sources DIR takes the files")
    return found[1]


def source_entries(etc: Path, suite: str) -> str:
    """apt's entries for `suite` and what belongs to it (-updates, -security), as deb-src ones.

    Raises BuildError if there are none.
    """
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]
    entries: list[str] = []
    for path in files:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        parsed = from_deb822 if path.suffix == ".sources" else from_lines
        entries += parsed(text, suite)
    if not entries:
        raise BuildError(f"apt has no sources of {suite} in {etc}; --sources DIR takes the files")
    return "\n\n".join(entries) + "\n"


def belongs(name: str, suite: str) -> bool:
    return name in (suite, f"{suite}-updates", f"{suite}-security", f"{suite}/updates")


def from_deb822(text: str, suite: str) -> list[str]:
    """The stanzas of a .sources file."""
    entries = []
    for stanza in re.split(r"\n\s*\n", text):
        plain = re.sub(r"(?m)^#.*\n?", "", stanza)
        # A field goes on in lines that begin with a space.
        found = re.findall(r"(?m)^([\w-]+):(.*(?:\n[ \t].*)*)", plain)
        fields = {name.lower(): value.rstrip() for name, value in found}
        suites = [each for each in fields.pop("suites", "").split() if belongs(each, suite)]
        if suites and fields.pop("enabled", "yes").strip().lower() != "no":
            fields |= {"types": " deb-src", "suites": f" {' '.join(suites)}"}
            entries.append("\n".join(f"{name.title()}:{fields[name]}" for name in fields))
    return entries


def from_lines(text: str, suite: str) -> list[str]:
    """The lines of a .list file, as stanzas."""
    entries = []
    for line in text.splitlines():
        found = re.match(r"\s*deb(?:-src)?\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+(.+)", line)
        if found and belongs(found[3], suite):
            stanza = ["Types: deb-src", f"Uris: {found[2]}", f"Suites: {found[3]}"]
            stanza.append(f"Components: {found[4].partition('#')[0].strip()}")
            for name, value in re.findall(r"([\w-]+)[+-]?=(\S+)", found[1] or ""):
                if name.lower() not in NOT_FOR_SOURCES:
                    stanza.append(f"{name.title()}: {value}")
            entries.append("\n".join(stanza))
    return entries


def release_of(stanza: str) -> tuple[str, dict[str, str]] | None:
    """The version of an entry of `apt-cache showsrc`, and the SHA-256 of the files that we use."""
    version = re.search(r"^Version: (\S+)", stanza, re.MULTILINE)
    sums = re.search(r"^Checksums-Sha256:\n((?: .*\n?)+)", stanza, re.MULTILINE)
    if not version or not sums:
        return None
    rows = [line.split() for line in sums[1].splitlines()]
    return version[1], {name: sha for sha, _, name in rows if not name.endswith((".asc", ".dsc"))}


def natural(version: str) -> list[tuple[int, str]]:
    """Orders versions of one package; numbers count as such, and ~ comes before the end."""
    parts = re.findall(r"\d+|\D", version.replace("~", "\0") + "\1")
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
