import dataclasses
import json

import pytest
from support import commands

from guardpost.cli import cmd_info, opening
from guardpost.cli.main import main
from guardpost.console.figures import Figures
from guardpost.services.info import Address, Disk, Info, Memory


@pytest.fixture(autouse=True)
def no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "connect", commands.connect)


def test_the_host_s_facts_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "web01"]) == 0
    assert "agent     1.2.3\n" in capsys.readouterr().out


def test_json_has_a_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "web01", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    assert found["host"]["agent_version"] == "1.2.3"
    assert "boot_id" in found["host"]


def test_each_fact_has_its_line_and_what_is_unknown_none() -> None:
    assert cmd_info.as_lines(Info("1")) == ["agent     1"]
    full = Info(
        "1",
        name="web\x1b01",
        load=[0.5, 1, 2],
        uptime=90_000,
        memory=Memory(2**30, 2**29, 2**20, 0),
        addresses=[Address("eth0", "10.0.0.1", 8), Address("lo", "::1")],
        disks=[Disk("/", "/dev/sda1", "ext4", 10 * 2**30, 0, 2**30)],
    )
    assert cmd_info.as_lines(full) == [
        r"name      web\x1b01",
        "load      0.50 1.00 2.00",
        "uptime    1d 1:00",
        "memory    512M of 1.0G available",
        "swap      0 of 1.0M free",
        "address   10.0.0.1/8 eth0",
        "address   ::1 lo",
        "disk      / 1.0G of 10G free (ext4 on /dev/sda1)",
        "agent     1",
    ]


def test_the_speed_of_the_line_is_shown_where_the_line_tells_it() -> None:
    figures = Figures(
        profile_to_agent="clean",
        profile_to_console="clean",
        rate=11520.0,
        round_trip=0.03,
        packets_sent=10,
        packets_lost=0,
        packets_opened=9,
        frames=9,
        bad_frames=0,
        noise_bytes=0,
        duplicates=0,
        channels=1,
        state="live",
    )
    assert not any(line.startswith("speed") for line in cmd_info.line_lines(figures))
    told = dataclasses.replace(figures, bits_per_second=115200)
    assert "speed     115200 bit/s" in cmd_info.line_lines(told)
