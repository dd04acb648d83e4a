"""What a path does to byte values, from the bytes that came out of it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.framing import FORBIDDEN, Profile
from guardpost.protocol.path import (
    EVERY_VALUE,
    SweepReader,
    damaged,
    suitable,
    sweep,
    sweep_frames,
    values_to_sweep,
)

CHOICE = (Profile.CLEAN, Profile.XONXOFF, Profile.CONSOLE, Profile.PRINTABLE)
ALL = values_to_sweep(CHOICE)

value_sets = st.frozensets(st.sampled_from(sorted(ALL)), min_size=1)


def test_a_sweep_leaves_out_what_printable_needs() -> None:
    assert FORBIDDEN[Profile.PRINTABLE] == ALL
    careful = values_to_sweep(CHOICE[2:])
    assert careful & FORBIDDEN[Profile.CONSOLE] == frozenset(Profile.CONSOLE.delimiter)


def test_xon_comes_behind_xoff() -> None:
    for text in (sweep(ALL), EVERY_VALUE):
        assert 0 <= text.index(b"\x11") - text.index(b"\x13") < 5


def test_every_value_stands_in_the_frame_of_that_name() -> None:
    assert sorted(EVERY_VALUE[1:]) == list(range(256))


@given(values=value_sets)
def test_an_unharmed_sweep_shows_no_damage(values: frozenset[int]) -> None:
    assert damaged(values, sweep(values)) == frozenset()


@given(values=value_sets, data=st.data())
def test_values_that_vanish_are_found_and_no_others(
    values: frozenset[int], data: st.DataObject
) -> None:
    gone = data.draw(st.frozensets(st.sampled_from(sorted(values))))
    assert damaged(values, sweep(values).translate(None, bytes(gone))) == gone


@given(values=value_sets, mask=st.sampled_from([0x7F, 0xBF, 0xEF, 0xFE]))
def test_values_that_change_are_found(values: frozenset[int], mask: int) -> None:
    """The digits pass, as they did in the hello."""
    marks = b"0123456789"
    arrived = bytes(byte if byte in marks else byte & mask for byte in sweep(values))
    assert damaged(values, arrived) == frozenset(v for v in values if v & mask != v)


@given(values=value_sets, data=st.data())
def test_values_that_grow_are_found(values: frozenset[int], data: st.DataObject) -> None:
    grown = data.draw(st.frozensets(st.sampled_from(sorted(values))))
    arrived = b"".join(
        bytes((byte, byte)) if byte in grown else bytes((byte,)) for byte in sweep(values)
    )
    assert damaged(values, arrived) == grown


@pytest.mark.parametrize("first", range(len(CHOICE)))
def test_a_lost_byte_hits_the_values_around_it(first: int) -> None:
    """In the sets that are swept."""
    values = values_to_sweep(CHOICE[first:])
    text = sweep(values)
    for at in range(len(text)):
        assert len(damaged(values, text[:at] + text[at + 1 :])) == 1, at


@given(values=value_sets, arrived=st.binary(max_size=600))
def test_any_bytes_give_a_subset(values: frozenset[int], arrived: bytes) -> None:
    assert damaged(values, arrived) <= values


@pytest.mark.parametrize(
    ("damage", "profile"),
    [
        (b"", Profile.CLEAN),
        (b"\x11", Profile.XONXOFF),
        (b"\x00", Profile.CONSOLE),  # it ends the frames of both others
        (b"\x03~\xff", Profile.CONSOLE),
        (b"\x1e", Profile.PRINTABLE),
        (b"\x80", Profile.PRINTABLE),
    ],
)
def test_the_first_profile_that_avoids_the_damage(damage: bytes, profile: Profile) -> None:
    assert suitable(CHOICE, frozenset(damage)) is profile


def test_a_choice_without_the_fitting_one_ends_printable() -> None:
    assert suitable((Profile.CLEAN,), frozenset(b"\x11")) is Profile.PRINTABLE


def test_a_sweep_is_read_between_its_frames() -> None:
    reader = SweepReader()
    before, behind = sweep_frames(7, ALL, frozenset(b"\x05"))
    reader.residue(b"text before")
    assert reader.frame(before) is None
    reader.residue(sweep(ALL).replace(b"\x11", b""))
    found = reader.frame(behind)
    assert found is not None
    assert (found.number, found.found, found.reported) == (7, {0x11}, {0x05})
    assert reader.frame(behind) is None  # each sweep ends once


def test_a_sweep_that_nobody_sent_is_none() -> None:
    """Two frames must not be worth an answer eight times as long."""
    reader = SweepReader()
    before, behind = sweep_frames(0, ALL)
    reader.frame(before)
    assert reader.frame(behind) is None


@pytest.mark.parametrize("values", [b"A", b"}", b"\x00/"])
def test_values_that_cannot_be_swept_are_refused(values: bytes) -> None:
    body, _ = sweep_frames(0, frozenset(values))
    with pytest.raises(RemoteProtocolError):
        SweepReader().frame(body)


@given(bodies=st.lists(st.binary(min_size=1, max_size=60)), residue=st.binary(max_size=3000))
def test_no_bytes_break_the_reader(bodies: list[bytes], residue: bytes) -> None:
    reader = SweepReader()
    for body in bodies:
        for kind in (5, 6):
            try:
                reader.frame(bytes((kind,)) + body)
            except RemoteProtocolError:
                pass
            reader.residue(residue)


def test_the_golden_bytes() -> None:
    vectors = json.loads((Path(__file__).parents[1] / "vectors" / "path.json").read_text())
    assert bytes.fromhex(vectors["EVERY"]) == EVERY_VALUE
    for vector in vectors["sweeps"]:
        values = frozenset(bytes.fromhex(vector["values"]))
        found = frozenset(bytes.fromhex(vector["found"]))
        before, behind = sweep_frames(vector["number"], values, found)
        assert [before.hex(), behind.hex()] == [vector["SWEEP"], vector["SWEPT"]]
        assert sweep(values).hex() == vector["sweep"]
        reader = SweepReader()
        reader.frame(before)
        reader.residue(sweep(values))
        read = reader.frame(behind)
        assert read is not None
        assert (read.values, read.found, read.reported) == (values, frozenset(), found)
