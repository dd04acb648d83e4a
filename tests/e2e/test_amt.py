"""guardpost through AMT's Serial-over-LAN: real commands, a real agent, the firmware of
tests/support/amt_server.py between them. No test here has met Intel's own (docs/amt.md).
"""

import json
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial
from support.amt_rig import PASSWORD, AmtRig, amt_rig
from support.amt_server import AmtServer, certificate
from support.bare_terminal import screen
from support.tools import need
from support.web import page, web_server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pty")

PATIENCE_SECONDS = 40.0
MUCH = bytes(range(256)) * 400


@pytest.fixture(scope="module")
def line() -> Iterator[AmtRig]:
    with amt_rig() as made:
        done = made.console("exec", "true")
        assert done.returncode == 0, done.stderr
        yield made


@pytest.fixture
def fresh(line: AmtRig) -> Iterator[AmtRig]:
    """Nobody owns the line, and the firmware is as it was."""
    line.run("owner", line.here, "stop")
    yield line
    line.run("owner", line.here, "stop")
    line.tell(restore)


def restore(firmware: AmtServer) -> None:
    firmware.start_status, firmware.password, firmware.logins = 0, PASSWORD.encode(), [4]


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def owner_pid(line: AmtRig) -> int:
    found = json.loads(line.run("owner", line.here, "check", "--json").stdout)["owner"]
    return int(found["pid"])


def refused(line: AmtRig, *words: str) -> tuple[int, str]:
    """How a command fails that wants the line; with detailed exit codes."""
    done = line.run("info", "--exit-codes=detailed", "--trust-new", *words, line.here)
    assert done.stderr.count(b"\n") == 1, done.stderr
    assert PASSWORD.encode() not in done.stderr
    return done.returncode, done.stderr.decode()


# -- what one does with it


def test_a_command_and_its_status(line: AmtRig) -> None:
    done = line.console("exec", "sh", "-c", "echo there; exit 7")
    assert (done.returncode, done.stdout) == (7, b"there\n")


def test_100_kb_come_back_intact(line: AmtRig) -> None:
    done = line.console("exec", "cat", input=MUCH)
    assert (done.returncode, done.stdout == MUCH) == (0, True), done.stderr


def test_info_shows_a_transparent_line(line: AmtRig) -> None:
    done = line.console("info", "--json")
    assert json.loads(done.stdout)["line"]["profile_to_agent"] == "clean"


def test_a_tunnel(line: AmtRig) -> None:
    with web_server() as web, line.forward(f"0:127.0.0.1:{web}") as (port,):
        url = f"http://127.0.0.1:{port}/100000/amt"
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert answer.read() == page("/100000/amt")


def test_the_bare_line_in_a_terminal() -> None:
    """The host has no agent, only a getty."""
    with (
        amt_rig(agent=False) as line,
        serial.Serial(line.there, 921600, timeout=PATIENCE_SECONDS) as getty,
        subprocess.Popen(
            line.argv("terminal", "-q", line.here),
            env=line.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as terminal,
    ):
        assert terminal.stdin is not None
        assert terminal.stdout is not None
        terminal.stdin.write(b"\r")
        terminal.stdin.flush()
        assert getty.read(1) == b"\r"
        getty.write(b"web01 login: ")
        assert terminal.stdout.read(13) == b"web01 login: "
        terminal.stdin.close()
        assert terminal.wait(PATIENCE_SECONDS) == 0
        until(lambda: line.firmware.holder is None)
        assert [each[0] for each in line.firmware.said[-2:]] == [0x22, 0x12]


def test_the_status_of_the_line_is_the_firmware_s_word(fresh: AmtRig) -> None:
    tmux = need("tmux")
    names = ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "GUARDPOST_PASSWORD")
    env = [f"{name}={fresh.environment[name]}" for name in names]
    argv = ("env", *env, *fresh.argv("terminal", fresh.here))
    with screen(tmux, fresh.folder, *argv) as shown:
        shown.waits_for(lambda text: "Ctrl-] q quits" in text)
        word = "AMT: the host on, its port's DTR on, RTS on"  # it may still be on its way
        shown.asks("C-]", "s", until=lambda text: word in text)


# -- over TLS


def test_amts_with_a_pinned_certificate(tmp_path: Path) -> None:
    tls = certificate(tmp_path, "web01.example")
    shown = [need("openssl"), "x509", "-in", str(tmp_path / "cert.pem"), "-noout", "-sha256"]
    printed = subprocess.run([*shown, "-fingerprint"], check=True, capture_output=True, text=True)
    pin = printed.stdout.strip().partition("=")[2]
    with amt_rig(tls, f"?fingerprint={pin}") as line:
        done = line.console("exec", "cat", input=MUCH)
        assert (done.returncode, done.stdout == MUCH) == (0, True), done.stderr
        if sys.platform == "linux":
            assert "libssl" in Path(f"/proc/{owner_pid(line)}/maps").read_text()
        line.run("owner", line.here, "stop")
        line.here = line.here.partition("?")[0]
        code, said = refused(line)
        assert (code, said.split()[1]) == (5, "not-authenticated:")
        assert pin.replace(":", "").lower() in said


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_amt_without_tls_loads_no_openssl(line: AmtRig) -> None:
    line.console("exec", "true")
    assert "libssl" not in Path(f"/proc/{owner_pid(line)}/maps").read_text()


