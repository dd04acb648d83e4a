"""What a static executable is built from: asked of apt and pip, and never other than locked."""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from static import apt, lock
from static.lock import Lock, Release
from static.report import BuildError, Mismatch, Unavailable
from static.sources import Sources
from support.tools import need

DEB822 = """\
# the distribution
Types: deb
URIs: http://mirror.example/debian
Suites:
 bookworm
# tested by nobody
 bookworm-updates bookworm-backports
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDME

Types: deb
URIs: https://vendor.example/apt
Suites: nodistro
Components: main

Types: deb
Enabled: no
URIs: http://old.example/debian
Suites: bookworm
Components: main
"""
ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/etc/key.gpg trusted=yes] http://a.example bookworm-security main contrib
deb https://vendor.example/apt cloud-bookworm main
"""


def machine(folder: Path, **files: str) -> Path:
    (folder / "sources.list.d").mkdir(parents=True)
    for name, text in files.items():
        place = "sources.list" if name == "list" else f"sources.list.d/debian.{name}"
        (folder / place).write_text(text)
    return folder


def test_apts_own_entries_are_asked_for_sources(tmp_path: Path) -> None:
    etc = machine(tmp_path / "apt", sources=DEB822, list=ONE_LINE)
    before = {path: path.read_bytes() for path in etc.rglob("*.*") if path.is_file()}
    entries = apt.source_entries(etc, "bookworm").strip().split("\n\n")
    assert [sorted(each.splitlines()) for each in entries] == [
        [
            "Components: main contrib",
            "Signed-By: /etc/key.gpg",
            "Suites: bookworm-security",
            "Trusted: yes",
            "Types: deb-src",
            "Uris: http://a.example",
        ],
        [
            *(" -----BEGIN PGP PUBLIC KEY BLOCK-----", " .", " mDME"),
            "Components: main",
            "Signed-By:",
            "Suites: bookworm bookworm-updates",
            "Types: deb-src",
            "Uris: http://mirror.example/debian",
        ],
    ]
    assert {path: path.read_bytes() for path in before} == before


def test_two_builds_ask_apt_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("apt-get")
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    taken = f"{need('flock')} --nonblock {tmp_path}/.apt.lock true"
    program.write_text(
        f"#!/bin/sh\n! {taken} || {{ echo E: nobody else has to wait >&2; exit 1; }}\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    apt.PrivateApt(tmp_path / "apt").download(release("2", b"two"), tmp_path)


def test_a_machine_without_such_entries_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"no sources of trixie in .*; --sources DIR"):
        apt.source_entries(machine(tmp_path / "apt", sources=DEB822), "trixie")


def test_versions_are_in_the_archives_order() -> None:
    versions = ["3.0.22-1~deb12u2", "3.0.22-1", "3.0.22-1~deb12u10", "3.0.9-1"]
    ordered = ["3.0.9-1", "3.0.22-1~deb12u2", "3.0.22-1~deb12u10", "3.0.22-1"]
    assert sorted(versions, key=apt.natural) == ordered


def test_the_lock_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = lock.read()
    lock.write(written, tmp_path / "lock.toml")
    assert lock.read(tmp_path / "lock.toml") == written
    assert (tmp_path / "lock.toml").read_text() == lock.LOCK.read_text()
    assert {"python3.11", "zlib", "libffi", "openssl"} == {*written.names("apt")}


@pytest.mark.parametrize("text", ['[[apt]]\nname = "zlib"\n', "apt = 3", "apt = ['zlib']", "<<<<"])
def test_a_broken_lock_says_how_to_have_it_back(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock.toml").write_text(text)
    with pytest.raises(BuildError, match=r"lock.toml: .*; `git checkout packaging") as caught:
        lock.read(tmp_path / "lock.toml")
    assert "\n" not in str(caught.value)


def release(version: str, data: bytes) -> Release:
    digest = hashlib.sha256(data).hexdigest()
    return Release("pypi", "thing", version, ((f"thing-{version}.tar.gz", digest),))


def sources(
    folder: Path, *releases: Release, offline: bool = True, pip: Sequence[str] = ("false",)
) -> Sources:
    (folder / "given").mkdir(exist_ok=True)
    there = Lock(releases)
    return Sources(there, folder / "cache", lambda: pip, folder / "given", offline=offline)


def test_sources_come_from_a_given_folder(tmp_path: Path) -> None:
    looked = sources(tmp_path, release("2", b"two"))
    (tmp_path / "given" / "thing-2.tar.gz").write_bytes(b"two")
    found, files = looked.get("thing")
    assert (found.version, files) == ("2", [tmp_path / "given" / "thing-2.tar.gz"])


def test_a_file_with_another_hash_is_none(tmp_path: Path) -> None:
    looked = sources(tmp_path, release("2", b"two"))
    (tmp_path / "given" / "thing-2.tar.gz").write_bytes(b"two, with something added")
    with pytest.raises(Unavailable, match=r"no thing 2 in .*; run again without --offline"):
        looked.get("thing")


def test_a_mirror_that_lags_behind_gives_the_older_version(tmp_path: Path) -> None:
    looked = sources(tmp_path, release("2", b"two"), release("1", b"one"))
    (tmp_path / "given" / "thing-1.tar.gz").write_bytes(b"one")
    assert looked.get("thing")[0].version == "1"
    assert looked.used["thing"].version == "1"


def test_what_cannot_be_downloaded_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    looked = sources(tmp_path, release("2", b"two"), offline=False)
    with pytest.raises(Unavailable, match=r"no thing 2 .*nor could it be downloaded; --sources"):
        looked.get("thing")
    assert re.search("thing 2 is not to be had: `false .*` failed", capfd.readouterr().err)
    assert not [*(tmp_path / "cache" / "downloads").glob(".new*")]


@pytest.mark.parametrize(
    "pip, said",
    [
        # What pip says, in its words; and one that looks at no hash.
        (
            "echo 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.'; "
            "echo '    thing==2:'; echo '        Expected sha256 ab'; exit 1",
            "pip got another file than lock.toml names: thing==2: Expected sha256 ab; find out",
        ),
        (
            'for last; do :; done; echo other > "$last/thing-2.tar.gz"',
            "thing-2.tar.gz has the hash [0-9a-f]{64}, not [0-9a-f]{64}; find out",
        ),
    ],
)
def test_a_file_that_was_changed_is_no_reason_to_take_an_older_one(
    tmp_path: Path, pip: str, said: str
) -> None:
    words = ("sh", "-c", pip)
    looked = sources(tmp_path, release("2", b"two"), release("1", b"one"), offline=False, pip=words)
    with pytest.raises(Mismatch, match=said):
        looked.get("thing")
    assert not [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]


def test_what_the_lock_does_not_know_is_asked_of_nobody(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"has no other; `git checkout packaging"):
        sources(tmp_path, release("2", b"two")).get("other")
