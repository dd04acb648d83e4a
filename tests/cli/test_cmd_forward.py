import asyncio
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from support.commands import command
from support.tcp import nobody_listens

from guardpost.aio.channel import Channel
from guardpost.cli import cmd_forward, hosts
from guardpost.cli.cmd_forward import Tunnels
from guardpost.cli.main import main
from guardpost.errors import AgentRestarted, ChannelReset
from guardpost.services.forwarding import parse_dynamic, parse_forward


def test_ports_are_announced_and_carry_until_ctrl_c() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, nobody_listens() as refused:
        port = server.getsockname()[1]
        process = command(
            *("forward", "web01", "-L", f"0:127.0.0.1:{port}", "-L127.0.0.1:0:[::1]:9"),
            *("-L", f"127.0.0.1:0:127.0.0.1:{refused}"),
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        announced = {}
        while f"127.0.0.1:{refused}" not in announced:
            line = process.stderr.readline().decode()
            match = re.fullmatch(r"guardpost: forwarding (\S+):(\d+) to (\S+)\n", line)
            assert match, line
            if match[1] == "127.0.0.1":
                announced[match[3]] = int(match[2])
        assert set(announced) == {f"127.0.0.1:{port}", "[::1]:9", f"127.0.0.1:{refused}"}
        with socket.create_connection(("127.0.0.1", announced[f"127.0.0.1:{port}"])) as client:
            host, _ = server.accept()
            with host:
                host.sendall(b"hello")
                assert client.recv(5) == b"hello"
        with socket.create_connection(("127.0.0.1", announced[f"127.0.0.1:{refused}"])) as client:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        line = process.stderr.readline().decode()
        assert line.endswith(f" to 127.0.0.1:{refused}: refused\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        with process.stderr:
            assert process.stderr.read() == b""


def test_a_socket_is_gone_when_it_is_told_to_end(tmp_path: Path) -> None:
    path = tmp_path / "d.sock"
    process = command("forward", "web01", "-L", f"{path}:web:80", stderr=subprocess.PIPE)
    assert process.stderr is not None
    with process.stderr:
        process.stderr.readline()
        assert path.is_socket()
        process.terminate()
        assert process.wait(10) == 130
    assert not path.exists()


def test_without_l_those_of_hosts_toml_are_taken(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = f"{tmp_path}/hosts.toml"
    with open(file, "w") as out:
        out.write('[web01]\nline = "/dev/ttyUSB0"\n[db]\nline = "COM3"\nforwards = ["x:y"]\n')
    monkeypatch.setattr(hosts, "standard_files", lambda: (file,))
    assert main(["forward", "web01"]) == 255
    assert "nothing to forward" in capsys.readouterr().err
    assert main(["forward", "db"]) == 255
    assert "x:y: not a forward" in capsys.readouterr().err


def test_a_tunnel_in_a_session_that_has_just_ended_is_a_reset_like_others() -> None:
    class Ended:
        async def open(self, *_: object, **__: object) -> Channel:
            raise AgentRestarted("web01: the agent was restarted")

    tunnels = Tunnels()
    tunnels.session = Ended()
    with pytest.raises(ChannelReset, match="has ended"):
        asyncio.run(tunnels.open("127.0.0.1", 80))


def test_a_port_in_use_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        process = command("forward", "web01", "-L", f"{port}:web:80", stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 255
    assert err.startswith(f"guardpost: cannot-listen: 127.0.0.1:{port}: ".encode())
    assert err.count(b"\n") == 1


def test_every_form_in_the_help_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["forward", "--help"])
    shown = capsys.readouterr().out
    forms = [line.split("  ")[1] for line in cmd_forward.FORMS.splitlines() if line[:2] == "  "]
    assert all(form in shown for form in forms)
    for form in forms[:-1]:
        assert parse_forward(form)
    for form in forms[-1].split(", "):
        assert parse_dynamic(form)


def test_nothing_is_cancelled_by_an_empty_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forward", "web01", "-D", "0", "--cancel", ""]) == 255
    assert capsys.readouterr().err.startswith("guardpost: usage: --cancel takes")
