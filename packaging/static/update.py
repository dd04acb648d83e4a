"""`--update-lock`: what the distribution and the index have now, with hashes, into lock.toml."""

import tempfile
from pathlib import Path

from static import lock, toolchain
from static.apt import PrivateApt
from static.lock import Lock, Release
from static.report import BuildError, say
from static.sources import digest_of

__all__ = ["update"]

# One wheel for each machine that builds; everything else is the same everywhere.
ZIG_WHEELS = {"x86_64": "manylinux_2_12_x86_64", "aarch64": "manylinux2014_aarch64"}


def update(old: Lock, cache: Path, pip: list[str]) -> None:
    """Rewrite lock.toml and say what changed. Raises BuildError."""
    apt = PrivateApt(cache / "apt")
    releases: list[Release] = []
    for name in old.names("apt"):
        found = apt.releases(name)
        if not found:
            raise BuildError(f"the distribution has no source package {name}")
        releases += [Release("apt", name, each, tuple(files.items())) for each, files in found]
    for kind in ("pypi", "tool"):
        for name in old.names(kind):
            releases.append(newest(kind, name, old.of(name)[0], pip))
    for each in releases:
        if each not in old.releases:
            say(f"now {each}")
    lock.write(Lock(tuple(releases)))


def newest(kind: str, name: str, known: Release, pip: list[str]) -> Release:
    """What pip would take today, in the form that is taken now."""
    wheel = known.files[0][0].endswith(".whl")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        form = "--only-binary" if wheel else "--no-binary"
        options = [*pip, "download", "-q", "--no-deps", "--no-build-isolation", form, ":all:"]
        platforms = ZIG_WHEELS.values() if name == "ziglang" else [""]
        for platform in platforms:
            which = ["--platform", platform] if platform else []
            toolchain.run([*options, *which, "-d", folder, name], folder)
        files = sorted(each for each in folder.iterdir() if each.name != "build.log")
        version = version_of(files[0].name, wheel=wheel)
        return Release(kind, name, version, tuple((each.name, digest_of(each)) for each in files))


def version_of(file: str, *, wheel: bool) -> str:
    if wheel:
        return file.split("-")[1]
    return file.removesuffix(".tar.gz").rpartition("-")[2]
