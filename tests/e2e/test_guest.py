"""guardpost in a virtual machine: a real kernel's serial port, shared with a getty and the kernel.

/dev/ttyS1 is a PCI serial port there, and one of the kernel's consoles. All stories share one
boot, so each leaves the port as it found it.
"""

import contextlib
import re
import socket
import termios
from collections.abc import Iterator

import pytest
from support.guest import Guest, guest
from support.guest_agent import agent, agent_command, tunnel_to_httpd
from support.operator import Operator, operator

INITTAB = b"ttyS1::respawn:/bin/getty -L 115200 ttyS1 vt100\n"
PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def machine() -> Iterator[Guest]:
    devices = {"sol": "pci-serial"}
    console = "console=ttyS1,115200 console=ttyS0 quiet"
    with guest(devices, append=console, files={"etc/inittab": INITTAB}) as booted:
        yield booted


@pytest.fixture(scope="module")
def somebody() -> Iterator[Operator]:
    with operator() as made:
        yield made


@pytest.fixture
def line(machine: Guest, somebody: Operator) -> Iterator[str]:
    """The target; nobody on the host has it open afterwards."""
    target = f"unix:{machine.far_end('sol')}"
    yield target
    somebody.run("owner", target, "stop")


@contextlib.contextmanager
def getty(machine: Guest) -> Iterator[str]:
    """busybox's init with a getty on the port: the getty's process id."""
    machine.check("unshare -p -f init > /dev/null 2>&1 & echo $! > /root/init.pid")
    machine.wait_for("pidof getty")
    try:
        yield machine.check("pidof getty").strip()
    finally:
        machine.check("kill -9 $(cat /proc/$(cat /root/init.pid)/task/*/children)")
        machine.wait_for("! pidof getty")


def state_of(machine: Guest, pid: str) -> str:
    return machine.check(f"cut -d' ' -f3 /proc/{pid}/stat").strip()


def settings_of_port(machine: Guest) -> list[int]:
    """Without HUPCL, which stays cleared (docs/transports.md)."""
    words = [int(word, 16) for word in machine.check("stty -g -F /dev/ttyS1").split(":")]
    words[2] &= ~termios.HUPCL
    return words


class Terminal:
    """A person at the other end of the port."""

    def __init__(self, machine: Guest) -> None:
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(machine.far_end("sol"))
        self._line.settimeout(PATIENCE_SECONDS)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *error: object) -> None:
        self._line.close()

    def reads(self, wanted: bytes) -> bytes:
        """All until `wanted` has come."""
        shown = b""
        while wanted not in shown:
            shown += self._line.recv(4096)
        return shown

    def types(self, keys: bytes) -> None:
        self._line.sendall(keys)


def test_a_session_through_a_pci_serial_port_of_a_real_kernel(
    machine: Guest, somebody: Operator, line: str
) -> None:
    with agent(machine, somebody):
        done = somebody.run("exec", "--trust-new", line, "--", "sh", "-c", "uname -sm; exit 3")
        assert (done.returncode, done.stdout) == (3, b"Linux x86_64\n"), done


def test_a_tunnel_to_a_web_server_of_the_guest(
    machine: Guest, somebody: Operator, line: str
) -> None:
    with agent(machine, somebody), tunnel_to_httpd(machine, somebody, line) as tunnel:
        assert tunnel.fetch() == b"hello from the guest\n"


def test_a_getty_is_named_and_left_alone(machine: Guest, somebody: Operator) -> None:
    with getty(machine) as pid:
        done = machine.run(agent_command(somebody))
        assert done.status == 255
        assert (
            f"guardpost: line-busy: /dev/ttyS1 is held by getty (pid {pid}); "
            "stop it or start the agent with --take-over\n"
        ) in done.output
        assert state_of(machine, pid) != "T"


