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

OPTIONS = ("--trust-new", "--connect-timeout", "300")
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
    append = f"quiet guardpost.allow={somebody.key}"
    with recovery_machine(image, append=append, platform=ARM) as machine:
        line = machine.line
        done = somebody.run("exec", *OPTIONS, line, "--", "sh", "-c", SERVE, seconds=400)
        assert (done.returncode, done.stdout) == (0, b"aarch64\n"), done
        words = ("forward", *OPTIONS, line, "-L", "127.0.0.1:0:127.0.0.1:80")
        with somebody.background(*words) as process:
            assert HttpTunnel(process).fetch() == b"from afar\n"
        machine.screen.read_until(b"/ # ")
        machine.screen.type("guardpost-recovery show")
        machine.screen.read_until(b"agent on /dev/ttyAMA0")
        somebody.run("owner", line, "stop")
