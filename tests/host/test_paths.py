"""Where paths lead: through links that an operator named, never through one that a peer chose."""

import os
import random
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.folders import opened

from guardpost.host.file_errors import FileFailure
from guardpost.host.names import UnsafeName
from guardpost.host.paths import below, home, resolve, start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="openat")

NAMES = ["a", "b", "c"]


def where(path: Path | bytes, **how: bool) -> bytes:
    place = resolve(os.fsencode(path), **how)
    with place.folder:
        return place.path


def test_links_are_followed_and_the_real_path_is_told(tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "l").symlink_to("d/e")
    (tmp_path / "d" / "e" / "up").symlink_to("../..")
    real = os.fsencode(tmp_path)
    assert where(tmp_path / "l" / "x") == real + b"/d/e/x"
    assert where(tmp_path / "l" / "up" / "l") == real + b"/d/e"
    assert where(tmp_path / "l", follow_last=False) == real + b"/l"
    assert where(os.fsencode(tmp_path / "l") + b"/", follow_last=False) == real + b"/d/e"
    assert where(tmp_path / "l" / ".." / "new") == real + b"/d/new"
    assert where(b"/") == where(b"/..") == where(b"//.") == b"/"


def test_a_missing_folder_a_file_and_a_circle_are_errors(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    (tmp_path / "loop").symlink_to("loop")
    for path, error in (("no/x", FileNotFoundError), ("f/x", NotADirectoryError)):
        with pytest.raises(error):
            where(tmp_path / path)
    with pytest.raises(NotADirectoryError):
        where(os.fsencode(tmp_path / "f") + b"/")
    with pytest.raises(OSError, match="symbolic links"):
        where(tmp_path / "loop" / "x")


def test_a_link_of_another_user_in_a_shared_folder_is_a_trap(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to make a link of another user")
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    (tmp_path / "tmp" / "l").symlink_to(tmp_path)
    assert where(tmp_path / "tmp" / "l") == os.fsencode(tmp_path)
    os.lchown(tmp_path / "tmp" / "l", 12345, 12345)
    with pytest.raises(FileFailure, match="another user"):
        where(tmp_path / "tmp" / "l" / "x")


def test_relative_paths_begin_at_the_base_and_tilde_is_home() -> None:
    assert start(b"a/b", b"/base") == b"/base/a/b"
    assert start(b"/a", b"/base") == b"/a"
    assert start(b"~/x", b"/base") == home() + b"/x"
    assert start(b"~x", b"/base") == b"/base/~x"
    with pytest.raises(FileFailure):
        start(b"a\0b", b"/")


paths = st.lists(st.sampled_from([*NAMES, ".."]), min_size=1, max_size=6).map("/".join)


@given(
    folders=st.lists(paths, max_size=6),
    links=st.lists(st.tuples(paths, paths, st.booleans()), max_size=6),
    asked=paths,
)
def test_resolving_agrees_with_the_kernel(
    folders: list[str],
    links: list[tuple[str, str, bool]],
    asked: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """On random trees of folders and links."""
    top = tmp_path_factory.mktemp("t") / "t" / "t" / "t" / "t" / "t" / "t"
    top.mkdir(parents=True)
    for folder in folders:
        if ".." not in folder:
            os.makedirs(top / folder, exist_ok=True)
    for name, target, absolute in links:
        try:
            os.symlink(f"{top}/{target}" if absolute else target, top / name)
        except OSError:
            pass
    path = os.fsencode(top / asked)
    try:
        expected = os.path.realpath(path, strict=True)
    except OSError:
        with_place = None
        try:
            with_place = resolve(path)
        except (OSError, FileFailure):
            return
        # Only the last name may be missing.
        with with_place.folder:
            assert with_place.stat() is None
        return
    assert where(path) == expected


@given(path=st.lists(st.sampled_from([b"a", b"b", b"l", b"..", b".", b""]), max_size=5))
def test_names_of_a_peer_stay_below_or_are_refused(
    path: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("t")
    (base / "a" / "b" / "a").mkdir(parents=True)
    (base / "l").symlink_to("/")
    (base / "a" / "l").symlink_to("..")
    with opened(base) as top:
        try:
            folder, name = below(top, b"/".join(path))
        except (OSError, UnsafeName, ValueError):
            return
        with folder:
            there = os.path.join(os.fsencode(base), *path[:-1])
            assert folder.path == there == os.path.realpath(there)
            assert name == path[-1]


def test_nobody_who_swaps_folders_for_links_leads_us_out(tmp_path: Path) -> None:
    """A race, as often as it takes to be won by who does not use openat."""
    (tmp_path / "in" / "d").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "spare").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    stop = threading.Event()

    def swap() -> None:
        inside = os.fsencode(tmp_path / "in")
        while not stop.is_set():
            for other in (b"/spare", b"/link"):
                os.rename(inside + b"/d", inside + b"/tmp")
                os.rename(inside + other, inside + b"/d")
                os.rename(inside + b"/d", inside + other)
                os.rename(inside + b"/tmp", inside + b"/d")

    swapper = threading.Thread(target=swap)
    swapper.start()
    made = 0
    try:
        with opened(tmp_path / "in") as top:
            for number in range(3000):
                try:
                    folder, name = below(top, b"d/f%d" % number)
                    with folder:
                        os.close(folder.create(name))
                        made += 1
                except OSError:
                    pass
                if random.random() < 0.01:
                    os.sched_yield()
    finally:
        stop.set()
        swapper.join()
    assert made
    assert os.listdir(tmp_path / "out") == []
