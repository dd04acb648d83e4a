"""`put` and `get` with real processes on a real pty line: cut in the middle, and gone on with."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.rig import Rig, rig

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs ptys")

SIZE = 120_000


@pytest.fixture(scope="module")
def line() -> Iterator[Rig]:
    with rig(baud=460800) as made:
        yield made


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def size_of(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def owner_pid(line: Rig) -> int:
    words = line.run("owner", line.here, "check").stdout.decode()
    return int(next(word for word in words.replace(",", " ").split() if word.isdigit()))


def travelled(result: "subprocess.CompletedProcess[bytes]") -> int:
    import json

    rows = [json.loads(each) for each in result.stdout.splitlines()]
    return sum(row["travelled"] for row in rows if row["event"] == "done")


@pytest.mark.parametrize(
    ("killed", "way"),
    [
        *(("owner", "get"), ("agent", "put")),
        pytest.param("command", "put", marks=pytest.mark.slow),
        pytest.param("command", "get", marks=pytest.mark.slow),
        pytest.param("owner", "put", marks=pytest.mark.slow),
        pytest.param("agent", "get", marks=pytest.mark.slow),
    ],
)
def test_whoever_is_killed_the_next_copy_goes_on(
    line: Rig, killed: str, way: str, tmp_path: Path
) -> None:
    data = os.urandom(SIZE)
    (tmp_path / "f").write_bytes(data)
    (tmp_path / "to").mkdir()
    part = tmp_path / "to" / ".f.guardpost-part"
    words = [way, "--trust-new", line.here, str(tmp_path / "f"), str(tmp_path / "to")]
    with line.background(*words) as copying:
        until(lambda: size_of(part) > SIZE // 2)
        if killed == "command":
            copying.kill()
        elif killed == "owner":
            os.kill(owner_pid(line), signal.SIGKILL)
        else:
            assert line.agent_process is not None
            line.agent_process.kill()
            line.agent_process.wait()
            line.start_agent()
        assert copying.wait(60) != 0
    assert not (tmp_path / "to" / "f").exists()
    result = line.run(words[0], "--json", *words[1:], timeout=90)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "to" / "f").read_bytes() == data
    assert os.listdir(tmp_path / "to") == ["f"]
    assert travelled(result) < SIZE * 3 // 4


def test_ctrl_c_ends_it_and_what_came_stays(line: Rig, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(os.urandom(SIZE))
    part = tmp_path / ".g.guardpost-part"
    with line.background(
        "get", "--trust-new", line.here, str(tmp_path / "f"), str(tmp_path / "g")
    ) as copying:
        until(lambda: size_of(part) > 20_000)
        copying.send_signal(signal.SIGINT)
        assert copying.wait(10) == 130
    assert size_of(part) > 20_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a quarter megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True
        ).returncode
        == 0
    )
    if not mounted:
        pytest.skip("needs root, to mount a small file system")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_too_small_is_told_before_anything_travels(
    line: Rig, small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(os.urandom(900_000))
    (tmp_path / "small").write_bytes(b"fits")
    begun = time.monotonic()
    result = line.console("put", str(tmp_path / "f"), str(tmp_path / "small"), str(small_disk))
    assert time.monotonic() - begun < 15  # it takes 20 to send it
    assert result.returncode == 1
    assert result.stderr.startswith(b"guardpost: disk-full: ")
    assert os.listdir(small_disk) == ["small"]


def test_a_disk_that_fills_up_is_told_and_left_free(
    line: Rig, small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(os.urandom(150_000))
    part = small_disk / ".f.guardpost-part"
    with line.background(
        "put", "--trust-new", line.here, str(tmp_path / "f"), str(small_disk)
    ) as copying:
        until(lambda: size_of(part) > 10_000)
        with contextlib.suppress(OSError), (small_disk / "other").open("wb") as other:
            other.write(bytes(200_000))
        assert copying.wait(60) == 255
        assert copying.stderr is not None
        assert copying.stderr.read().startswith(b"guardpost: disk-full: ")
    assert os.listdir(small_disk) == ["other"]


def test_a_copy_leaves_the_line_to_who_types(line: Rig, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(os.urandom(SIZE))
    words = ["put", "--trust-new", line.here, str(tmp_path / "f"), str(tmp_path / "g")]
    with line.background(*words) as copying:
        until(lambda: size_of(tmp_path / ".g.guardpost-part") > 20_000)
        begun = time.monotonic()
        assert line.console("exec", "echo", "here").stdout == b"here\n"
        assert time.monotonic() - begun < 5
        assert copying.wait(60) == 0


@pytest.mark.slow
def test_many_small_files_take_no_round_trip_each(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for number in range(100):
        (tmp_path / "d" / f"{number}").write_bytes(b"%d" % number)
    with rig("--delay", "0.1", baud=460800) as far:
        far.console("exec", "true")
        begun = time.monotonic()
        result = far.console("put", str(tmp_path / "d"), str(tmp_path / "to"))
        seconds = time.monotonic() - begun
    assert result.returncode == 0, result.stderr
    assert len(os.listdir(tmp_path / "to")) == 100
    assert seconds < 10  # of 20, with a round trip for each


def test_a_key_with_paths_reads_and_writes_only_there(tmp_path: Path) -> None:
    """Whatever links say, which this key may make itself."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "f").write_bytes(b"x")
    (outside / "secret").write_bytes(b"secret")
    (inside / "file").symlink_to("../out/secret")
    (inside / "folder").symlink_to("../out")
    with rig(baud=921600, agent=None) as line:
        key = line.run("key").stdout.decode().strip()
        keys = tmp_path / "keys"
        keys.write_text(f'permit="file-read={inside},file-write={inside}" {key}\n')
        keys.chmod(0o600)
        with line.background("agent", line.there, "--ephemeral", "--allow", str(keys)):
            for words, code in (
                (("get", inside / "f", tmp_path / "got"), 0),
                (("get", inside / "file", tmp_path / "no"), 255),
                (("get", outside / "secret", tmp_path / "no"), 255),
                (("get", "--follow", f"{inside}/", tmp_path / "all"), 1),
                (("put", inside / "f", inside / "g"), 0),
                (("put", inside / "f", inside / "folder" / "g"), 255),
                (("put", inside / "f", outside / "g"), 255),
            ):
                result = line.console(words[0], *map(str, words[1:]))
                assert result.returncode == code, (words, result.stderr)
                assert (b"not-allowed" in result.stderr) == (code != 0)
            line.run("owner", line.here, "stop")
    assert os.listdir(outside) == ["secret"]
    assert sorted(os.listdir(tmp_path / "all")) == ["f"]
    assert sorted(os.listdir(tmp_path)) == ["all", "got", "in", "keys", "out"]
