"""Which unit a process belongs to, and what systemctl is asked.

No systemd runs where these tests are made: systemctl is a program that notes what it was told.
"""

import asyncio
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
        ("4:cpu:/\n1:name=systemd:/system.slice/gpsd.service\n0::/\n", "gpsd.service"),
        ("4:cpu:/system.slice/gpsd.service\n0::/\n", None),
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
    asyncio.run(systemd.take("serial-getty@ttyS0.service"))
    assert systemd.release("serial-getty@ttyS0.service") is None
    assert told.read_text().splitlines() == [
        "mask --runtime serial-getty@ttyS0.service",
        "stop serial-getty@ttyS0.service",
        "unmask --runtime serial-getty@ttyS0.service",
        "start --no-block serial-getty@ttyS0.service",
    ]


def test_a_unit_that_does_not_stop_is_left_neither_masked_nor_stopped(told: Path) -> None:
    (told.parent / "fails").write_text("stop")
    with pytest.raises(
        LineBusy, match=r"systemctl stop a\.service failed: it will not; stop it by"
    ):
        asyncio.run(systemd.take("a.service"))
    assert told.read_text().splitlines()[-2:] == [
        "unmask --runtime a.service",
        "start --no-block a.service",
    ]


def test_everything_else_goes_on_while_a_unit_stops_and_nobody_need_wait(told: Path) -> None:
    program = told.parent / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$*" >> {told}\n[ "$1" != stop ] || exec sleep 600\n')

    async def story() -> None:
        taking = asyncio.ensure_future(systemd.take("a.service"))
        async with asyncio.timeout(60):
            while not told.exists() or "stop a.service" not in told.read_text():
                await asyncio.sleep(0.01)
            assert not taking.done()
            taking.cancel()
            await asyncio.wait([taking])
        assert taking.cancelled()

    asyncio.run(story())


def test_what_cannot_be_undone_is_told(told: Path) -> None:
    (told.parent / "fails").write_text("start")
    assert systemd.release("a.service") == (
        "systemctl start --no-block a.service failed: it will not"
    )


def test_a_getty_that_runs_is_found_by_its_terminal(told: Path) -> None:
    assert systemd.getty_of("ttyS0") == "serial-getty@ttyS0.service"
    (told.parent / "fails").write_text("is-active")
    assert systemd.getty_of("ttyS0") is None
