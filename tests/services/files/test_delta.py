"""What must travel when the far file is an older version."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.errors import RemoteProtocolError
from guardpost.services.files.delta import (
    BLOCK_MAX_BYTES,
    BLOCK_MIN_BYTES,
    BLOCKS_MAX,
    SIGNATURE_MAX_BYTES,
    DeltaMaker,
    Range,
    SignatureMaker,
    block_bytes,
    worthwhile,
)
from guardpost.services.files.rolling import rolling_sum

BLOCK = BLOCK_MIN_BYTES


def signature_of(old: bytes, piece: int = 1 << 20) -> bytes:
    maker = SignatureMaker(len(old))
    return b"".join(maker.feed(old[at : at + piece]) for at in range(0, len(old) or 1, piece))


def delta(old: bytes, new: bytes, piece: int = 1 << 18) -> tuple[bytes, int]:
    """The new version put together again, and what of it and of the signature travelled."""
    signature = signature_of(old)
    maker = DeltaMaker(signature)
    parts: list[bytes | Range] = []
    for at in range(0, len(new), piece):
        parts += maker.feed(new[at : at + piece])
    parts += maker.flush()
    made = b"".join(
        old[part.offset : part.offset + part.length] if isinstance(part, Range) else part
        for part in parts
    )
    literal = sum(len(part) for part in parts if isinstance(part, bytes))
    return made, literal + len(signature)


def content(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def test_ten_changes_of_10_kb_in_10_mb_cost_less_than_3_per_cent() -> None:
    old = content(10_000_000)
    new = bytearray(old)
    for number in range(10):
        at = 400_000 + number * 950_000 + number * 777
        new[at : at + 10_000] = content(10_000, number + 2)
    made, travelled = delta(old, bytes(new))
    assert made == new
    assert travelled < 0.018 * len(old)


@pytest.mark.parametrize("size", [1, 100, 5000, 300_000])
def test_what_is_inserted_or_taken_out_costs_itself_and_little_more(size: int) -> None:
    old = content(4_000_000)
    middle = 1_234_567
    inserted = old[:middle] + content(size, 9) + old[middle:]
    made, travelled = delta(old, inserted)
    assert made == inserted
    assert travelled < size + 100_000
    taken = old[:middle] + old[middle + size :]
    made, travelled = delta(old, taken)
    assert made == taken
    assert travelled < 100_000


def test_what_is_appended_is_all_that_travels() -> None:
    lines = [
        b"Nov 25 14:%02d:%02d host d[%d]: line\n" % (i // 60, i % 60, i) for i in range(90_000)
    ]
    old, new = b"".join(lines[:80_000]), b"".join(lines)
    made, travelled = delta(old, new)
    assert made == new
    assert travelled < len(new) - len(old) + 30_000


@given(
    blocks=st.lists(st.integers(0, 5), max_size=12),
    edits=st.lists(
        st.tuples(st.integers(0, 50_000), st.integers(0, 9000), st.binary(max_size=30)), max_size=4
    ),
    piece=st.sampled_from([1000, BLOCK, 100_000]),
)
def test_what_is_put_together_is_always_the_new_version(
    blocks: list[int], edits: list[tuple[int, int, bytes]], piece: int
) -> None:
    """With repeated blocks, zeros among them."""
    kinds = [bytes(BLOCK), *(content(BLOCK, seed) for seed in range(5))]
    old = b"".join(kinds[kind] for kind in blocks)
    new = old
    for at, removed, added in edits:
        new = new[:at] + added + new[at + removed :]
    assert delta(old, new, piece)[0] == new


@given(signature=st.binary(max_size=100), new=st.binary(max_size=9000))
def test_any_signature_is_refused_or_harmless(signature: bytes, new: bytes) -> None:
    for head in (b"", BLOCK.to_bytes(4, "little")):
        try:
            maker = DeltaMaker(head + signature)
        except RemoteProtocolError:
            continue
        parts = [*maker.feed(new), *maker.flush()]
        assert sum(each.length if isinstance(each, Range) else len(each) for each in parts) == len(
            new
        )


@pytest.mark.parametrize("block", [BLOCK, BLOCK_MAX_BYTES])
def test_a_signature_of_false_alarms_costs_seconds_at_most(block: int) -> None:
    """What an adversary would send: sums that are everywhere, with blocks that never are."""
    zeros = rolling_sum(bytes(block)).to_bytes(4, "little")
    entries = b"".join(zeros + number.to_bytes(4, "little") for number in range(BLOCKS_MAX))
    maker = DeltaMaker(block.to_bytes(4, "little") + entries)
    begun = time.process_time()
    for _ in range(64):
        maker.feed(bytes(1 << 16))
    maker.flush()
    assert time.process_time() - begun < 10


def test_what_was_moved_does_not_travel() -> None:
    old = content(1_000_000)
    new = old[600_000:] + old[:600_000]
    made, travelled = delta(old, new)
    assert made == new
    assert travelled < 15_000


def test_a_long_range_is_one() -> None:
    """Each has a record of its own on the line."""
    old = content(4_000_000)
    maker = DeltaMaker(signature_of(old))
    parts = [
        part for at in range(0, len(old), 1 << 16) for part in maker.feed(old[at : at + (1 << 16)])
    ]
    parts += maker.flush()
    assert len([part for part in parts if isinstance(part, Range)]) < 6


def test_signatures_have_a_bound() -> None:
    for size in (0, 10**6, 10**8, 10**9):
        assert size // block_bytes(size) <= BLOCKS_MAX
    # Of what is larger, as of a file that grows meanwhile, only so many blocks are told.
    maker = SignatureMaker(0)
    length = sum(len(maker.feed(bytes(1 << 20))) for _ in range(6))
    assert length == SIGNATURE_MAX_BYTES
    with pytest.raises(RemoteProtocolError):
        DeltaMaker(BLOCK.to_bytes(4, "little") + bytes(SIGNATURE_MAX_BYTES + 4))
    assert not worthwhile(1000, 10**9)
    assert worthwhile(10**6, 10**6)
