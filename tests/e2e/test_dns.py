"""The host's name server through the line: dnsmasq there, dig here, -U and -L between them."""

import concurrent.futures
import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from support.rig import read_line, rig
from support.running import running
from support.tcp import free_port
from support.tools import need

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an owner needs unix sockets")

TEXTS = [f"{number} {'x' * 240}" for number in range(7)]
HOSTS = {f"web{number}.example": f"192.0.2.{number}" for number in range(1, 13)}


@contextlib.contextmanager
def name_server(port: int) -> Iterator[None]:
    """dnsmasq on 127.0.0.1, with nothing of this machine's and the names above."""
    own = [
        "-C",
        "/dev/null",
        "--pid-file=",
        "--no-resolv",
        "--no-hosts",
    ]
    own += [f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces"]
    own += ["--keep-in-foreground", "--edns-packet-max=4096"]
    names = [f"--host-record={name},{address}" for name, address in HOSTS.items()]
    names += [f"--txt-record=big.example,{text}" for text in TEXTS]
    with running([need("dnsmasq"), *own, *names], port):
        yield


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of this machine: datagrams and connections to it reach the host's name server."""
    here, there = free_port(), free_port()
    spec = f"127.0.0.1:{here}:127.0.0.1:{there}"
    with (
        rig() as line,
        name_server(there),
        line.background("forward", "--trust-new", line.here, "-U", spec, "-L", spec) as forwards,
    ):
        assert {read_line(forwards).split()[1] for _ in range(2)} == {"forwarding"}
        yield here


def dig(port: int, *words: str) -> str:
    own = ["@127.0.0.1", "-p", str(port), "+time=30", "+tries=1"]
    done = subprocess.run([need("dig"), *own, *words], capture_output=True, timeout=90)
    assert done.returncode == 0, done
    return done.stdout.decode()


def big_answer(said: str) -> list[str]:
    return sorted(re.findall(r'TXT\s+"(.*)"', said))


def test_an_address(port: int) -> None:
    assert dig(port, "+short", "web7.example", "A") == "192.0.2.7\n"


def test_an_answer_larger_than_a_frame_of_ethernet_comes_as_one_datagram(port: int) -> None:
    said = dig(port, "+notcp", "+ignore", "+bufsize=4096", "big.example", "TXT")
    assert big_answer(said) == TEXTS
    assert "(UDP)" in said
    (size,) = re.findall(r"MSG SIZE +rcvd: (\d+)", said)
    assert int(size) > 1500


def test_an_answer_too_large_for_a_datagram_is_asked_for_again_over_tcp(port: int) -> None:
    said = dig(port, "+bufsize=512", "big.example", "TXT")
    assert "retrying in TCP mode" in said
    assert big_answer(said) == TEXTS
    assert "(TCP)" in said


def test_many_ask_at_once(port: int) -> None:
    with concurrent.futures.ThreadPoolExecutor(len(HOSTS)) as pool:
        answers = pool.map(lambda name: dig(port, "+short", name, "A").strip(), HOSTS)
        assert list(answers) == list(HOSTS.values())
