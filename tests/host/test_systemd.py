"""Which unit a process belongs to, and what systemctl is asked.

No systemd runs where these tests are made: systemctl is a program that notes what it was told.
"""

from pathlib import Path

import pytest

from guardpost.errors import LineBusy
from guardpost.host import systemd


@pytest.mark.parametrize(
    "cgroup, unit",
    [
        (
            "0::/system.slice/system-serial\\x2dgetty.slice/serial-getty@ttyS0.service\n",
            "serial-getty@ttyS0.service",
        ),
        ("0::/system.slice/gpsd.service\n", "gpsd.service"),
        (
            "12:pids:/system.slice/ssh.service\n0::/system.slice/ssh.service\n",
            "ssh.service",
        ),
        ("0::/user.slice/user-0.slice/session-3.scope\n", None),
        ("0::/user.slice/user-0.slice/user@0.service/app.slice/x.service\n", None),
        ("0::/\n", None),
        ("", None),
    ],
)
def test_a_process_belongs_to_a_service_of_the_system_or_to_none(
    tmp_path: Path, cgroup: str, unit: str | None
) -> None:
    (tmp_path / "812").mkdir()
    (tmp_path / "812" / "cgroup").write_text(cgroup)
    assert systemd.service_of(812, str(tmp_path)) == unit


def test_a_process_that_is_gone_belongs_to_nothing(tmp_path: Path) -> None:
    assert systemd.service_of(812, str(tmp_path)) is None


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What systemctl was told; it fails at the word in the file `fails`."""
    note = tmp_path / "told"
    program = tmp_path / "systemctl"
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {note}\n'
        f'[ "$1" != "$(cat {tmp_path}/fails)" ] || {{ echo it will not >&2; exit 1; }}\n'
    )
    program.chmod(0o755)
    (tmp_path / "fails").write_text("")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return note


def test_a_unit_is_masked_before_it_is_stopped_and_unmasked_before_it_starts(told: Path) -> None:
    systemd.take("serial-getty@ttyS0.service")
    assert systemd.release("serial-getty@ttyS0.service") is None
    assert told.read_text().splitlines() == [
        "mask --runtime serial-getty@ttyS0.service",
        "stop serial-getty@ttyS0.service",
        "unmask --runtime serial-getty@ttyS0.service",
        "start --no-block serial-getty@ttyS0.service",
    ]


def test_a_unit_that_does_not_stop_is_not_left_masked(told: Path) -> None:
    (told.parent / "fails").write_text("stop")
    with pytest.raises(
        LineBusy, match=r"systemctl stop a\.service failed: it will not; stop it by"
    ):
        systemd.take("a.service")
    assert told.read_text().splitlines()[-1] == "unmask --runtime a.service"


def test_what_cannot_be_undone_is_told(told: Path) -> None:
    (told.parent / "fails").write_text("start")
    assert systemd.release("a.service") == (
        "systemctl start --no-block a.service failed: it will not"
    )


def test_a_getty_that_runs_is_found_by_its_terminal(told: Path) -> None:
    assert systemd.getty_of("ttyS0") == "serial-getty@ttyS0.service"
    (told.parent / "fails").write_text("is-active")
    assert systemd.getty_of("ttyS0") is None
