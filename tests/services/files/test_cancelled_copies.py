"""Copies that are cancelled at any moment: no end keeps a file or folder open."""

import asyncio
import functools
import os
import sys
from pathlib import Path

import pytest
from support.copies import Copies, told

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc/self/fd")

MOMENTS = 60
SIZE = 40_000


def open_files(top: Path) -> list[str]:
    """What this process has open of `top` and below."""
    found = []
    for each in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{each}")
        except FileNotFoundError:
            continue  # that of the list itself
        if target.startswith(str(top)):
            found.append(target)
    return found


def furnish(top: Path) -> None:
    """here: files and folders; there: older versions of some, and a copy that was cut."""
    for name in ("here/d/e", "there/d"):
        (top / name).mkdir(parents=True)
    for number, name in enumerate(("a", "d/b", "d/e/c")):
        (top / "here" / name).write_bytes(bytes([number]) * SIZE)
    (top / "there" / "a").write_bytes(bytes([7]) * SIZE)
    (top / "there" / "d" / "b").write_bytes(bytes([1]) * (SIZE // 2))


@pytest.mark.parametrize("way", ["put", "get"])
def test_a_cancelled_copy_leaves_nothing_open(way: str, tmp_path: Path) -> None:
    async def story(copies: Copies, *, top: Path, moment: int) -> None:
        copy = asyncio.ensure_future(getattr(copies, way)(f"{top}/here/", to=top / "there"))
        for _ in range(moment):
            # As often as there is something to do; what threads do takes a few turns more.
            await asyncio.sleep(0)
        copy.cancel()
        await asyncio.gather(copy, return_exceptions=True)

    for moment in range(MOMENTS):
        top = tmp_path / str(moment)
        furnish(top)
        told(functools.partial(story, top=top, moment=3 * moment))
        assert open_files(tmp_path) == [], moment
