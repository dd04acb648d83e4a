"""`guardpost trace` on real processes, and what tshark makes of its captures."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.rig import Rig, read_line, rig
from support.tools import ROOT, need

from guardpost.cli.main import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an owner needs unix sockets")

PATIENCE_SECONDS = 20.0
SECRET = "geheimniskraemerei"
DISSECTOR = ROOT / "packaging" / "wireshark" / "guardpost.lua"


def until(happened: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Traced:
    """One session, traced from its hellos to its goodbye with contents and without them."""

    def __init__(self, folder: Path, bare: str, plain: str, json_lines: str = "") -> None:
        self.folder = folder
        self.text = {"bare": bare, "plain": plain}
        self.json_lines = json_lines

    def capture(self, name: str) -> Path:
        return self.folder / f"{name}.pcapng"

    def fields(self, name: str, *names: str, only: str = "guardpost") -> list[list[str]]:
        """tshark's word for it."""
        tshark = need("tshark")
        shown = [word for each in names for word in ("-e", each)]
        done = subprocess.run(
            [tshark, "-X", f"lua_script:{DISSECTOR}", "-r", str(self.capture(name))]
            + ["-Y", only, "-T", "fields", "-E", "separator=|", *shown],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "rror" not in done.stderr, done.stderr
        return [line.split("|") for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    folder = tmp_path_factory.mktemp("trace")
    with rig(agent=None) as line:
        files = {name: folder / f"{name}.pcapng" for name in ("bare", "plain", "json")}
        outputs = {name: folder / f"{name}.txt" for name in files}
        processes = []
        options_by_name = {"bare": (), "plain": ("--plaintext", "-v"), "json": ("--json",)}
        for name, options in options_by_name.items():
            with outputs[name].open("wb") as out:
                process = subprocess.Popen(
                    line.argv("trace", line.here, "-w", str(files[name]), *options),
                    env=line.environment,
                    stdout=out,
                    stderr=subprocess.PIPE,
                )
            processes.append(process)
            assert "no command uses" in read_line(process)
        # Without an agent the first hello is repeated, so that neither trace can miss it.
        program = f"echo {SECRET}; echo 1 2 3"
        with line.background("exec", "--trust-new", line.here, "--", "sh", "-c", program) as done:
            for process in processes:
                assert "watching" in read_line(process)
            for out in outputs.values():
                until(lambda out=out: "hello" in out.read_text(), "no hello")
            # Before the agent has a packet under way that it could hit.
            with os.fdopen(os.open(line.there, os.O_WRONLY | os.O_NOCTTY), "wb") as there:
                there.write(b"[   12.345678] usb 1-1: new device\r\n")
            for out in outputs.values():
                until(lambda out=out: "new device" in out.read_text(), "no text")
            line.start_agent()
            assert done.wait(PATIENCE_SECONDS) == 0
        line.run("owner", line.here, "stop")
        for process in processes:
            assert "no command uses" in read_line(process)
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_SECONDS) == 130
            assert process.stderr is not None
            process.stderr.close()
        yield Traced(folder, *(each.read_text() for each in outputs.values()))


def test_a_session_is_shown_from_its_hello_to_its_goodbye(traced: Traced) -> None:
    for text in traced.text.values():
        lines = text.splitlines()
        wanted = ["hello of console", 'text  "[   12.345678] usb 1-1: new device\\r\\n"']
        wanted += ["hello of agent", "handshake 1", "handshake 2", "handshake 3", "WELCOME"]
        wanted += ["OPEN 0 exec, request of ", "ACCEPT 0, reply of ", "GOAWAY done"]
        at = 0
        for words in wanted:
            found = [n for n, line in enumerate(lines[at:], at) if words in line]
            assert found, f"{words}, after line {at} of\n{text}"
            at = found[0]
        assert [line for line in lines if "-- the session is there" in line]
        assert all(" console > agent " in line or " agent > console " in line
                   for line in lines if " -- " not in line)  # fmt: skip


def test_contents_are_shown_if_that_was_said_and_never_else(traced: Traced) -> None:
    bare = (traced.text["bare"].encode(), traced.capture("bare").read_bytes())
    plain = (traced.text["plain"].encode(), traced.capture("plain").read_bytes())
    for secret in (SECRET.encode(), b"1 2 3", b"argv"):
        assert all(secret in each for each in plain)
        assert not any(secret in each for each in bare)
    assert traced.capture("plain").stat().st_mode & 0o777 == 0o600


def test_a_capture_is_read_back_as_it_was_shown(
    traced: Traced, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", str(traced.capture("bare"))]) == 0
    assert capsys.readouterr().out == traced.text["bare"]
    assert main(["trace", "-v", str(traced.capture("plain"))]) == 0
    assert capsys.readouterr().out == traced.text["plain"]
    assert main(["trace", "--plaintext", str(traced.capture("bare"))]) == 255
    assert "holds what it holds" in capsys.readouterr().err


def units(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]


def test_a_program_reads_a_session_from_its_hello_to_its_goodbye(traced: Traced) -> None:
    found = units(traced.json_lines)
    assert {each["schema"] for each in found} == {1}
    kinds = [each["kind"] for each in found if each["kind"] != "note"]
    assert kinds[0] == "hello"
    assert {"handshake", "packet", "text"} <= set(kinds)
    assert [each["time"] for each in found] == sorted(each["time"] for each in found)
    assert {each["from"] for each in found if each["kind"] == "packet"} == {"agent", "console"}
    (text,) = [each for each in found if each["kind"] == "text"]
    assert text["text"] == "[   12.345678] usb 1-1: new device\r\n"
    messages = [m for each in found if each["kind"] == "packet" for m in each["messages"]]
    named = {each["message"] for each in messages}
    assert {"WELCOME", "OPEN", "ACCEPT", "DATA", "ACK", "GOAWAY"} <= named
    (opened,) = [each for each in messages if each["message"] == "OPEN"]
    assert (opened["channel"], opened["service"]) == (0, "exec")
    assert not any("data" in each or "plain" in each or "text" in each for each in messages)


def test_a_capture_is_read_back_for_a_program(
    traced: Traced, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", "--json", str(traced.capture("json"))]) == 0
    assert capsys.readouterr().out == traced.json_lines
    assert main(["trace", "--json", str(traced.capture("plain"))]) == 0
    said = b""
    for unit in units(capsys.readouterr().out):
        for each in unit.get("messages") or ():
            said += base64.b64decode(each.get("plain") or each.get("data") or "")
    assert SECRET.encode() in said


def test_one_standard_output_takes_one_of_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "--json", "-w", "-", "/dev/ttyS9"]) == 255
    assert "give -w a file" in capsys.readouterr().err


SHOWN = (
    *("_ws.col.Source", "_ws.col.Destination", "guardpost.kind", "guardpost.direction"),
    *("guardpost.hello.role", "guardpost.hello.major", "guardpost.handshake"),
    *("guardpost.packet.number", "guardpost.service", "guardpost.channel", "guardpost.text"),
    *("guardpost.goaway", "guardpost.withheld", "_ws.expert.message"),
)


def test_tshark_shows_every_layer(traced: Traced) -> None:
    rows = [dict(zip(SHOWN, row, strict=True)) for row in traced.fields("bare", *SHOWN)]

    def of(kind: str) -> list[dict[str, str]]:
        return [row for row in rows if row["guardpost.kind"] == kind]

    assert len(rows) == len(traced.text["bare"].splitlines())
    assert not any(row["_ws.expert.message"] for row in rows), "every unit parses"
    heads = {(row["guardpost.hello.role"], row["guardpost.hello.major"]) for row in of("2")}
    assert heads == {("console", "1"), ("agent", "1")}
    assert {row["guardpost.handshake"] for row in of("3")} >= {"1", "2", "3"}
    for direction, ends in (("0", ("console", "agent")), ("1", ("agent", "console"))):
        packets = [row for row in of("4") if row["guardpost.direction"] == direction]
        numbers = [int(row["guardpost.packet.number"]) for row in packets]
        assert numbers == list(range(len(packets)))
        assert {(row["_ws.col.Source"], row["_ws.col.Destination"]) for row in packets} == {ends}
        assert {row["guardpost.withheld"] for row in packets} <= {"1", "True"}
    (opened,) = (row for row in rows if row["guardpost.service"] == "exec")
    assert opened["guardpost.channel"].split(",")[0] == "0"
    assert "usb 1-1: new device" in "".join(row["guardpost.text"] for row in of("0"))
    assert [row["guardpost.goaway"] for row in rows][-1] == "0"


def test_tshark_shows_contents_only_where_they_are(traced: Traced) -> None:
    find = f'guardpost.data contains "{SECRET}"'
    assert traced.fields("plain", "guardpost.channel", only=find)
    assert traced.fields("bare", "guardpost.channel", only=find) == []


def test_tshark_names_what_does_not_parse(tmp_path: Path) -> None:
    from guardpost.console.pcapng import header, packet

    cases = [b"", b"\x02" + bytes(19), b"\x01\x02\x04" + bytes(17), b"\x01\x00\x02" + bytes(17)]
    cases += [b"\x01\x00\x00\xff" + bytes(12) + b"\xff\xff\0\0"]
    cases += [b"\x01\x02\x00\xff" + bytes(16) + tail for tail in (b"\x77", b"\x12\x80", b"\x01")]
    file = header("x", "y") + b"".join(packet(1.0, each, inbound=True) for each in cases)
    (tmp_path / "bad.pcapng").write_bytes(file)
    bad = Traced(tmp_path, "", "").fields("bad", "frame.number", only="guardpost.malformed")
    assert [int(each) for (each,) in bad] == list(range(1, len(cases) + 1))


def test_tshark_reads_what_is_said_about_the_speed(tmp_path: Path) -> None:
    from guardpost.console.pcapng import header, packet
    from guardpost.protocol.messages import Speed, SpeedStep

    said = [Speed(step, 921600 if step is SpeedStep.ASK else 0, "no cable") for step in SpeedStep]
    opened = b"\x01\x02\x00\xff" + bytes(16)
    file = header("x", "y") + b"".join(
        packet(1.0, opened + each.encode(), inbound=True) for each in said
    )
    (tmp_path / "speed.pcapng").write_bytes(file)
    wanted = ("guardpost.speed.step", "guardpost.speed.value", "guardpost.reason")
    assert Traced(tmp_path, "", "").fields("speed", *wanted) == [
        [str(int(each.step)), str(each.value), "no cable"] for each in said
    ]


def test_a_capture_on_standard_output_is_for_a_pipe(line_with_session: Rig) -> None:
    line = line_with_session
    with line.background("trace", line.here, "-w", "-") as process:
        assert "watching" in read_line(process)
        assert line.run("exec", line.here, "--", "true").returncode == 0
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 4) == b"\x0a\x0d\x0d\x0a"


