"""Images that dracut and initramfs-tools make, booted: the agent early, beside a rescue shell, and
gone when the real root takes over.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest
from support.frozen import frozen_agent
from support.image_builder import Program, build_image
from support.operator import Operator, operator
from support.recovery_machine import RecoveryMachine, recovery_machine
from support.root_disk import disk_options, make_root_disk
from support.tools import need

pytestmark = pytest.mark.slow

DRIVERS = "virtio_pci virtio_blk ext4"
FEW_MODULES = {
    "/etc/initramfs-tools/conf.d/guardpost-test": b"MODULES=list\n",
    "/etc/initramfs-tools/modules": DRIVERS.replace(" ", "\n").encode() + b"\n",
}
KEYS = {"/etc/guardpost/authorized_consoles": b""}
SECRETS = {
    "/etc/guardpost/accounts": b"somebody:hash\n",
    "/var/lib/guardpost/identity.key": b"secret\n",
}
TAKE_SECRETS = b'TAKE="/etc/guardpost /etc/guardpost/accounts /var/lib/guardpost/identity.key"\n'
PACKAGED = "/usr/bin/guardpost-agent"


class Builder(NamedTuple):
    """`options` are the command's; `stop` has a boot stop at its end, in a shell that `prompts`."""

    command: str
    options: tuple[str, ...]
    files: Mapping[str, bytes]
    stop: str
    prompt: bytes
    list_command: str
    leave: str = "exit"


# What no story here needs, and each boot would take its time for.
WITHOUT = "crypt dm kernel-modules-extra lunmask nvdimm overlay-root qemu resume terminfo virtiofs"
DRACUT = ("--no-hostonly", "--no-compress", "--drivers", DRIVERS, "--filesystems", "ext4", "--omit")
NO_SYSTEMD = f"{WITHOUT} systemd systemd-initrd dracut-systemd"

BUILDERS = {
    "initramfs-tools": Builder(
        "mkinitramfs", ("-o",), FEW_MODULES, "break=init", b"(initramfs) ", "lsinitramfs"
    ),
    "dracut": Builder("dracut", (*DRACUT, NO_SYSTEMD), {}, "rd.break", b":/# ", "lsinitrd"),
    "dracut-systemd": Builder(
        "dracut", (*DRACUT, WITHOUT), {}, "rd.break", b"to continue): ", "lsinitrd", "\x04"
    ),
}


@pytest.fixture(scope="module", params=BUILDERS)
def builder(request: pytest.FixtureRequest) -> Builder:
    found: Builder = BUILDERS[request.param]
    return found


def made(builder: Builder, image: Path, agent: Program, files: Mapping[str, bytes]) -> str:
    """What its maker said; the host has secrets, too."""
    return build_image(
        image,
        builder.command,
        *builder.options,
        agent=agent,
        files={**builder.files, **files},
        secrets=SECRETS,
    )


