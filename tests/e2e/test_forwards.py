"""-R, -D, -U and what goes on in the background: real processes, a real line, real clients."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.rig import Rig, read_line, rig
from support.tools import need
from support.web import page, web_server

from guardpost.host.processes import list_processes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an owner needs unix sockets")


@pytest.fixture(scope="module")
def line() -> Iterator[Rig]:
    with rig() as made:
        assert made.console("exec", "true").returncode == 0
        yield made


@contextlib.contextmanager
def forward(line: Rig, *options: str) -> "Iterator[str]":
    """`guardpost forward`; yields where it listens."""
    with line.background("forward", line.here, *options) as process:
        announced = read_line(process)
        words = announced.split()
        assert words[:2] == ["guardpost:", "forwarding"], announced
        yield words[words.index("to") - (4 if "of" in words and "host" in words else 1)]


PATH = "/1000/page"


def fetched(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{PATH}", timeout=60) as answer:
        return bool(answer.read() == page(PATH))


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def test_a_port_of_the_host_leads_to_a_server_here(line: Rig) -> None:
    with web_server() as port, forward(line, "-R", f"0:127.0.0.1:{port}") as there:
        assert fetched(port_of(there))


def test_curl_through_socks_5_and_4a(line: Rig) -> None:
    curl = need("curl")
    with web_server() as port, forward(line, "-D", "127.0.0.1:0") as here:
        for proxy in ("socks5h", "socks5", "socks4a", "socks4"):
            words = [curl, "-s", "--proxy", f"{proxy}://{here}", f"http://127.0.0.1:{port}{PATH}"]
            done = subprocess.run(words, capture_output=True, timeout=60)
            assert (done.returncode, done.stdout) == (0, page(PATH)), (proxy, done)
        words = [curl, "-s", "--proxy", f"socks5h://{here}", "http://no-such-host.invalid/"]
        assert subprocess.run(words, capture_output=True, timeout=60).returncode == 97


def test_datagrams_to_a_server_of_the_host(line: Rig) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(30)
        with forward(line, "-U", f"127.0.0.1:0:127.0.0.1:{server.getsockname()[1]}") as here:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(30)
                for data in (b"<13>a line of syslog", b"", bytes(1400)):
                    client.sendto(data, ("127.0.0.1", port_of(here)))
                    came, back = server.recvfrom(2000)
                    assert came == data
                    server.sendto(b"answer", back)
                    assert client.recv(2000) == b"answer"


def test_logger_reaches_the_hosts_syslog(line: Rig) -> None:
    logger = need("logger")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        syslog.bind(("127.0.0.1", 0))
        syslog.settimeout(30)
        with forward(line, "-U", f"127.0.0.1:0:127.0.0.1:{syslog.getsockname()[1]}") as here:
            to = ["-n", "127.0.0.1", "-P", str(port_of(here)), "-d"]
            for text in ("disk sda is failing", "disk sda is gone"):
                subprocess.run([logger, *to, "-p", "daemon.err", text], check=True, timeout=30)
                said = syslog.recv(2000)
                # RFC 5424 section 6.2.1: facility 3, severity 3.
                assert said.startswith(b"<27>"), said
                assert said.rstrip().endswith(text.encode()), said


def test_unix_sockets_at_both_ends(line: Rig, tmp_path: Path) -> None:
    here, there = str(tmp_path / "here"), str(tmp_path / "there")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(there)
        server.listen()
        with forward(line, "-L", f"{here}:{there}") as announced:
            assert announced == here
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(here)
                host, _ = server.accept()
                with host:
                    host.sendall(b"hello")
                    assert client.recv(5) == b"hello"


def is_hello(client: socket.socket, server: socket.socket) -> bool:
    """Whether what is said at the server's end arrives at the client's."""
    server.settimeout(60)
    client.settimeout(60)
    there, _ = server.accept()
    with there, client:
        there.sendall(b"hello")
        return client.recv(5) == b"hello"


@pytest.mark.parametrize("option", ["-L", "-R"])
def test_a_socket_leads_to_a_port_and_a_port_to_a_socket(
    option: str, line: Rig, tmp_path: Path
) -> None:
    """-L: the first is here and the second on the host; -R: the other way round."""
    path, served = str(tmp_path / "listens"), str(tmp_path / "serves")
    with socket.create_server(("127.0.0.1", 0)) as server:
        with forward(line, option, f"{path}:127.0.0.1:{server.getsockname()[1]}") as announced:
            assert announced == path
            assert os.stat(path).st_mode & 0o777 == 0o600
            client = socket.socket(socket.AF_UNIX)
            client.connect(path)
            assert is_hello(client, server)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(served)
        server.listen()
        with forward(line, option, f"127.0.0.1:0:{served}") as announced:
            assert is_hello(socket.create_connection(("127.0.0.1", port_of(announced))), server)
    while option == "-R" and os.path.exists(path):  # until the agent hears that it is over
        time.sleep(0.01)


def test_socks_on_a_socket(line: Rig, tmp_path: Path) -> None:
    path = str(tmp_path / "socks")
    with web_server() as port, forward(line, "-D", path) as announced:
        assert announced == path
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        client.settimeout(60)
        with client:
            # RFC 1928: version 5, no authentication; CONNECT to 127.0.0.1.
            client.sendall(b"\5\1\0" + b"\5\1\0\1\x7f\0\0\1" + port.to_bytes(2, "big"))
            assert client.recv(2, socket.MSG_WAITALL) == b"\5\0"
            assert client.recv(10, socket.MSG_WAITALL)[:2] == b"\5\0"


def in_background(line: Rig) -> list[int]:
    return [
        each.pid
        for each in list_processes()
        if each.argv is not None and line.here.encode() in each.argv and b"forward" in each.argv
    ]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_who_gives_up_the_start_leaves_nothing_in_the_background(end: int) -> None:
    with rig(agent=None) as line:
        words = ("forward", line.here, "-D", "0", "--background", "--connect-timeout", "8")
        with line.background(*words) as process:
            while len(in_background(line)) < 2:
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(end)
            process.wait(60)
            if end == signal.SIGINT:
                assert in_background(line) == []
            while in_background(line):  # it finds that nobody waits for it
                time.sleep(0.05)


def test_without_an_agent_nothing_goes_to_the_background() -> None:
    with rig(agent=None) as line:
        words = ("forward", line.here, "-D", "0", "--background", "--connect-timeout", "1")
        done = line.run(*words)
        assert (done.returncode, done.stderr.count(b"\n")) == (255, 1), done
        assert done.stderr.startswith(b"guardpost: agent-silent: ")
        assert in_background(line) == []


def test_in_the_background_it_is_listed_and_cancelled(line: Rig) -> None:
    with web_server() as port:
        spec = f"127.0.0.1:0:127.0.0.1:{port}"
        done = line.run("forward", line.here, "-L", spec, "--background")
        assert done.returncode == 0, done
        announced, last = done.stderr.decode().splitlines()
        here = port_of(announced.split()[2])
        assert "is in the background" in last
        assert fetched(here)
        listed = json.loads(line.run("forward", line.here, "--list", "--json").stdout)
        (known,) = listed["forwards"]
        assert known["forwards"] == ["-L", spec]
        assert str(known["pid"]) in line.run("forward", line.here, "--list").stdout.decode()
        assert line.run("forward", line.here, "--cancel", spec).returncode == 0
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", here), 5)
        assert (
            json.loads(line.run("forward", line.here, "--list", "--json").stdout)["forwards"] == []
        )
        gone = line.run("forward", line.here, "--cancel", spec)
        assert b"no-such-forward" in gone.stderr


def test_what_fails_at_once_is_told_in_the_foreground(line: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        spec = f"{taken.getsockname()[1]}:web:80"
        done = line.run("forward", line.here, "-L", spec, "--background")
    assert done.returncode == 255
    assert done.stderr.startswith(b"guardpost: cannot-listen: ")
    assert done.stderr.count(b"\n") == 1


def test_a_killed_one_is_not_listed(line: Rig) -> None:
    done = line.run("forward", line.here, "-D", "0", "--background")
    (known,) = json.loads(line.run("forward", line.here, "--list", "--json").stdout)["forwards"]
    os.kill(known["pid"], 9)
    while json.loads(line.run("forward", line.here, "--list", "--json").stdout)["forwards"]:
        pass
    assert done.returncode == 0


def test_many_connections_to_the_hosts_port_at_once(line: Rig) -> None:
    with web_server() as port, forward(line, "-R", f"0:127.0.0.1:{port}") as there:
        pages: list[bool] = []
        port = port_of(there)
        threads = [threading.Thread(target=lambda: pages.append(fetched(port))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(pages) == 20
        assert all(pages)


def test_an_agent_that_is_stopped_in_order_is_waited_for(line: Rig) -> None:
    """As its host's shutdown, or an upgrade, stops it: the port here stays meanwhile."""
    with web_server() as web:
        words = ("--trust-new", line.here, "-L", f"127.0.0.1:0:127.0.0.1:{web}")
        with line.background("forward", *words) as process:
            port = int(read_line(process).split(" to ")[0].rsplit(":", 1)[1])
            line.stop_agent()
            line.start_agent()
            assert "the agent was stopped; waiting" in read_line(process)
            while "there is a new session" not in (said := read_line(process)):
                assert "trying again" in said
            assert fetched(port)
