"""Gets what lock.toml names: from a folder, from what was downloaded before, from apt or from pip.

Nothing is used whose SHA-256 is not the lock's. The machine's own package lists and sources stay
as they are: apt works on private copies.
"""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from static import apt
from static.lock import Lock, Release
from static.report import BuildError, Mismatch, Unavailable, say
from static.toolchain import SUSPECT, run_pip

__all__ = ["Sources", "digest_of"]


class Sources:
    """`given` is a folder that is looked into first; `pip` gives the words that start one."""

    def __init__(
        self,
        lock: Lock,
        cache: Path,
        pip: Callable[[], Sequence[str]],
        given: Path | None,
        *,
        offline: bool,
    ) -> None:
        self._lock = lock
        self._downloads = cache / "downloads"
        self._downloads.mkdir(parents=True, exist_ok=True)
        self._pip = pip
        self._given = given
        self._offline = offline
        self._apt = apt.PrivateApt(cache / "apt")
        self._one_at_a_time = threading.Lock()
        self.used: dict[str, Release] = {}

    def get(self, name: str) -> tuple[Release, list[Path]]:
        """The newest version of a part that is to be had, and its files.

        Raises Unavailable, which says where none was found, and Mismatch if one came that is not
        the lock's.
        """
        with self._one_at_a_time:
            for look in (self._already_here, self._fetch):
                for release in self._lock.of(name):
                    if files := look(release):
                        self.used[name] = release
                        return release, files
            raise self._nowhere(name)

    def _already_here(self, release: Release) -> list[Path] | None:
        found = [self._local(file, sha256) for file, sha256 in release.needed]
        return [each for each in found if each] if all(found) else None

    def _local(self, file: str, sha256: str) -> Path | None:
        for folder in (self._given, self._downloads / sha256[:16]):
            if folder and (path := folder / file).is_file() and digest_of(path) == sha256:
                return path
        return None

    def _fetch(self, release: Release) -> list[Path] | None:
        if self._offline:
            return None
        say(f"downloading {release}")
        folder = self._downloads / f".new-{os.getpid()}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            if release.kind == "apt":
                self._apt.download(release, folder)
            else:
                self._download_with_pip(release, folder)
            return self._keep(release, folder)
        except Mismatch:
            raise
        except BuildError as error:
            # An older version of the lock may still be there; if not, this was the reason.
            say(f"{release} is not to be had: {error}")
            return None
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _download_with_pip(self, release: Release, folder: Path) -> None:
        """What is compiled comes as source; what is only copied, too."""
        wanted = folder / "requirements.txt"
        hashes = " ".join(f"--hash=sha256:{sha256}" for _, sha256 in release.files)
        wanted.write_text(f"{release.name}=={release.version} {hashes}\n")
        kind = "--only-binary" if release.files[0][0].endswith(".whl") else "--no-binary"
        command = [
            *(*self._pip(), "download", "-q", "--no-deps", "--no-build-isolation", kind, ":all:"),
            *("--disable-pip-version-check", "--require-hashes", "-r", str(wanted)),
            *("-d", folder),
        ]
        run_pip(command, folder)

    def _keep(self, release: Release, folder: Path) -> list[Path]:
        kept = []
        for file, sha256 in release.needed:
            path = folder / file
            if not path.is_file():
                raise BuildError(f"{file} did not come")
            if (found := digest_of(path)) != sha256:
                raise Mismatch(f"{file} has the hash {found}, not {sha256}; {SUSPECT}")
            place = self._downloads / sha256[:16]
            place.mkdir(exist_ok=True)
            os.replace(path, place / file)
            kept.append(place / file)
        return kept

    def _nowhere(self, name: str) -> Unavailable:
        known = self._lock.of(name)
        places = f"{self._given}, " if self._given else ""
        text = f"no {' or '.join(str(each) for each in known)} in {places}{self._downloads}"
        if self._offline:
            return Unavailable(f"{text}; run again without --offline")
        offered = self._apt.versions(name) if known[0].kind == "apt" else []
        if offered and not {*offered} & {each.version for each in known}:
            return Unavailable(
                f"the distribution now has {name} {offered[0]}, which lock.toml does not know: "
                "run build_frozen.py --update-lock, and look at what it changed"
            )
        return Unavailable(f"{text}, nor could it be downloaded; --sources DIR takes its files")


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
