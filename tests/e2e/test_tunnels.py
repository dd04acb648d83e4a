"""TCP through the line: real agent, owner, curl and OpenSSH on a simulated line."""

import concurrent.futures
import contextlib
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.rig import Rig, read_line, rig
from support.tcp import nobody_listens
from support.tools import need
from support.web import Sshd, page, sshd, web_server


@pytest.fixture(scope="module")
def line() -> Iterator[Rig]:
    """A good, quick line that several stories share."""
    with rig(baud=921600) as made:
        yield made


def fetch(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return answer.read()


def test_curl_fetches_a_page_through_the_line(line: Rig) -> None:
    curl = need("curl")
    with web_server() as web, line.forward(f"0:127.0.0.1:{web}") as (port,):
        done = subprocess.run(
            [curl, "-sS", "-m", "50", f"http://127.0.0.1:{port}/200000/curl"], capture_output=True
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout == page("/200000/curl")


def test_fifty_connections_load_the_server_at_once(line: Rig) -> None:
    with (
        web_server() as web,
        line.forward(f"0:127.0.0.1:{web}") as (port,),
        concurrent.futures.ThreadPoolExecutor(50) as pool,
    ):
        paths = [f"/{1000 + 40 * i}/load{i}" for i in range(150)]
        answers = list(pool.map(lambda path: fetch(port, path), paths))
    assert answers == [page(path) for path in paths]


def test_two_hundred_connections_live_at_once(line: Rig) -> None:
    """All are open before the first is answered."""
    import socket

    with web_server() as web, line.forward(f"0:127.0.0.1:{web}") as (port,):
        connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        for i, connection in enumerate(connections):
            connection.settimeout(60)
            connection.sendall(f"GET /300/c{i} HTTP/1.0\r\n\r\n".encode())
        for i, connection in enumerate(connections):
            answer = b""
            with connection:
                while data := connection.recv(65536):
                    answer += data
            assert answer.endswith(page(f"/300/c{i}")), i


def test_a_dirty_line_loses_nothing_of_a_page() -> None:
    with (
        rig("--loss", "1e-4", "--flip", "1e-4", "--dup", "0.002", "--hole", "1e-5") as made,
        web_server() as web,
        made.forward(f"0:127.0.0.1:{web}") as (port,),
    ):
        assert fetch(port, "/300000/dirty") == page("/300000/dirty")


def test_a_refused_connection_is_refused_here_too(line: Rig) -> None:
    with nobody_listens() as nobody:
        done = line.console("nc", f"127.0.0.1:{nobody}")
    assert done.returncode == 255
    assert b"refused" in done.stderr
    assert done.stdout == b""


def test_a_name_that_does_not_resolve_is_told_apart(line: Rig) -> None:
    done = line.console("nc", "no-such-host.invalid:22")
    assert done.returncode == 255
    assert b"name-not-found" in done.stderr


def test_nc_keeps_the_half_close(line: Rig) -> None:
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))

    def upper() -> None:
        connection, _ = listener.accept()
        with connection:
            got = b""
            while data := connection.recv(65536):
                got += data
            connection.sendall(got.upper())

    thread = threading.Thread(target=upper)
    thread.start()
    done = line.console("nc", f"127.0.0.1:{listener.getsockname()[1]}", input=b"half closed")
    thread.join()
    listener.close()
    assert (done.returncode, done.stdout) == (0, b"HALF CLOSED")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("ssh") / "server") as server:
        yield server


class TestOpenSSH:
    """ssh, scp and sftp with ProxyCommand 'guardpost nc ...' against a real sshd."""

    def proxied(self, line: Rig, server: Sshd) -> list[str]:
        command = " ".join(line.argv("nc", "--trust-new", line.here, f"127.0.0.1:{server.port}"))
        return [*server.options, "-o", f"ProxyCommand={command}"]

    def run(self, line: Rig, *argv: str, **options: object) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            argv, env=line.environment, capture_output=True, timeout=90, **options
        )  # type: ignore[call-overload,no-any-return]

    def test_ssh_gives_output_and_exit_status(self, line: Rig, server: Sshd) -> None:
        done = self.run(
            line,
            need("ssh"),
            *self.proxied(line, server),
            "host",
            "cat; echo done >&2; exit 9",
            input=b"through ssh through the line",
        )
        assert done.returncode == 9, done.stderr
        assert done.stdout == b"through ssh through the line"
        assert b"done" in done.stderr

    def test_scp_copies_a_file_both_ways(self, line: Rig, server: Sshd, tmp_path: Path) -> None:
        original = tmp_path / "original"
        original.write_bytes(page("/300000/scp"))
        there, back = tmp_path / "there", tmp_path / "back"
        scp = [need("scp"), "-q", *self.proxied(line, server)]
        done = self.run(line, *scp, str(original), f"host:{there}")
        assert done.returncode == 0, done.stderr
        done = self.run(line, *scp, f"host:{there}", str(back))
        assert done.returncode == 0, done.stderr
        assert back.read_bytes() == there.read_bytes() == original.read_bytes()

    def test_sftp_lists_and_fetches(self, line: Rig, server: Sshd, tmp_path: Path) -> None:
        (tmp_path / "listed").write_bytes(page("/50000/sftp"))
        commands = f"ls {tmp_path}\nget {tmp_path}/listed {tmp_path}/fetched\n"
        done = self.run(
            line,
            need("sftp"),
            *self.proxied(line, server),
            "-b",
            "-",
            "host",
            input=commands.encode(),
        )
        assert done.returncode == 0, done.stderr
        assert b"listed" in done.stdout
        assert (tmp_path / "fetched").read_bytes() == page("/50000/sftp")


def test_the_port_that_a_restarted_agent_picks_is_told_again() -> None:
    with rig(baud=921600) as line, web_server() as web:
        words = ("forward", "--trust-new", line.here, "-R", f"0:127.0.0.1:{web}")
        with line.background(*words) as process:
            before = announced(read_line(process))
            assert line.agent_process is not None
            line.agent_process.kill()
            line.agent_process.wait()
            # Nobody gives it this one again.
            with contextlib.ExitStack() as taken:
                for address, family in before:
                    server = taken.enter_context(socket.socket(family))
                    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    server.bind(address)
                line.start_agent()
                while "forwarding again" not in read_line(process, 120):
                    pass
                after = announced(read_line(process, 120))
            port = after[0][0][1]
            assert port != before[0][0][1]
            assert fetch(port, "/3000/after") == page("/3000/after")


def announced(line: str) -> "list[tuple[tuple[str, int], socket.AddressFamily]]":
    """Where the host listens, in "guardpost: forwarding 127.0.0.1:PORT of the host to ..."."""
    port = int(line.split(" of the host to ")[0].rpartition(":")[2])
    return [(("127.0.0.1", port), socket.AF_INET)]


def test_a_forward_goes_on_with_an_agent_that_was_restarted() -> None:
    with rig(baud=921600) as line, web_server() as web:
        words = ("forward", "--trust-new", line.here, "-L", f"127.0.0.1:0:127.0.0.1:{web}")
        with line.background(*words) as process:
            port = int(read_line(process).split(" to ")[0].rsplit(":", 1)[1])
            assert fetch(port, "/3000/before") == page("/3000/before")
            assert line.agent_process is not None
            line.agent_process.kill()
            line.agent_process.wait()
            line.start_agent()
            with pytest.raises(OSError):
                fetch(port, "/3000/meanwhile")
            said = ""
            while "forwarding again" not in said:
                said += read_line(process, 120)
            assert "the agent was restarted; waiting for a new session\n" in said
            assert fetch(port, "/3000/after") == page("/3000/after")
