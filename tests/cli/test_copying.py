"""`guardpost put` and `guardpost get` in processes of their own: options, messages, exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import command

from guardpost.cli.main import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX names")


def ran(*words: object, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    argv = [word if isinstance(word, bytes) else str(word) for word in words]
    process = command(*argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(stdin, timeout=30)
    return process.returncode, out, err


def test_a_copy_is_quiet_and_options_stand_anywhere(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"x")
    (tmp_path / "d" / "l").symlink_to("f")
    put = ran("put", "web01", tmp_path / "d", "--links", tmp_path / "there")
    assert put == (0, b"", b"")
    got = ran("get", "-l", "web01", tmp_path / "there" / "f", f"{tmp_path}/back/", "--quick")
    assert got == (0, b"", b"")
    assert (tmp_path / "back" / "f").read_bytes() == b"x"
    assert os.readlink(tmp_path / "there" / "l") == "f"


def test_standard_streams_are_a_dash(tmp_path: Path) -> None:
    data = os.urandom(100_000)
    assert ran("put", "web01", "-", tmp_path / "f", stdin=data) == (0, b"", b"")
    assert ran("get", "web01", tmp_path / "f", "-") == (0, data, b"")


def test_a_pattern_is_for_the_host_unless_it_is_told_not_to(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for name in ("a.log", "b.log", "*", "notes"):
        (tmp_path / "d" / name).write_text(name)
    assert ran("get", "web01", tmp_path / "d" / "*.log", tmp_path / "logs") == (0, b"", b"")
    assert sorted(os.listdir(tmp_path / "logs")) == ["a.log", "b.log"]
    assert ran("get", "--no-glob", "web01", tmp_path / "d" / "*", tmp_path / "f") == (0, b"", b"")
    assert (tmp_path / "f").read_text() == "*"
    code, _, err = ran("get", "web01", tmp_path / "d" / "*.txt", tmp_path / "none")
    assert code == 255
    assert err.startswith(b"guardpost: no-such-file: ")
    assert err.count(b"\n") == 1


def test_partly_done_is_1_and_nothing_done_is_255(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "there").mkdir()
    code, out, err = ran("put", "web01", tmp_path / "no", tmp_path / "f", tmp_path / "there")
    assert (code, out) == (1, b"")
    assert err == b"guardpost: no-such-file: %s/no: No such file or directory\n" % os.fsencode(
        tmp_path
    )
    code, out, err = ran("get", "web01", tmp_path / "no", tmp_path / "there")
    assert (code, err.count(b"\n")) == (255, 1)


def test_names_are_shown_safe_for_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    os.mkfifo(os.fsencode(tmp_path) + b"/d/\x1b[2J\xff")
    (tmp_path / "d" / "f").touch()
    code, _, err = ran("get", "web01", f"{tmp_path}/d/", tmp_path / "x")
    assert code == 1
    assert b"not-a-file" in err
    assert b"\x1b" not in err


def test_json_has_an_event_a_line(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"hello")
    code, out, _ = ran("put", "--json", "web01", tmp_path / "f", tmp_path / "no", tmp_path / "t")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert {row["schema"] for row in rows} == {1}
    (done,) = [row for row in rows if row["event"] == "done"]
    assert (done["name"], done["size"], done["travelled"]) == (str(tmp_path / "f"), 5, 5)
    digest = subprocess.run(
        ["b2sum", "-l", "256", str(tmp_path / "t" / "f")], capture_output=True, text=True
    ).stdout.split()[0]
    assert done["digest"] == digest
    (failed,) = [row for row in rows if row["event"] == "failed"]
    assert failed["word"] == "no-such-file"


def test_words_are_checked_before_anything_is_opened(capfd: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["put", "web01", "a"],
        ["get", "web01", "a"],
        ["put", "web01", "-", "a", "b"],
        ["put", "web01", "a", ""],
        ["put", "web01", "", "b"],
        ["put", "web01", "a", "", "b"],
        ["put", "web01", "a/x", "b/x", "d/"],
        ["get", "web01", "x", "b/x", "d"],
        ["get", "web01", "", "b"],
        ["get", "web01", "--json", "a", "-"],
        ["get", "web01", "--links", "--follow", "a", "b"],
    ):
        assert main(words) == 255
        assert capfd.readouterr().err.startswith("guardpost: usage: ")
