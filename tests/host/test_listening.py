"""What listens: real sockets of this machine."""

import asyncio
import os
import socket
import stat
import sys
from pathlib import Path

import pytest

from guardpost.host.listening import CannotListen, listen_on, listen_on_path, unlink_socket

posix = pytest.mark.skipif(sys.platform == "win32", reason="unix sockets")


def addresses(bind: str) -> set[str]:
    sockets = asyncio.run(listen_on(bind, 0))
    try:
        assert len({each.getsockname()[1] for each in sockets}) == 1
        return {each.getsockname()[0] for each in sockets}
    finally:
        for each in sockets:
            each.close()


def test_loopback_unless_told_otherwise() -> None:
    assert "127.0.0.1" in addresses("") <= {"127.0.0.1", "::1"}
    assert "127.0.0.1" in addresses("localhost") <= {"127.0.0.1", "::1"}
    assert "0.0.0.0" in addresses("*") <= {"0.0.0.0", "::"}
    assert addresses("127.0.0.1") == {"127.0.0.1"}


@pytest.mark.parametrize("bind", ["192.0.2.1", "no-such-host.invalid", "x" * 70])
def test_an_address_that_is_not_ours(bind: str) -> None:
    with pytest.raises(CannotListen, match="choose another address"):
        asyncio.run(listen_on(bind, 0))


@posix
def test_a_path_is_for_its_owner_and_a_stale_one_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    first = listen_on_path(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with pytest.raises(CannotListen, match="in use"):
        listen_on_path(path)
    first.close()
    second = listen_on_path(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    unlink_socket(second)
    second.close()
    assert not os.path.exists(path)


@posix
def test_nothing_but_a_stale_socket_is_ever_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("file", "link", "no/such/folder", "x" * 200):
        with pytest.raises(CannotListen, match="choose another path"):
            listen_on_path(str(tmp_path / name))
    assert (tmp_path / "file").read_text() == "precious"


@posix
def test_the_name_of_another_is_not_taken_away(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    ours = listen_on_path(path)
    os.unlink(path)
    (tmp_path / "sock").write_text("somebody else's")
    unlink_socket(ours)
    ours.close()
    assert os.path.exists(path)