@pytest.fixture
def line_with_session() -> Iterator[Rig]:
    with rig() as line:
        done = line.console("exec", "--persist", "60", "--", "true")
        assert done.returncode == 0, done.stderr
        yield line


def test_a_watcher_that_reads_nothing_does_not_hold_up_the_session(line_with_session: Rig) -> None:
    line = line_with_session
    with line.background("trace", line.here, "--plaintext", "-v") as process:
        assert "watching" in read_line(process)
        process.send_signal(signal.SIGSTOP)
        try:
            done = line.run("exec", line.here, "--", "seq", "100000")
            assert done.returncode == 0
            assert done.stdout.endswith(b"\n100000\n")
        finally:
            process.send_signal(signal.SIGCONT)
    checked = json.loads(line.run("owner", line.here, "check", "--json").stdout)
    assert checked["owner"]["state"] == "live"


def test_what_is_no_capture_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "x.pcapng"
    broken.write_bytes(b"\x0a\x0d\x0d\x0a" + bytes(20))
    assert main(["trace", str(broken)]) == 255
    assert main(["trace", "-w", "/nowhere/x.pcapng", "/dev/ttyS9"]) == 255
    assert main(["trace", "-w", "/dev/full", "/dev/ttyS9"]) == 255
    said = capsys.readouterr().err.splitlines()
    assert "is no capture of a line" in said[0]
    assert said[1].endswith("no such file or directory; give -w another file")
    assert said[2].startswith("guardpost: usage: /dev/full: no space left on device; ")
