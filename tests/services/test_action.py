"""Paths as policy and services compare them."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.services.action import components, is_harmless, is_within


@pytest.mark.parametrize(
    "path, parts",
    [
        (b"/", (b"/",)),
        (b"/srv//in/./x/", (b"/", b"srv", b"in", b"x")),
        (b"C:\\Srv/In\\", (b"c:", b"srv", b"in")),
        (b"", None),
        (b"srv", None),
        (b"/srv/..", None),
        (b"/a\0", None),
        (b"C:srv", None),
        (b"C:\\..", None),
        (b"C:\\x:y", None),
    ],
)
def test_components(path: bytes, parts: tuple[bytes, ...] | None) -> None:
    assert components(path) == parts


def test_without_roots_everything_is_within() -> None:
    assert is_within(b"../x", None)
    assert not is_within(b"/x", ())


def test_variables() -> None:
    for name in (b"LC_ALL", b"TERM"):
        assert is_harmless(name)
    for name in (b"LD_PRELOAD", b"LC_", b"LC_A\n", b""):
        assert not is_harmless(name)


@given(st.text(alphabet="ab./", max_size=12), st.text(alphabet="ab./", max_size=8))
def test_within_is_what_the_normalised_names_say(path: str, root: str) -> None:
    path, root = f"/{path}", f"/{root}"
    inside = is_within(path.encode(), (root.encode(),))
    plain, top = posixpath.normpath(path), posixpath.normpath(root)
    # posixpath keeps two slashes at the beginning.
    plain, top = (each.replace("//", "/") for each in (plain, top))
    honest = ".." not in path.split("/") + root.split("/")
    assert inside == (honest and (plain + "/").startswith(top.rstrip("/") + "/"))
