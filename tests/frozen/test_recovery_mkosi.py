"""A rescue system with systemd, made by mkosi from packaging/mkosi, started by UEFI firmware."""

from pathlib import Path

import pytest
from support.frozen import frozen_agent
from support.mkosi import mkosi_image
from support.operator import operator
from support.recovery_machine import uefi_machine

pytestmark = pytest.mark.slow


def test_an_agent_is_beside_the_rescue_shell(tmp_path: Path) -> None:
    with operator() as who:
        keys = f"{who.key} somebody\n".encode()
        image = mkosi_image(tmp_path, agent=frozen_agent(), keys=keys)
        with uefi_machine(image, megabytes=1536) as machine:
            machine.await_agent(who)
            asked = ("systemctl", "is-active", "guardpost-recovery", "rescue")
            done = who.run("exec", "--trust-new", machine.line, "--", *asked)
            assert done.stdout.split() == [b"active"] * 2, done
