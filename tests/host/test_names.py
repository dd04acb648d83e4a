"""Names that a peer may give us, and those it may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.host.names import (
    NAME_MAX_BYTES,
    UnsafeName,
    check_name,
    part_name,
    parts_of,
    windows_objection,
)


@pytest.mark.parametrize(
    "name", [b"a", b"\xff", b"a\nb", b"-", b"~", b"...", b" ", b"a:b", b"x" * 255, b"NUL", b"\\"]
)
def test_any_plain_component_is_a_name_on_posix(name: bytes) -> None:
    check_name(name, windows=False)


@pytest.mark.parametrize(
    "name", [b"", b".", b"..", b"/", b"a/b", b"a\0", b"x" * 256, b".x.guardpost-part"]
)
def test_what_is_no_plain_component_is_refused(name: bytes) -> None:
    with pytest.raises(UnsafeName):
        check_name(name, windows=False)


@pytest.mark.parametrize(
    "name",
    [
        *(b"a:b", b"C:", b"a\\b", b"..\\b", b"a.", b"a ", b"a?", b"a\x01", b"\xff"),
        *(b"NUL", b"nul.txt", b"Con", b"COM1.log", b"lpt9", b"COM\xc2\xb9", b"aux .x", b"PROGRA~1"),
    ],
)
def test_windows_objects_to_what_it_takes_for_something_else(name: bytes) -> None:
    assert windows_objection(name)
    with pytest.raises(UnsafeName):
        check_name(name, windows=True)


@pytest.mark.parametrize("name", ["a", "a.b", "COM", "COM10", "über", "a~b", "x nul"])
def test_windows_takes_other_names_as_they_are(name: str) -> None:
    assert not windows_objection(name.encode())


@given(path=st.binary(max_size=40))
def test_the_parts_of_a_path_lead_downwards_or_it_is_refused(path: bytes) -> None:
    try:
        parts = parts_of(path)
    except UnsafeName:
        return
    assert b"/".join(parts) == path
    assert all(part and part not in (b".", b"..") and b"/" not in part for part in parts)


def test_a_path_has_bounds() -> None:
    for path in (b"/".join([b"a"] * 129), b"/".join([b"a" * 100] * 50)):
        with pytest.raises(UnsafeName):
            parts_of(path)


@given(
    name=st.binary(min_size=1, max_size=NAME_MAX_BYTES), mark=st.sampled_from([b"", b"12345678"])
)
def test_the_name_of_a_part_is_never_one_that_a_peer_may_use(name: bytes, mark: bytes) -> None:
    part = part_name(name, mark)
    assert len(part) <= NAME_MAX_BYTES
    with pytest.raises(UnsafeName):
        check_name(part, windows=False)