def test_a_getty_waits_for_an_agent_that_takes_over_and_then_goes_on(
    machine: Guest, somebody: Operator, line: str
) -> None:
    with getty(machine) as pid:
        with Terminal(machine) as person:
            person.types(b"\r")
            person.reads(b"login: ")
        settings = settings_of_port(machine)
        with agent(machine, somebody, "--take-over"):
            assert state_of(machine, pid) == "T"
            done = somebody.run("exec", "--trust-new", line, "--", "echo", "a", "session")
            assert done.stdout == b"a session\n", done
            somebody.run("owner", line, "stop")
        machine.check(f"grep 'process {pid} goes on' /root/log")
        assert settings_of_port(machine) == settings
        with Terminal(machine) as person:
            person.types(b"somebody\r")
            person.reads(b"Password: ")


def test_the_kernel_writes_between_our_frames_and_nothing_is_lost(
    machine: Guest, somebody: Operator, line: str
) -> None:
    loud = "(for i in $(seq 100); do echo '<3>an important message' > /dev/kmsg; done) &"
    # With `wait`: a SIGCHLD in a blocked write costs busybox's seq its output.
    words = f"{loud} seq 20000; wait"
    with agent(machine, somebody):
        done = somebody.run("exec", "--trust-new", line, "--", "sh", "-c", words)
        assert done.stdout.split() == [b"%d" % number for number in range(1, 20001)]
        info = somebody.run("info", line).stdout
    noise = re.search(rb"(\d+) bytes of text or noise", info)
    assert noise is not None
    assert int(noise[1]) > 0, "the kernel did write there"
    assert machine.check("dmesg | grep -c important").strip() == "100"


def test_the_kernel_is_quiet_while_a_session_is_up_and_as_before_afterwards(
    machine: Guest, somebody: Operator, line: str
) -> None:
    level = "cut -f1 /proc/sys/kernel/printk"
    machine.check("dmesg -n 7")
    with agent(machine, somebody, "--quiet-kernel"):
        assert machine.check(level) == "7\n"
        soon = f"for i in 1 2 3 4 5 6 7 8; do [ $({level}) = 7 ] && exit; sleep 1; done; exit 1"

        def restored() -> bool:
            done = somebody.run("exec", "--trust-new", line, "--", "sh", "-c", level)
            assert done.stdout == b"1\n", done
            somebody.run("owner", line, "stop")
            return machine.run(soon).status == 0

        # On a busy machine QEMU may drop what is left of a line whose far end closes it.
        assert any(restored() for _ in range(3)), "not one of three goodbyes"
        assert somebody.run("exec", line, "--", "true").returncode == 0
        assert machine.check(level) == "1\n"
    assert machine.check(level) == "7\n", "SIGTERM in a session restores it too"
    machine.check("dmesg -n 4")


def test_a_port_that_is_hung_up_is_opened_again_and_the_session_goes_on(
    machine: Guest, somebody: Operator, line: str
) -> None:
    hang_up = "import ctypes, os; os.open('/dev/ttyS1', os.O_RDWR); ctypes.CDLL(None).vhangup()"
    with agent(machine, somebody):
        assert somebody.run("exec", "--trust-new", line, "--", "true").returncode == 0
        machine.run(f'setsid python3 -c "{hang_up}"')
        machine.wait_for("grep 'hung up' /root/log")
        machine.wait_for("grep 'the line is back' /root/log")
        assert somebody.run("exec", line, "--", "true").returncode == 0
        assert machine.check("grep -c 'event=session outcome=begin' /root/log") == "1\n"


@pytest.mark.slow
def test_settings_that_somebody_changes_are_set_again(
    machine: Guest, somebody: Operator, line: str
) -> None:
    with agent(machine, somebody):
        machine.check("stty -F /dev/ttyS1 sane")
        machine.wait_for("grep 'changed the settings of /dev/ttyS1' /root/log")
        done = somebody.run("exec", "--trust-new", line, "--", "echo", "deaf", "no", "more")
        assert done.stdout == b"deaf no more\n", done
