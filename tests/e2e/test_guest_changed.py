"""In a virtual machine of their own, since they take long or leave it changed: a host that
reboots, a transmitter that stands still, units of systemd.
"""

import socket
from collections.abc import Iterator

import pytest
from support.guest import Guest, guest
from support.guest_agent import agent, start_agent, start_httpd, tunnel_to_httpd
from support.operator import Operator, operator

DEVICES = {"sol": "pci-serial"}

# Writes more than port and socket hold, to somebody who does not read.
WRITER = b"""
import asyncio
from guardpost.errors import LineLost
from guardpost.transports import open_url

async def story():
    line = await open_url("/dev/ttyS1")
    reading = asyncio.ensure_future(line.read())
    try:
        await line.write(bytes(4_000_000))
    except LineLost as error:
        print("write:", error)
    try:
        await reading
    except LineLost as error:
        print("read:", error)
    await line.close()
    line = await open_url("/dev/ttyS1")
    print("opened again")
    await line.write(b"the line works")
    await line.read()
    await line.close()

asyncio.run(story())
"""

# What systemctl does to units, as far as a getty is concerned; cgroups and processes are real.
SYSTEMCTL = b"""#!/bin/sh
for unit; do :; done
here=/sys/fs/cgroup/system.slice/$unit
echo "$*" >> /root/systemctl.log
case $1 in
is-active) grep -q . $here/cgroup.procs ;;
stop) kill $(cat $here/cgroup.procs) ;;
start) mkdir -p $here
    (echo 0 > $here/cgroup.procs; exec setsid getty -L 115200 ttyS1 vt100) > /dev/null 2>&1 & ;;
esac
"""


@pytest.fixture
def machine() -> Iterator[Guest]:
    files = {"root/writer.py": WRITER, "bin/systemctl": SYSTEMCTL}
    with guest(DEVICES, append="console=ttyS0 quiet", files=files) as booted:
        yield booted


@pytest.fixture
def somebody() -> Iterator[Operator]:
    with operator() as made:
        yield made


@pytest.mark.slow
def test_a_forward_lives_through_a_reboot_of_its_host(machine: Guest, somebody: Operator) -> None:
    line = f"unix:{machine.far_end('sol')}"
    identity = ("--identity", "/root/identity.key")
    start_agent(machine, somebody, *identity)
    key = machine.check("cat /root/identity.key")
    with tunnel_to_httpd(machine, somebody, line) as tunnel:
        assert tunnel.fetch() == b"hello from the guest\n"
        machine.reset()
        for line_of_key in key.splitlines():  # its disk, as it were
            machine.check(f"umask 077; echo '{line_of_key}' >> /root/identity.key")
        start_agent(machine, somebody, *identity)
        start_httpd(machine)
        said = ""
        while "there is a new session; forwarding again" not in said:
            said += tunnel.says(120)
        assert "the agent was restarted; waiting for a new session" in said
        assert tunnel.fetch() == b"hello from the guest\n"
    somebody.run("owner", line, "stop")


@pytest.mark.slow
def test_a_transmitter_that_stands_still_is_opened_again(machine: Guest) -> None:
    with socket.socket(socket.AF_UNIX) as nobody_reads:
        nobody_reads.connect(machine.far_end("sol"))
        nobody_reads.settimeout(60)
        machine.check("python3 -u /root/writer.py > /root/said 2>&1 & echo $! > /root/pid")
        machine.wait_for("grep opened /root/said")
        said = machine.check("cat /root/said")
        for end in ("write", "read"):
            assert f"{end}: /dev/ttyS1: " in said
        assert "bytes wait, and none has left for 10 s; it is opened again" in said
        heard = b""
        while not heard.endswith(b"the line works"):
            heard = (heard + nobody_reads.recv(65536))[-100:]
        nobody_reads.sendall(b"!")
        machine.wait_for("! kill -0 $(cat /root/pid)")


@pytest.mark.slow
def test_a_unit_of_systemd_is_stopped_and_masked_until_the_agent_ends(
    machine: Guest, somebody: Operator
) -> None:
    machine.check("mount -t cgroup2 none /sys/fs/cgroup; mkdir -p /run/systemd/system")
    machine.check("systemctl start serial-getty@ttyS1.service")
    machine.wait_for("pidof getty")
    refused = machine.run(f"guardpost agent /dev/ttyS1 --allow {somebody.key}")
    assert refused.status == 255
    assert " of serial-getty@ttyS1.service; stop it or start the agent with" in refused.output
    machine.check("> /root/systemctl.log")
    line = f"unix:{machine.far_end('sol')}"
    with agent(machine, somebody, "--take-over"):
        machine.check("! pidof getty")
        done = somebody.run("exec", "--trust-new", line, "--", "echo", "ours")
        assert done.stdout == b"ours\n", done
        somebody.run("owner", line, "stop")
    machine.wait_for("pidof getty")
    told = machine.check("grep -v is-active /root/systemctl.log").splitlines()
    unit = "serial-getty@ttyS1.service"
    assert told == [
        f"mask --runtime {unit}",
        f"stop {unit}",
        f"unmask --runtime {unit}",
        f"start --no-block {unit}",
    ]
