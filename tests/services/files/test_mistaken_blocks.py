"""A block that a delta takes for another: its digest is short, that of the whole is not."""

import hashlib
import random
import sys
from pathlib import Path

import pytest
from support.copies import Copies, told

from guardpost.services.files.delta import STRONG_BYTES, block_bytes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX names and modes")

SIZE = 1 << 18
BLOCK = block_bytes(SIZE)


def two_blocks_of_one_digest() -> tuple[bytes, bytes]:
    """Some 2^16 random blocks have such a pair."""
    chance, seen = random.Random(1), dict[bytes, bytes]()
    while True:
        block = chance.randbytes(BLOCK)
        before = seen.setdefault(hashlib.blake2b(block, digest_size=STRONG_BYTES).digest(), block)
        if before != block:
            return before, block


@pytest.mark.parametrize("way", ["put", "get"])
def test_it_costs_a_second_transfer_and_no_byte_is_wrong(way: str, tmp_path: Path) -> None:
    old_block, new_block = two_blocks_of_one_digest()
    rest = random.Random(2).randbytes(SIZE - 2 * BLOCK)
    source, to = tmp_path / "source", tmp_path / "to"
    source.write_bytes(rest[:BLOCK] + new_block + b"changed" + rest[BLOCK:])
    to.write_bytes(rest[:BLOCK] + old_block + rest[BLOCK:])

    async def story(copies: Copies) -> None:
        await getattr(copies, way)(source, to=to)

    copies = told(story)
    assert to.read_bytes() == source.read_bytes()
    # Without the mistake it would be less than three blocks.
    assert copies.travelled >= source.stat().st_size
