"""`guardpost ports` and `agent auto` on real kernels: what QEMU's machines have of ports."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.guest import Guest, guest
from support.spcr import spcr_table

from guardpost.identity import ephemeral

PATIENCE_SECONDS = 60.0
KEY = ephemeral(lambda count: b"k" * count).public_key
COM1, COM2 = 0x3F8, 0x2F8
CHANNEL = "org.guardpost.0"


def ports(machine: Guest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(machine.check("guardpost ports --json"))
    return found


def await_log(machine: Guest, text: str) -> None:
    """Until the agent has said so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while machine.run(f"grep -q '{text}' /root/agent.log").status:
        log = machine.check("cat /root/agent.log")
        assert time.monotonic() < deadline, f"not a word of {text!r} in: {log}"
        time.sleep(0.2)


@contextlib.contextmanager
def agent(machine: Guest, port: str = "auto", says: str = "words") -> Iterator[None]:
    words = f"guardpost agent {port} --ephemeral --allow {KEY}"
    machine.check(f"{words} > /root/agent.log 2>&1 & echo $! > /root/agent.pid")
    try:
        await_log(machine, says)
        yield
    finally:
        machine.check("kill $(cat /root/agent.pid)")
        machine.wait_for("! kill -0 $(cat /root/agent.pid)")


def prompt_at(machine: Guest, device: str) -> bytes:
    """What a person who presses Enter at the other end of a port gets."""
    with socket.socket(socket.AF_UNIX) as far_end:
        far_end.connect(machine.far_end(device))
        far_end.settimeout(1.0)
        got = b""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while b"guardpost>" not in got:
            log = machine.check("cat /root/agent.log")
            assert time.monotonic() < deadline, f"{got!r}; {log}"
            far_end.sendall(b"\r")
            with contextlib.suppress(TimeoutError):
                got += far_end.recv(4096)
        return got


# One boot for most: the kernel's console on COM1, COM2 that the firmware names, a PCI port and
# virtio ports. On x86 the kernel does not use what SPCR names, so that port is free for an agent.


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    table = tmp_path_factory.mktemp("acpi") / "spcr.aml"
    table.write_bytes(spcr_table(COM2, irq=3))
    devices = {
        "com2": "isa-serial,index=1",
        "pci": "pci-serial,addr=05.0",
        "channel": f"virtserialport,name={CHANNEL}",
    }
    with guest(devices, options=["-acpitable", f"file={table}"]) as booted:
        booted.wait_for(f"grep {CHANNEL} /sys/class/virtio-ports/*/name")
        yield booted


def test_every_port_is_known_for_what_it_is_and_in_order(machine: Guest) -> None:
    said = ports(machine)
    by_path = {each["path"]: each for each in said["ports"]}
    console, com2, sol = (by_path[f"/dev/ttyS{number}"] for number in range(3))
    channels = {each["channel"]: each for each in said["ports"] if each["bus"] == "virtio"}
    control, ours = channels["control"], channels[CHANNEL]
    assert said["ports"] == [com2, ours, sol, console, control], "and no hvc0 to hvc7"
    assert said["auto"] == "/dev/ttyS1"
    assert said["without_uart"] == ["ttyS3"]
    assert (console["bus"], console["label"], console["io_address"]) == ("pnp", "PNP0501", COM1)
    assert (com2["bus"], com2["io_address"], com2["baud"]) == ("pnp", COM2, 115200)
    assert (sol["bus"], sol["node"], sol["pci"]) == ("pci", "0000:00:05.0", "1b36:0002")
    reasons = [each["words"] for each in com2["reasons"]]
    assert "the firmware's own console (SPCR: I/O 0x2f8, 115200 bit/s)" in reasons
    assert "console=ttyS0 on the kernel command line" in console["reasons"][0]["words"]
    assert control["taken_by"], "the shell that runs this"


def test_a_getty_on_a_port_is_seen(machine: Guest) -> None:
    machine.check("getty -L 115200 ttyS2 vt100 < /dev/null > /dev/null 2>&1 & echo $! > /g.pid")
    machine.wait_for("ls -l /proc/$(cat /g.pid)/fd | grep ttyS2")
    assert "taken by getty (pid" in machine.check("guardpost ports")
    machine.check("kill $(cat /g.pid)")


def test_auto_takes_the_firmwares_console_and_waits_for_it_when_it_is_gone(machine: Guest) -> None:
    with agent(machine):
        log = machine.check("cat /root/agent.log")
        assert "agent on serial:/dev/ttyS1 (found by itself: the firmware's own console" in log
        assert b"guardpost>" in prompt_at(machine, "com2")
        driver = "/sys/bus/pnp/drivers/serial"
        node = machine.check("basename $(readlink -f /sys/class/tty/ttyS1/device)").strip()
        machine.check(f"echo {node} > {driver}/unbind")
        await_log(machine, "/dev/ttyS1 .* is gone, and it is waited for")
        machine.check(f"echo {node} > {driver}/bind")
        await_log(machine, "the line is back")
        assert b"guardpost>" in prompt_at(machine, "com2")


@pytest.mark.slow
def test_an_agent_on_a_virtio_port_serves_one_peer_after_the_other(machine: Guest) -> None:
    (port,) = (each["path"] for each in ports(machine)["ports"] if each["channel"] == CHANNEL)
    with agent(machine, port):
        for _ in range(2):
            assert b"guardpost>" in prompt_at(machine, "channel")
        log = machine.check("cat /root/agent.log")
        assert log.count("the line has ended") <= 2, "it waits for a peer without a noise"
        second = machine.run(f"guardpost agent {port} --ephemeral --allow {KEY}")
        assert second.status == 255
        assert "line-busy" in second.output
        assert "is held by python3" in second.output


@pytest.mark.slow
def test_a_port_that_comes_later_is_waited_for() -> None:
    """The agent starts where no port is but that of this test; then a PCI port gets its driver."""
    with guest({"pci": "pci-serial,addr=05.0"}, append="quiet", kernel_log=False) as machine:
        driver = "/sys/bus/pci/drivers/serial"
        machine.check(f"echo 0000:00:05.0 > {driver}/unbind")
        with agent(machine, says="nothing speaks for any port here"):
            assert "no port yet: nothing speaks for" in machine.check("cat /root/agent.log")
            machine.check(f"echo 0000:00:05.0 > {driver}/bind")
            await_log(machine, "port /dev/ttyS")
            assert b"guardpost>" in prompt_at(machine, "pci")


@pytest.mark.slow
def test_a_hypervisors_console_is_the_last_resort() -> None:
    with guest({"hvc": "virtconsole"}, append="quiet", kernel_log=False) as machine:
        with agent(machine):
            log = machine.check("cat /root/agent.log")
            assert "agent on serial:/dev/hvc0 (found by itself: a hypervisor's console" in log
            assert b"guardpost>" in prompt_at(machine, "hvc")
