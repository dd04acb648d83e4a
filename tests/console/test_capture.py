"""A unit as bytes: docs/trace.md's layout, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.console.capture import decode_unit, encode_unit
from guardpost.protocol.framing import Profile
from guardpost.protocol.observer import Unit, UnitKind

UNITS = st.builds(
    Unit,
    st.sampled_from(UnitKind),
    st.booleans(),
    st.binary(max_size=60),
    st.integers(0, 2**32 - 1),
    st.none() | st.sampled_from(Profile),
    st.none() | st.integers(0, 2**64 - 2),
    st.none() | st.binary(max_size=60),
    st.booleans(),
)


@given(UNITS)
def test_what_was_encoded_is_decoded(unit: Unit) -> None:
    assert decode_unit(encode_unit(unit)) == unit


def test_the_layout_is_the_documented_one() -> None:
    unit = Unit(UnitKind.PACKET, True, b"packet", 12, Profile.CONSOLE, 0x0102, b"\x02", True)
    assert encode_unit(unit).hex(" ", -4) == (
        "01070402 0c000000 02010000 00000000 06000000 7061636b 657402"
    )


@given(st.binary(max_size=80))
def test_any_bytes_are_a_unit_or_refused(data: bytes) -> None:
    try:
        unit = decode_unit(data)
    except ValueError:
        return
    assert encode_unit(unit)[0] == 1


def test_a_unit_of_a_later_layout_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="version 2"):
        decode_unit(b"\x02" + bytes(19))