@pytest.fixture(scope="module")
def image(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image") / "initramfs"
    made(builder, path, Program(frozen_agent()), KEYS)
    return path


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("disk") / "root.img"
    make_root_disk(path)
    return path


@pytest.fixture
def somebody() -> Iterator[Operator]:
    with operator() as made:
        yield made


def boot(image: Path, disk: Path, *words: str) -> AbstractContextManager[RecoveryMachine]:
    append = " ".join(("root=/dev/vda quiet guardpost.port=/dev/ttyS1", *words))
    return recovery_machine(
        image, append=append, options=(*disk_options(disk), "-smp", "2"), megabytes=512
    )


def shown_by_the_real_root(machine: RecoveryMachine) -> bytes:
    """What it says of the agent, with the agent's log."""
    machine.screen.read_until(b"the real root")
    return machine.screen.read_until(b"the end of the log")


def contents(builder: Builder, image: Path) -> str:
    words = [need(builder.list_command), str(image)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def test_a_session_beside_the_rescue_shell_ends_when_the_real_root_takes_over(
    builder: Builder, image: Path, disk: Path, somebody: Operator
) -> None:
    with boot(image, disk, builder.stop, f"guardpost.allow={somebody.key}") as machine:
        machine.screen.read_until(builder.prompt)
        machine.screen.await_anywhere(b"guardpost: words ")
        machine.await_agent(somebody)
        words = ("exec", "--trust-new", machine.line, "--", "cat", "/proc/cmdline")
        done = somebody.run(*words)
        assert builder.stop.encode() in done.stdout, done
        machine.screen.type(builder.leave)
        shown = shown_by_the_real_root(machine)
        assert b"guardpost: words " in shown, "the log has outlived the image"
        assert b"the agent is still there" not in shown
        assert re.search(rb"outlived the image: \d+ ", shown) is None, "there was more than one"
        somebody.run("owner", machine.line, "stop")


def test_an_ordinary_boot_ends_the_agent(image: Path, disk: Path, somebody: Operator) -> None:
    with boot(image, disk, f"guardpost.allow={somebody.key}") as machine:
        shown = shown_by_the_real_root(machine)
        assert b"the agent outlived the image" not in shown
        # A short boot may end it before its first word.
        assert b"there was an agent" in shown


def test_an_agent_that_cannot_work_stops_no_boot(builder: Builder, image: Path, disk: Path) -> None:
    with boot(image, disk, builder.stop) as machine:
        machine.screen.read_until(builder.prompt)
        machine.screen.await_anywhere(b"nobody could use this agent")
        machine.screen.type(builder.leave)
        assert b"nobody could use this agent" in shown_by_the_real_root(machine)


def test_it_is_not_started_when_the_command_line_says_so(
    image: Path, disk: Path, somebody: Operator
) -> None:
    with boot(image, disk, "guardpost.off", f"guardpost.allow={somebody.key}") as machine:
        assert b"there was an agent" not in shown_by_the_real_root(machine)


def test_an_image_holds_no_secret_unless_its_maker_says_so(
    builder: Builder, image: Path, tmp_path: Path
) -> None:
    listed = contents(builder, image)
    assert "etc/guardpost/authorized_consoles" in listed
    assert "etc/guardpost/accounts" not in listed
    assert "identity.key" not in listed
    chosen = {
        "/etc/guardpost/recovery.conf": TAKE_SECRETS,
        "/etc/initramfs-tools/conf.d/guardpost-secret": b"UMASK=0077\n",
    }
    other = tmp_path / "initramfs"
    said = made(builder, other, Program(frozen_agent(), PACKAGED, 0o700), KEYS | chosen)
    assert "/etc/guardpost left out: it is no file" in said
    listed = contents(builder, other)
    assert "usr/sbin/guardpost-agent" in listed
    assert "etc/guardpost/authorized_consoles" not in listed
    assert "etc/guardpost/accounts" in listed
    assert "var/lib/guardpost/identity.key" in listed


def test_initramfs_tools_leaves_secrets_out_of_an_image_that_everybody_may_read(
    tmp_path: Path,
) -> None:
    builder = BUILDERS["initramfs-tools"]
    chosen = {"/etc/guardpost/recovery.conf": TAKE_SECRETS}
    image = tmp_path / "initramfs"
    said = made(builder, image, Program(frozen_agent()), chosen)
    for name in SECRETS:
        assert f"W: guardpost: {name} left out: not everybody may read it" in said
        assert name.lstrip("/") not in contents(builder, image)
    demands = {"/etc/guardpost/agent.toml": b'psk = "/etc/guardpost/psk"\n'}
    assert "agent.toml demands /etc/guardpost/psk" in made(
        builder, image, Program(frozen_agent()), demands
    )
    golden = Program(frozen_agent(), PACKAGED, 0o700)
    assert f"W: guardpost: {PACKAGED} left out" in made(builder, image, golden, {})
    assert "guardpost-agent" not in contents(builder, image)