# -- the password


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_password_stands_in_no_list_of_processes(line: AmtRig) -> None:
    line.console("exec", "true")
    pid = owner_pid(line)
    for name in ("cmdline", "environ"):
        assert PASSWORD.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()


def test_a_host_of_hosts_toml_with_a_password_command(fresh: AmtRig) -> None:
    folder = fresh.folder / "config" / "guardpost"
    folder.mkdir(parents=True, exist_ok=True)
    secret = fresh.folder / "secret"
    secret.write_text(f"{PASSWORD}\n")
    text = f'[web01]\nline = "{fresh.here}"\npassword_command = "cat {secret}"\n'
    (folder / "hosts.toml").write_text(text)
    environment = {k: v for k, v in fresh.environment.items() if k != "GUARDPOST_PASSWORD"}
    words = fresh.argv("exec", "--trust-new", "web01", "echo", "hello")
    done = subprocess.run(words, env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"hello\n"), done.stderr
    # Who joins is asked nothing.
    secret.unlink()
    done = subprocess.run(words, env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"hello\n"), done.stderr


def test_a_terminal_beside_an_owner_wants_no_password(fresh: AmtRig) -> None:
    tmux = need("tmux")
    folders = [f"{n}={fresh.environment[n]}" for n in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")]
    run = shlex.join(["env", "-u", "GUARDPOST_PASSWORD", *folders])
    # Its last words stay to be seen.
    run += f" {shlex.join(fresh.argv('terminal', fresh.here))}; cat"
    words = ("sh", "-c", run)
    with screen(tmux, fresh.folder, *words) as shown:
        shown.waits_for(lambda text: f"Password of {fresh.here}:" in text)
        shown.types("C-c")
    fresh.console("exec", "true")
    with screen(tmux, fresh.folder, *words) as shown:
        shown.waits_for(lambda text: f"connected to {fresh.here}; " in text)
        assert "Password" not in shown.shows()
        # When the owner has gone it would have to be typed, into a terminal that is raw.
        fresh.run("owner", fresh.here, "stop")
        shown.waits_for(lambda text: "nobody can be asked" in text.replace("\n", " "))


@pytest.mark.parametrize("options", [(), ("--no-owner",)])
def test_a_wrong_password(fresh: AmtRig, options: tuple[str, ...]) -> None:
    def change(firmware: AmtServer) -> None:
        firmware.password = b"changed"

    fresh.tell(change)
    code, said = refused(fresh, *options)
    assert (code, said.split()[1]) == (5, "not-allowed:")
    assert "'admin'" in said


# -- who else is there


def test_busy_while_amtterm_has_the_session(fresh: AmtRig) -> None:
    def take_both(firmware: AmtServer) -> None:
        firmware.logins = [1, 4]

    fresh.tell(take_both)
    port = fresh.here.rpartition(":")[2]
    amtterm = subprocess.Popen(
        [need("amtterm"), "-p", PASSWORD, "127.0.0.1", port],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: fresh.firmware.holder is not None)
        code, said = refused(fresh)
        assert (code, said.split()[1]) == (4, "line-busy:")
    finally:
        amtterm.kill()
        amtterm.communicate()
    until(lambda: fresh.firmware.holder is None)
    assert fresh.console("exec", "true").returncode == 0


def test_switched_off(fresh: AmtRig) -> None:
    def switch_off(firmware: AmtServer) -> None:
        firmware.start_status = 3

    fresh.tell(switch_off)
    code, said = refused(fresh)
    assert (code, said.split()[1]) == (255, "line-failed:")
    assert "switched off" in said


# -- a session that the network loses


def test_a_command_outlives_a_lost_session(line: AmtRig) -> None:
    words = line.argv("exec", "--trust-new", line.here, "sh", "-c", "echo ready; read x; echo $x")
    with subprocess.Popen(
        words, env=line.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as command:
        assert command.stdin is not None
        assert command.stdout is not None
        assert command.stdout.readline() == b"ready\n"
        before = line.firmware.sessions
        line.tell(AmtServer.drop)
        until(lambda: line.firmware.sessions > before)
        command.stdin.write(b"still here\n")
        command.stdin.close()
        assert command.stdout.read() == b"still here\n"
    assert command.returncode == 0


def test_100_kb_lose_nothing_when_the_session_is_lost_in_the_middle(line: AmtRig) -> None:
    words = line.argv("exec", "--trust-new", line.here, "cat")
    with subprocess.Popen(
        words, env=line.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as command:
        assert command.stdin is not None
        assert command.stdout is not None
        before = line.firmware.sessions
        command.stdin.write(MUCH[:40_000])
        command.stdin.flush()
        got = command.stdout.read(1000)
        line.tell(AmtServer.drop)
        command.stdin.write(MUCH[40_000:])
        command.stdin.close()
        got += command.stdout.read()
        assert got == MUCH
        assert line.firmware.sessions > before
    assert command.returncode == 0
