"""BREAK at an emulated UART: sent by hand in `guardpost terminal`, noticed by the agent behind it.

QEMU takes Telnet's BREAK for one on the wire, so a real kernel counts it. COM2 is for the agent
alone; the PCI port is the kernel's console besides, which takes the byte after a BREAK for a
SysRq command. All stories share one boot.
"""

import contextlib
import time
from collections.abc import Iterator

import pytest
from support.bare_terminal import Screen, screen
from support.guest import Guest, guest
from support.guest_agent import agent
from support.operator import Operator, operator
from support.tools import need

PATIENCE_SECONDS = 60.0
PASSWORD = "a-password-for-the-prompt"
PORTS = {"isa": "/dev/ttyS1", "pci": "/dev/ttyS2"}


@pytest.fixture(scope="module")
def machine() -> Iterator[Guest]:
    devices = {"isa": "isa-serial,index=1", "pci": "pci-serial"}
    with guest(devices, append="console=ttyS2 console=ttyS0 quiet", telnet=devices) as booted:
        booted.check(f"echo {PASSWORD} | guardpost agent --set-password ann")
        yield booted


@pytest.fixture(scope="module")
def somebody() -> Iterator[Operator]:
    with operator() as made:
        yield made


@contextlib.contextmanager
def terminal(who: Operator, target: str) -> Iterator[Screen]:
    """`guardpost terminal` in a terminal with keys."""
    env = [f"{name}={who.environment[name]}" for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")]
    words = ("env", *env, *who.argv("terminal", target))
    with screen(need("tmux"), who.folder, *words) as shown:
        shown.waits_for(lambda text: "connected to" in text, PATIENCE_SECONDS)
        yield shown


def sends_break(shown: Screen) -> None:
    """By the escape menu."""
    shown.types("C-]", "b")
    shown.waits_for(lambda text: "guardpost: a BREAK was sent" in text, PATIENCE_SECONDS)


def logs_in(shown: Screen) -> None:
    shown.types("C-]", "k")
    shown.waits_for(lambda text: text.endswith("guardpost>"), PATIENCE_SECONDS)
    shown.types("login ann", "Enter")
    shown.waits_for(lambda text: text.endswith("Password:"), PATIENCE_SECONDS)
    shown.types(PASSWORD, "Enter")
    shown.waits_for(lambda text: "welcome, ann" in text, PATIENCE_SECONDS)
    shown.types("uptime", "Enter")
    shown.waits_for(lambda text: "CPUs; load" in text, PATIENCE_SECONDS)


def of_sysrq(machine: Guest) -> int:
    """How often the kernel took a byte for such a command."""
    return int(machine.run("dmesg | grep -c sysrq:").output)


@pytest.mark.parametrize("device", ["isa", pytest.param("pci", marks=pytest.mark.slow)])
def test_a_break_locks_the_prompt(machine: Guest, somebody: Operator, device: str) -> None:
    commands = of_sysrq(machine)
    with (
        agent(machine, somebody, port=PORTS[device]),
        terminal(somebody, machine.target(device)) as shown,
    ):
        logs_in(shown)
        sends_break(shown)
        shown.types("Enter", "Enter")  # on a kernel's console the first is SysRq's
        shown.waits_for(lambda text: "locked (a BREAK came)" in text, PATIENCE_SECONDS)
        shown.types("uptime", "Enter")
        shown.waits_for(lambda text: "not logged in; first: login" in text, PATIENCE_SECONDS)
        assert of_sysrq(machine) == commands + (device == "pci")


@pytest.mark.slow
def test_a_break_beside_a_session_leaves_it_alone(machine: Guest, somebody: Operator) -> None:
    target = machine.target("isa")
    with agent(machine, somebody, port=PORTS["isa"]):
        begun = somebody.run("exec", "--trust-new", "--persist", "60", target, "--", "true")
        assert begun.returncode == 0, begun
        with terminal(somebody, target) as shown:
            words = "touch /root/begun; until [ -e /root/end ]; do echo on; sleep 0.1; done"
            with somebody.background("exec", target, "--", "sh", "-c", words) as running:
                machine.wait_for("[ -e /root/begun ]")
                sends_break(shown)
                machine.check("touch /root/end")
                assert running.wait(PATIENCE_SECONDS) == 0
        assert machine.check("grep -c 'event=session outcome=begin' /root/log") == "1\n"
        somebody.run("owner", target, "stop")


@pytest.mark.slow
def test_after_a_break_a_kernel_does_not_take_a_hello_for_a_command(
    machine: Guest, somebody: Operator
) -> None:
    target = machine.target("pci")
    commands = of_sysrq(machine)
    with agent(machine, somebody, port=PORTS["pci"]):
        with terminal(somebody, target) as shown:
            sends_break(shown)
            sent = time.monotonic()
            shown.types("C-]", "q")
        done = somebody.run("exec", "--trust-new", target, "--", "echo", "a session")
        assert done.stdout == b"a session\n", done
        assert time.monotonic() - sent > 5.0
        assert of_sysrq(machine) == commands
        somebody.run("owner", target, "stop")
