"""A machine that has nothing but a kernel, busybox and the agent: no disk, no network, 128 MB.

All stories but the last share one boot; that one reboots the machine.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.frozen import frozen_agent
from support.guest_agent import HttpTunnel
from support.operator import Operator, operator
from support.recovery_image import busybox_image
from support.recovery_machine import RecoveryMachine, recovery_machine
from support.rig import read_line, read_output_line

PAGE = "all that is left of the host"


@pytest.fixture(scope="module")
def somebody() -> Iterator[Operator]:
    with operator() as made:
        yield made


@pytest.fixture(scope="module")
def machine(
    somebody: Operator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RecoveryMachine]:
    image = busybox_image(tmp_path_factory.mktemp("image") / "initramfs", frozen_agent())
    append = f"quiet guardpost.port=/dev/ttyS1 guardpost.allow={somebody.key}"
    with recovery_machine(image, append=append) as booted:
        booted.await_shell()
        booted.await_agent(somebody)
        yield booted
        somebody.run("owner", booted.line, "stop")


@pytest.fixture
def line(machine: RecoveryMachine) -> str:
    return machine.line


def run(who: Operator, line: str, *words: str) -> str:
    """The output of a command there that must succeed."""
    done = who.run("exec", "--trust-new", line, "--", *words)
    assert done.returncode == 0, done
    return done.stdout.decode()


def test_a_console_finds_the_agent_and_runs_a_command(somebody: Operator, line: str) -> None:
    done = somebody.run("exec", "--trust-new", line, "--", "sh", "-c", "uname -s; exit 3")
    assert (done.returncode, done.stdout) == (3, b"Linux\n"), done
    kibibytes = int(run(somebody, line, "grep", "MemTotal", "/proc/meminfo").split()[1])
    assert kibibytes < 128 * 1024
    assert run(somebody, line, "ls", "/sys/class/net").split() == ["lo"]
    assert run(somebody, line, "sh", "-c", "grep -v ram /proc/partitions | sed 1,2d") == ""


def test_the_rescue_shell_beside_it_shows_who_it_is(
    machine: RecoveryMachine, somebody: Operator, line: str
) -> None:
    run(somebody, line, "true")
    shown = machine.screen.run("guardpost-recovery show; dmesg | grep guardpost")
    assert shown.count(b"guardpost: agent on ") == 2
    assert shown.count(b"guardpost: words ") == 2
    assert b"(ephemeral)" in shown


def test_a_tcp_service_of_the_machine_is_reached_through_the_port(
    somebody: Operator, line: str
) -> None:
    serve = f"mkdir /www; echo {PAGE} > /www/index.html; httpd -h /www -p 127.0.0.1:80"
    run(somebody, line, "sh", "-c", serve)
    words = ("forward", "--trust-new", line, "-L", "127.0.0.1:0:127.0.0.1:80")
    with somebody.background(*words) as process:
        assert HttpTunnel(process).fetch().decode() == f"{PAGE}\n"


def test_a_process_is_seen_to_die(somebody: Operator, line: str) -> None:
    pid = run(somebody, line, "sh", "-c", "sleep 1000 > /dev/null 2>&1 & echo $!").strip()
    words = somebody.argv("watch", "--json", "--trust-new", "--filter", "sleep 1000", line)
    with subprocess.Popen(
        words, env=somebody.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as watching:
        said = read_line(watching)
        while "the kernel tells" not in said and "once a second" not in said:
            said = read_line(watching)
        run(somebody, line, "kill", "-9", pid)
        event = json.loads(read_output_line(watching))
        watching.terminate()
    assert (event["event"], event["pid"]) == ("ended", int(pid))


def test_it_reboots_and_comes_back_with_a_new_key(
    machine: RecoveryMachine, somebody: Operator, line: str
) -> None:
    before = run(somebody, line, "cat", "/proc/sys/kernel/random/boot_id")
    run(somebody, line, "sh", "-c", "(sleep 1; reboot -f) > /dev/null 2>&1 &")
    somebody.run("owner", line, "stop")
    machine.await_shell()
    machine.await_agent(somebody)
    assert run(somebody, line, "cat", "/proc/sys/kernel/random/boot_id") != before
    somebody.run("owner", line, "stop")
    refused = somebody.run("exec", line, "--", "true")
    assert b"give --agent-key" in refused.stderr, "each boot's key is asked for"


def test_no_file_of_the_image_is_anybody_elses(tmp_path: Path) -> None:
    """Busybox, the agent and two scripts: no interpreter, no library."""
    image = busybox_image(tmp_path / "initramfs", frozen_agent())
    words = ["cpio", "-tv", "--quiet", "-F", str(image)]
    listed = subprocess.run(words, capture_output=True, check=True, text=True).stdout.splitlines()
    assert {each.split()[0] for each in listed} == {"drwxr-xr-x", "-rwxr-xr-x"}
    assert sorted(each.split()[-1] for each in listed) == [
        *(".", "bin", "bin/busybox", "init", "usr", "usr/sbin"),
        *("usr/sbin/guardpost-agent", "usr/sbin/guardpost-recovery"),
    ]


def test_an_image_may_hold_secrets_and_is_for_its_maker_alone(tmp_path: Path) -> None:
    path = tmp_path / "initramfs"
    path.touch(0o644)
    assert busybox_image(path, frozen_agent()).stat().st_mode & 0o777 == 0o600
