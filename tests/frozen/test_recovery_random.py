"""A machine that has nothing random yet: the prompt answers and says so, and a session waits.

Its processor has no such instruction, and its counter stands still for the kernel, which otherwise
makes randomness of that in a second. A virtual generator is there; its driver comes by hand.
"""

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.frozen import frozen_agent
from support.guest_kernel import modules
from support.operator import Operator, operator
from support.recovery_image import busybox_image
from support.recovery_machine import PC, RecoveryMachine, debian_kernel, recovery_machine

# Minutes of emulation, and a kernel that is compiled as this one is.
pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 120.0
AGAIN_SECONDS = 5.0
PLAIN = PC._replace(words=("-machine", "q35", "-cpu", "qemu64,-rdrand,-rdseed"))
DISTRUST = "random.trust_cpu=off random.trust_bootloader=off"

# In try_to_generate_entropy of drivers/char/random.c: inc, dec, jne, lea 0x2000(...). It counts how
# often the counter has moved, 8192 times, and gives up if it seldom has.
COUNTING = re.compile(rb"(\xff[\xc0-\xc7])(\xff[\xc8-\xcf]\x75.\x8d.\x00\x20\x00\x00)", re.DOTALL)
NOP = b"\x66\x90"


def kernel_whose_counter_stands_still(folder: Path) -> Path:
    """Debian's, but for one instruction: that count stays zero."""
    original = debian_kernel().read_bytes()
    changed, times = COUNTING.subn(rb"%s\2" % NOP, original)
    assert times == 1, "drivers/char/random.c is compiled to something else in this kernel"
    path = folder / "vmlinux"
    path.write_bytes(changed)
    return path


@pytest.fixture
def somebody() -> Iterator[Operator]:
    with operator() as made:
        yield made


@pytest.fixture
def machine(somebody: Operator, tmp_path: Path) -> Iterator[RecoveryMachine]:
    """Who may come in, and the agent's own key, stand in the image."""
    authorized = tmp_path / "authorized_consoles"
    authorized.write_text(f"{somebody.key}\n")
    files = {f"/drivers/{path.name}": path for path in driver_files()}
    files["/etc/guardpost/authorized_consoles"] = authorized
    files["/var/lib/guardpost/identity.key"] = agent_key(somebody)
    image = busybox_image(tmp_path / "initramfs", frozen_agent(), files)
    with recovery_machine(
        image,
        append=f"quiet {DISTRUST} guardpost.port=/dev/ttyS1",
        options=("-device", "virtio-rng-pci"),
        platform=PLAIN,
        system=kernel_whose_counter_stands_still(tmp_path),
    ) as booted:
        yield booted


def agent_key(who: Operator) -> Path:
    path = who.folder / "agent.key"
    who.run("key", "--identity", str(path))
    return path


def driver_files() -> list[Path]:
    debian_kernel()
    return modules(("virtio_pci", "virtio_rng"))


def answer_to_enter(machine: RecoveryMachine) -> bytes:
    """All that the text prompt says to somebody who presses Enter, now and then again."""
    family: int = getattr(socket, "AF_UNIX", 1)
    deadline = time.monotonic() + PATIENCE_SECONDS
    with socket.socket(family) as terminal:
        terminal.connect(machine.line.removeprefix("unix:"))
        terminal.settimeout(AGAIN_SECONDS)
        shown = b""
        while b"guardpost>" not in shown:
            assert time.monotonic() < deadline, shown
            terminal.sendall(b"\r")
            with contextlib.suppress(TimeoutError):
                shown += terminal.recv(4096)
    return shown


def test_a_session_waits_for_the_random_generator_and_the_prompt_does_not(
    machine: RecoveryMachine, somebody: Operator
) -> None:
    machine.await_shell()
    assert b"the random generator of this host is not ready" in answer_to_enter(machine)
    assert b"guardpost: key " not in machine.screen.run("guardpost-recovery show")
    key = somebody.run("key", "--identity", str(agent_key(somebody))).stdout.decode().strip()
    words = ("--agent-key", key, machine.line, "--", "true")
    refused = somebody.run("exec", "--connect-timeout", "5", *words)
    assert (refused.returncode, b"agent-silent" in refused.stderr) == (255, True), refused
    with somebody.background("exec", "--connect-timeout", "120", *words) as waiting:
        assert b"crng init done" not in machine.screen.run("dmesg")
        assert waiting.poll() is None
        order = " ".join(f"/drivers/{path.name}" for path in driver_files())
        machine.screen.run(f"for each in {order}; do insmod $each; done")
        assert waiting.wait(PATIENCE_SECONDS) == 0
    assert b"crng init done" in machine.screen.run("dmesg")
    assert f"guardpost: key {key}\r\n".encode() in machine.screen.run("guardpost-recovery show")
    somebody.run("owner", machine.line, "stop")
    assert b"not ready" not in answer_to_enter(machine)
