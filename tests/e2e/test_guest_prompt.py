"""The prompt's commands on a rescue system: a real kernel, busybox and nothing else.

Each command is typed at the port's far end, as from a dumb terminal.
"""

import contextlib
import socket
from collections.abc import Iterator

import pytest
from support.guest import Guest, guest
from support.guest_agent import start_agent
from support.operator import operator

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 60.0
PROMPT = b"guardpost> "


class Terminal:
    """A person at the other end of the port."""

    def __init__(self, path: str) -> None:
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(path)
        self._line.settimeout(PATIENCE_SECONDS)

    def types(self, line: str, until: bytes = PROMPT) -> str:
        """What is shown until that is."""
        self._line.sendall(line.encode() + b"\r")
        shown = b""
        while not shown.endswith(until):
            shown += self._line.recv(65536)
        return shown.decode()

    def close(self) -> None:
        self._line.close()


@pytest.fixture(scope="module")
def machine() -> Iterator[Guest]:
    with guest({"com2": "isa-serial,index=1"}) as booted:
        booted.check("echo a-password | guardpost agent --set-password ann")
        yield booted


@pytest.fixture(scope="module")
def person(machine: Guest) -> Iterator[Terminal]:
    with operator() as who:
        start_agent(machine, who)
        terminal = Terminal(machine.far_end("com2"))
        with contextlib.closing(terminal):
            terminal.types("")
            terminal.types("login ann", b"Password: ")
            assert "welcome, ann" in terminal.types("a-password")
            terminal.types("page off")
            yield terminal


def test_the_network_is_set_and_shown(machine: Guest, person: Terminal) -> None:
    person.types("ip lo up")
    person.types("ip lo 10.9.8.7/24")
    assert "10.9.8.7/24" in person.types("ip")
    assert "10.9.8.7" in machine.check("ip address")
    person.types("ip lo del 10.9.8.7/24")
    assert "10.9.8.7" not in machine.check("ip address")
    assert "10.0.0.53" in person.types("ip dns 10.0.0.53")
    assert machine.check("cat /etc/resolv.conf") == "nameserver 10.0.0.53\n"


def test_ping_answers(person: Terminal) -> None:
    person.types("ip lo up")
    assert "2 packets received" in person.types("ping 127.0.0.1 2")


def test_the_kernels_log(machine: Guest, person: Terminal) -> None:
    machine.check("echo a mark of ours > /dev/kmsg")
    assert "a mark of ours" in person.types("log 5")


def test_the_clock_is_set(machine: Guest, person: Terminal) -> None:
    assert "2031-02-03 04:05:" in person.types("time set 2031-02-03 04:05:06")
    assert machine.check("date -u +%Y-%m-%d").strip() == "2031-02-03"


def test_what_a_rescue_system_has_not(person: Terminal) -> None:
    assert "not-here: no systemd and no OpenRC runs here" in person.types("service sshd")
    assert "type: reboot now" in person.types("reboot")


def test_a_file_comes_and_goes_as_text(machine: Guest, person: Terminal) -> None:
    person.types("receive /root/came", b"gives up\r\n")
    shown = person.types("aGVsbG8K\r====")
    assert "6 bytes, sha256 " in shown
    assert machine.check("cat /root/came") == "hello\n"
    assert "aGVsbG8K\r\n====" in person.types("send /root/came")
    assert "came" in person.types("ls /root")


def test_a_shell_of_busybox(person: Terminal) -> None:
    asks_where_the_cursor_is = b"# \x1b[6n"
    person.types("shell", asks_where_the_cursor_is)
    assert "/dev/pts/" in person.types("tty", asks_where_the_cursor_is)
    person.types("exit")


def test_the_host_starts_again(machine: Guest, person: Terminal) -> None:
    shown = person.types("reboot now", b"goodbye\r\n")
    assert "reboot: no init runs here" in shown
    machine.await_boot()
