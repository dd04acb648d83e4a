"""Windows' survey under Wine: the registry's way. SetupAPI lists no ports there, so that way of it
was never run; what its ids mean is in test_hardware_ids.py."""

import json
import os
import pty
import sys
import tty
from collections.abc import Iterator
from typing import Any

import pytest
from support.wine import Windows, windows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="this is Windows"),
]

AMT = r"PCI\VEN_8086&DEV_9C3D&SUBSYS_05DE1028&REV_04\3&11583659&0&B3"
ENUM = r"HKLM\SYSTEM\CurrentControlSet\Enum"
LOADER = r"HKLM\BCD00000000\Objects\{11111111-2222-3333-4444-555555555555}\Elements\260000b0"
EMS = r"HKLM\BCD00000000\Objects\{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}\Elements\15000022"


@pytest.fixture(scope="module")
def machine() -> Iterator[Windows]:
    """COM5 and COM7 are ptys; COM5 is registered as the port of a laptop's AMT."""
    with windows() as started:
        for name in ("COM5", "COM7"):
            _, near = pty.openpty()
            tty.setraw(near)
            device = os.ttyname(near)
            started.registry("add", r"HKLM\Software\Wine\Ports", "/v", name, "/d", device, "/f")
        started.restart()
        where = rf"{ENUM}\{AMT}"
        started.registry("add", rf"{where}\Device Parameters", "/v", "PortName", "/d", "COM5", "/f")
        words = "Intel(R) Active Management Technology - SOL (COM5)"
        started.registry("add", where, "/v", "FriendlyName", "/d", words, "/f")
        yield started


def ports(machine: Windows) -> dict[str, Any]:
    done = machine.python("-m", "guardpost", "ports", "--json")
    assert done.returncode == 0, done.stdout
    found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return found


def test_the_registry_tells_what_setupapi_does_not(machine: Windows) -> None:
    said = ports(machine)
    by_path = {each["path"]: each for each in said["ports"]}
    assert {"COM5", "COM7"} <= by_path.keys()
    assert (by_path["COM5"]["bus"], by_path["COM5"]["pci"]) == ("pci", "8086:9c3d")
    assert by_path["COM5"]["label"] == "Intel(R) Active Management Technology - SOL"
    assert by_path["COM7"]["label"] is None
    assert said["auto"] == "COM5"


def test_the_table_is_for_people(machine: Windows) -> None:
    done = machine.python("-m", "guardpost", "ports")
    assert "auto takes COM5: Intel AMT's Serial-over-LAN (Intel 8 Series-LP" in done.stdout


def test_a_port_of_the_emergency_console_is_left_alone(machine: Windows) -> None:
    machine.registry("add", LOADER, "/v", "Element", "/t", "REG_BINARY", "/d", "01", "/f")
    machine.registry(
        "add", EMS, "/v", "Element", "/t", "REG_BINARY", "/d", "0500000000000000", "/f"
    )
    said = ports(machine)
    (com5,) = (each for each in said["ports"] if each["path"] == "COM5")
    assert com5["barred"]
    assert said["auto"] != "COM5"
    machine.registry("delete", r"HKLM\BCD00000000", "/f")


def test_a_port_of_the_emergency_console_that_is_no_number_is_passed_over(machine: Windows) -> None:
    machine.registry("add", EMS, "/v", "Element", "/t", "REG_SZ", "/d", "COM5?", "/f")
    assert ports(machine)["auto"] == "COM5"
    machine.registry("delete", r"HKLM\BCD00000000", "/f")


def test_nobody_is_stopped_for_an_agent_and_that_is_said(machine: Windows) -> None:
    done = machine.python("-m", "guardpost", "agent", "COM5", "--take-over", "--allow", "x")
    assert done.returncode == 255
    assert "usage: --take-over is not for Windows; end the program" in done.stdout


def test_an_agent_told_auto_serves_the_port_that_it_found(machine: Windows) -> None:
    code = (
        "import asyncio; from guardpost import ports, transports; "
        "from guardpost.cli.auto_port import AutoPort; "
        "auto = AutoPort(ports.survey, transports.open_target); "
        "print(asyncio.run(auto.open()).transparent, auto.target, auto.why)"
    )
    assert "True serial:COM5 found by itself: Intel AMT's" in machine.python("-c", code).stdout
