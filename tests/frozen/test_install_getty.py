"""The .deb in a Debian with a kernel of its own: a UART, systemd's own getty on it, a reboot.

The stories share one boot of a virtual machine; the last one boots it again.
"""

from collections.abc import Iterator

import pytest
from support.debian_guest import be_patient, debian_guest
from support.guest import Guest
from support.operator import Operator, operator
from support.packages import package

pytestmark = pytest.mark.slow

SECONDS = 300.0
SERVICE = "guardpost-agent"
GETTY = "serial-getty@ttyS1"


@pytest.fixture(scope="module", autouse=True)
def a_boot_takes_its_time() -> None:
    be_patient()


@pytest.fixture(autouse=True)
def so_does_each_story() -> None:
    be_patient()


@pytest.fixture(scope="module")
def somebody() -> Iterator[Operator]:
    with operator() as made:
        yield made


@pytest.fixture(scope="module")
def machine(somebody: Operator) -> Iterator[Guest]:
    """The agent runs there, on the port that it has found by itself."""
    files = {
        "root/it.deb": package("deb").read_bytes(),
        "etc/guardpost/authorized_consoles": somebody.key.encode() + b"\n",
    }
    with debian_guest({"sol": "isa-serial,index=1"}, files=files) as booted:
        booted.check("chmod 644 /etc/guardpost/*")
        booted.check("dpkg --force-unsafe-io -i /root/it.deb", SECONDS)
        yield booted


@pytest.fixture
def line(machine: Guest, somebody: Operator) -> Iterator[str]:
    """The target; nobody has it open afterwards."""
    target = machine.target("sol")
    yield target
    somebody.run("owner", target, "stop", seconds=SECONDS)


def console(who: Operator, *words: str) -> tuple[int, str]:
    """Exit code and what was said, of a command that has patience."""
    done = who.run(words[0], "--trust-new", "--connect-timeout", "200", *words[1:], seconds=SECONDS)
    return done.returncode, (done.stdout + done.stderr).decode()


def status_says(machine: Guest, words: str) -> None:
    machine.wait_for(f"systemctl show -p StatusText {SERVICE} | grep -F '{words}'", SECONDS)


def test_who_has_given_it_a_key_before_has_it_started_and_on_the_uart(
    machine: Guest, somebody: Operator, line: str
) -> None:
    status_says(machine, "/dev/ttyS1 (found by itself: a UART")
    assert console(somebody, "exec", line, "--", "uname", "-n") == (0, "debian\n")
    assert "changed the settings" not in machine.check(f"journalctl -u {SERVICE} -o cat", SECONDS)


def test_systemds_getty_is_named_and_waited_for(
    machine: Guest, somebody: Operator, line: str
) -> None:
    machine.check(f"systemctl start {GETTY}", SECONDS)
    status_says(machine, "of serial-getty@ttyS1.service; stop it or start the agent with")
    machine.check(f"systemctl is-active {SERVICE}", SECONDS)  # a busy port is no failure
    machine.check(f"systemctl stop {GETTY}", SECONDS)
    status_says(machine, "/dev/ttyS1 (")
    assert console(somebody, "exec", line, "--", "echo", "again") == (0, "again\n")


def test_systemds_getty_is_taken_over_and_given_back(
    machine: Guest, somebody: Operator, line: str
) -> None:
    # Of two ports with a getty it would find the kernel's console by itself.
    settings = 'take-over = true\\nport = "/dev/ttyS1"\\n'
    machine.check(f"printf '{settings}' >/etc/guardpost/agent.toml")
    machine.check(f"systemctl start {GETTY}; systemctl restart {SERVICE}", SECONDS)
    machine.wait_for(f"systemctl is-enabled {GETTY} | grep masked-runtime", SECONDS)
    status_says(machine, "/dev/ttyS1 (")
    assert console(somebody, "exec", line, "--", "echo", "mine") == (0, "mine\n")
    assert machine.run(f"systemctl is-enabled {GETTY}").output == "masked-runtime\n"
    assert machine.run(f"systemctl is-active {GETTY}").output == "inactive\n"
    assert "is masked" in machine.run(f"systemctl start {GETTY}", SECONDS).output
    machine.check(f"systemctl stop {SERVICE}", SECONDS)
    machine.wait_for(f"systemctl is-active {GETTY}", SECONDS)
    assert machine.run(f"systemctl is-enabled {GETTY}").output == "disabled\n"
    assert "is started again" in machine.check(f"journalctl -u {SERVICE} -o cat")
    machine.check(f"systemctl stop {GETTY}; systemctl start {SERVICE}", SECONDS)


def test_after_a_reboot_it_is_there_again(machine: Guest, somebody: Operator, line: str) -> None:
    machine.run("systemctl --no-block reboot", SECONDS)
    machine.await_boot()
    status_says(machine, "/dev/ttyS1 (")
    assert console(somebody, "exec", line, "--", "uname", "-n") == (0, "debian\n")
