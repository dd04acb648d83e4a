import os
import sys
from pathlib import Path

import pytest

from guardpost.console.linelock import LineLock, holder, run_folder, socket_path
from guardpost.errors import LineBusy, TransportError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a port opens once there")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_one_holder_at_a_time_whose_pid_is_named() -> None:
    first, second = LineLock("serial:/dev/ttyS0", "terminal"), LineLock("serial:/dev/ttyS0", "x")
    assert first.take()
    assert not second.take()
    assert holder("serial:/dev/ttyS0") == (os.getpid(), "terminal")
    with pytest.raises(LineBusy, match=rf"guardpost terminal \(pid {os.getpid()}\)"):
        second.take_or_refuse()
    assert LineLock("serial:/dev/ttyS1", "x").take()
    first.release()
    assert second.take()


def test_the_folder_is_ours_alone(folder: Path) -> None:
    assert run_folder() == str(folder / "guardpost")
    assert os.stat(run_folder()).st_mode & 0o777 == 0o700
    os.chmod(run_folder(), 0o755)
    with pytest.raises(TransportError, match="chmod 700"):
        run_folder()


def test_a_path_too_long_for_a_socket_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    assert len(os.fsencode(socket_path("exec:" + "y" * 500))) < 104
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run_folder() in (
        str(tmp_path / ".cache/guardpost/run"),
        f"/tmp/guardpost-{os.getuid()}",
    )
