"""Accounts of the text prompt: one check at a time, slower while it is wrong."""

import asyncio
import stat
import sys
import time
from pathlib import Path

import pytest

from guardpost.agent import accounts
from guardpost.agent.accounts import Accounts, Verdict, set_password
from guardpost.errors import KeyFileError, UsageError

POSIX = sys.platform != "win32"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in which ann's password is `right`."""
    made = tmp_path / "guardpost" / "accounts"
    set_password(made, "ann", "right")
    return made


class Clock:
    """Stands still until told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def verify(path: Path, name: str, password: str) -> Verdict:
    return asyncio.run(Accounts(path).verify(name, password))


def test_the_right_password_and_no_other(path: Path) -> None:
    assert verify(path, "ann", "right") is Verdict.RIGHT
    assert verify(path, "ann", "Right") is Verdict.WRONG
    assert verify(path, "bob", "right") is Verdict.WRONG
    assert verify(path, "", "") is Verdict.WRONG


def test_the_file_is_for_us_alone_and_has_no_password_in_it(path: Path) -> None:
    assert b"right" not in path.read_bytes()
    assert path.read_bytes().startswith(b"ann:$argon2id$v=19$m=8192,")
    assert [each.name for each in path.parent.iterdir()] == ["accounts"]
    if POSIX:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_new_password_replaces_the_old_one_and_keeps_the_rest(path: Path) -> None:
    path.write_bytes(b"# who may log in\n\n" + path.read_bytes())
    set_password(path, "bob", "his")
    set_password(path, "ann", "hers")
    assert verify(path, "ann", "right") is Verdict.WRONG
    assert verify(path, "ann", "hers") is Verdict.RIGHT
    assert verify(path, "bob", "his") is Verdict.RIGHT
    assert path.read_bytes().startswith(b"# who may log in\n\n")
    assert path.read_bytes().count(b"ann:") == 1


def test_nobody_can_log_in_without_an_account(tmp_path: Path) -> None:
    assert not Accounts(tmp_path / "none").any()
    (tmp_path / "file").write_bytes(b"#ann:$argon2id$x\nbob:\neve:plain\n")
    (tmp_path / "file").chmod(0o600)
    assert not Accounts(tmp_path / "file").any()
    assert verify(tmp_path / "file", "eve", "plain") is Verdict.WRONG


def test_a_damaged_hash_opens_to_nobody(path: Path) -> None:
    path.write_bytes(
        path.read_bytes().strip()[:-3] + b"\nbob:$argon2id$\nc:$argon2id$" + b"x" * 200
    )
    for name in ("ann", "bob", "c"):
        assert verify(path, name, "right") is Verdict.WRONG


@pytest.mark.skipif(not POSIX, reason="Windows has no modes")
def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        Accounts(path).any()
    with pytest.raises(KeyFileError, match="chmod 600"):
        verify(path, "ann", "right")
    with pytest.raises(KeyFileError, match="chmod 600"):
        set_password(path, "ann", "x")


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError):
        Accounts(tmp_path).any()
    (tmp_path / "file").touch(mode=0o600)
    with pytest.raises(KeyFileError, match="cannot be written"):
        set_password(tmp_path / "file" / "accounts", "ann", "x")


@pytest.mark.parametrize("name", ["", "a:b", "a b", "-a", "#a", "ä", "a\n", "x" * 33])
def test_a_name_that_would_spoil_the_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        set_password(tmp_path / "accounts", name, "x")


@pytest.mark.parametrize("password", ["", "pässword", "a\tb", "x" * 1001])
def test_a_password_that_cannot_be_typed_is_refused(tmp_path: Path, password: str) -> None:
    with pytest.raises(UsageError):
        set_password(tmp_path / "accounts", "ann", password)


def test_wrong_passwords_slow_everybody_down(path: Path) -> None:
    async def story() -> None:
        clock = Clock()
        checked = Accounts(path, clock=clock)
        waits = []
        for _ in range(9):
            assert await checked.verify("ann", "wrong") is Verdict.WRONG
            waits.append(checked.wait_seconds())
            clock.now += waits[-1]
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
        assert checked.failures == 9
        assert await checked.verify("ann", "right") is Verdict.RIGHT
        assert checked.wait_seconds() == 0
        assert await checked.verify("bob", "wrong") is Verdict.WRONG
        assert checked.wait_seconds() == 1

    asyncio.run(story())


def test_one_check_at_a_time_even_when_nobody_waits_for_it(path: Path) -> None:
    async def story() -> None:
        checked = Accounts(path)
        first = asyncio.ensure_future(checked.verify("ann", "wrong"))
        await asyncio.sleep(0)
        assert await checked.verify("ann", "right") is Verdict.BUSY
        first.cancel()
        await asyncio.sleep(0)
        assert await checked.verify("ann", "right") is Verdict.BUSY
        while await checked.verify("ann", "wrong") is Verdict.BUSY:
            await asyncio.sleep(0.01)
        assert checked.failures == 2

    asyncio.run(story())


def test_the_loop_goes_on_during_a_check(path: Path) -> None:
    async def story() -> None:
        checking = asyncio.ensure_future(Accounts(path).verify("ann", "right"))
        turns = 0
        while not checking.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns > 3

    asyncio.run(story())


def test_an_absent_name_takes_as_much_work_as_a_present_one(path: Path) -> None:
    def seconds(known: bytes) -> float:
        began = time.perf_counter()
        assert not accounts.matches(known, "wrong")
        return time.perf_counter() - began

    present = accounts._hashes(path.read_bytes())["ann"]
    assert present.split(b"$")[1:4] == accounts._NOBODY.split(b"$")[1:4]
    # Far apart, for the noise of a busy machine: without the work it is a thousandth.
    assert seconds(accounts._NOBODY) > min(seconds(present) for _ in range(3)) / 10
