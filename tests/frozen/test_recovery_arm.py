"""The same small image for another processor, on QEMU's `virt` machine: its port is a PL011."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.frozen import built
from support.guest_agent import HttpTunnel
from support.operator import Operator, operator
from support.recovery_image import busybox_image, foreign_busybox
from support.recovery_machine import ARM, recovery_machine

pytestmark = pytest.mark.slow

SERVE = "uname -m; mkdir /www; echo from afar > /www/index.html; httpd -h /www -p 127.0.0.1:80"


@pytest.fixture
def somebody() -> Iterator[Operator]:
    with operator() as made:
        yield made


def test_an_arm_machine_serves_a_tunnel_through_its_pl011(
    somebody: Operator, tmp_path: Path
) -> None:
    agent = built(tmp_path / "agent", "--target", "aarch64")
    image = busybox_image(tmp_path / "initramfs", agent, busybox=foreign_busybox("arm64"))
    append = f"quiet guardpost.port=ttyAMA0 guardpost.allow={somebody.key}"
    with recovery_machine(image, append=append, platform=ARM) as machine:
        machine.await_shell()
        machine.await_agent(somebody)
        line = machine.line
        done = somebody.run("exec", "--trust-new", line, "--", "sh", "-c", SERVE)
        assert (done.returncode, done.stdout) == (0, b"aarch64\n"), done
        words = ("forward", "--trust-new", line, "-L", "127.0.0.1:0:127.0.0.1:80")
        with somebody.background(*words) as process:
            assert HttpTunnel(process).fetch() == b"from afar\n"
        assert b"port /dev/ttyAMA0" in machine.screen.run("guardpost-recovery show")
        somebody.run("owner", line, "stop")
