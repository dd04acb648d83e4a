"""`guardpost nc` in a process of its own, since it owns its standard streams."""

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest
from support.commands import command
from support.tcp import nobody_listens

from guardpost.cli.main import main


@contextlib.contextmanager
def serving(one: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection with `one`, in a thread; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def body() -> None:
            client, _ = server.accept()
            with client:
                one(client)

        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def nc(*words: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return command("nc", *words, stdin=pipe, stdout=pipe, stderr=pipe)


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def test_the_end_of_the_input_passes_and_the_answer_still_comes() -> None:
    def answer_after_the_end(client: socket.socket) -> None:
        client.sendall(b"%d bytes" % len(read_all(client)))

    with serving(answer_after_the_end) as port:
        process = nc("web01", f"127.0.0.1:{port}")
        assert process.communicate(b"x" * 300_000, timeout=20) == (b"300000 bytes", b"")
        assert process.returncode == 0


def test_the_end_of_the_answer_passes_and_the_input_still_goes() -> None:
    heard = []

    def answer_first(client: socket.socket) -> None:
        client.sendall(b"welcome")
        client.shutdown(socket.SHUT_WR)
        heard.append(read_all(client))

    with serving(answer_first) as port:
        process = nc("web01", "127.0.0.1", str(port))
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.read() == b"welcome"  # up to its end, although we still write
        process.stdin.write(b"more")
        assert process.communicate(timeout=20) == (b"", b"")
    assert heard == [b"more"]


def test_a_refusal_is_one_line_on_standard_error() -> None:
    with nobody_listens() as port:
        process = nc("web01", f"127.0.0.1:{port}")
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (255, b"")
    assert err == b"guardpost: refused: 127.0.0.1:%d: nothing listens there\n" % port


def test_a_malformed_destination_is_a_usage_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["nc", "web01", "nowhere"]) == 255
    assert "no port" in capfd.readouterr().err
