"""Unix sockets that listen: what has a name is judged, and taken away, for itself."""

import os
import socket
import stat
import sys
from pathlib import Path

import pytest

from guardpost.host.listening import CannotListen
from guardpost.host.listening_path import listen_on_path, unlink_socket

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="unix sockets")


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


def test_nothing_but_a_stale_socket_is_ever_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("file", "link", "no/such/folder", "x" * 200):
        with pytest.raises(CannotListen, match="choose another path"):
            listen_on_path(str(tmp_path / name))
    assert (tmp_path / "file").read_text() == "precious"


def test_the_name_of_another_is_not_taken_away(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    ours = listen_on_path(path)
    os.unlink(path)
    (tmp_path / "sock").write_text("somebody else's")
    unlink_socket(ours)
    ours.close()
    assert os.path.exists(path)


def test_the_socket_of_another_is_not_taken_away(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    ours = listen_on_path(path)
    os.rename(path, tmp_path / "moved")
    theirs = listen_on_path(path)
    unlink_socket(ours)
    ours.close()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    theirs.close()


def test_its_mode_is_right_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        listen_on_path(str(tmp_path / "sock")).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "sock").st_mode) == 0o600


def test_one_whose_queue_is_full_is_in_use(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(path)
        busy.listen(0)
        clients = []
        try:
            while True:
                clients.append(socket.socket(socket.AF_UNIX))
                clients[-1].setblocking(False)
                clients[-1].connect(path)
        except BlockingIOError:
            pass
        with pytest.raises(CannotListen, match="in use"):
            listen_on_path(path)
        assert os.path.exists(path)
        for each in clients:
            each.close()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="gives one away: root")
def test_a_stale_one_of_somebody_else_stays(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    listen_on_path(path).close()
    os.chown(path, 65534, 65534)
    with pytest.raises(CannotListen, match="in use"):
        listen_on_path(path)
    assert os.path.exists(path)


def test_what_is_judged_is_where_the_folder_leads(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    judged: list[bytes] = []

    def judge(real: bytes) -> bool:
        judged.append(real)
        # Whoever may write there lets the name lead elsewhere in this moment.
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to("other")
        (tmp_path / "other").mkdir()
        return True

    made = listen_on_path(str(tmp_path / "link" / "sock"), judge)
    assert judged == [os.fsencode(tmp_path / "real" / "sock")]
    assert os.listdir(tmp_path / "real") == ["sock"]
    unlink_socket(made)
    made.close()
    assert os.listdir(tmp_path / "real") == os.listdir(tmp_path / "other") == []
    with pytest.raises(CannotListen, match="not permitted"):
        listen_on_path(str(tmp_path / "real" / "sock"), lambda real: False)
    assert os.listdir(tmp_path / "real") == []
