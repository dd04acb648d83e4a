"""`guardpost ports`: what it prints of a machine, for people and for scripts."""

import json
import sys
from pathlib import Path

import pytest
from support.machine_tree import MachineTree, pci, pnp
from support.spcr import spcr_table

from guardpost.cli import main
from guardpost.cli.cmd_ports import as_json, as_lines
from guardpost.ports import Machine, rank, taken_by_auto
from guardpost.ports.linux import survey


def lines(machine: Machine) -> list[str]:
    candidates = rank(machine)
    return as_lines(machine, candidates, taken_by_auto(candidates))


@pytest.mark.skipif(sys.platform == "win32", reason="Linux's way")
def test_a_laptop_with_amt_as_a_table(tmp_path: Path) -> None:
    tree = MachineTree(tmp_path)
    tree.uart("ttyS0", pnp("00:05"), io=0x3F8)
    tree.uart("ttyS4", pci("0000:00:16.3", "8086:9d3d"), io=0xF0A0)
    tree.without_uart("ttyS1", "ttyS2")
    tree.process(812, "agetty", has_open=["/dev/ttyS0"])
    assert lines(survey(tree.root)) == [
        "  PORT        SCORE  WHAT IT IS                                    TAKEN BY",
        "* /dev/ttyS4    505  PCI 8086:9d3d at 0000:00:16.3, at I/O 0xf0a0  -",
        "               +500  Intel AMT's Serial-over-LAN (Intel Sunrise Point-LP, "
        "PCI 8086:9d3d at 0000:00:16.3)",
        "                 +5  a UART (16550A)",
        "  /dev/ttyS0    -25  pnp PNP0501, at I/O 0x3f8                     agetty (pid 812)",
        "                 +5  a UART (16550A)",
        "                -30  taken by agetty (pid 812)",
        "without a UART behind them: ttyS1 ttyS2",
        "auto takes /dev/ttyS4: Intel AMT's Serial-over-LAN (Intel Sunrise Point-LP, "
        "PCI 8086:9d3d at 0000:00:16.3)",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="Linux's way")
def test_the_same_facts_as_json(tmp_path: Path) -> None:
    tree = MachineTree(tmp_path)
    tree.dmi("Dell Inc.", "PowerEdge R740", bmc=True)
    tree.uart("ttyS1", pnp("00:05"), io=0x2F8)
    tree.acpi_table("SPCR", spcr_table(0x2F8))
    tree.process(812, "agetty", has_open=["/dev/ttyS1"])
    machine = survey(tree.root)
    candidates = rank(machine)
    said = json.loads(as_json(machine, candidates, taken_by_auto(candidates)))
    assert said["schema"] == 1
    assert (said["auto"], said["vendor"], said["bmc"]) == ("/dev/ttyS1", "Dell Inc.", True)
    (port,) = said["ports"]
    assert port["path"] == "/dev/ttyS1"
    assert port["baud"] == 115200
    assert port["taken_by"] == [{"words": "agetty (pid 812)", "getty": True}]
    assert port["score"] == sum(each["points"] for each in port["reasons"])


def test_a_port_that_is_named_and_not_there_is_said() -> None:
    said = lines(Machine(wanted="ttyUSB0\x1b[31m"))
    assert said[-1].startswith("auto waits for guardpost.port=ttyUSB0")
    assert "\x1b" not in said[-1]


def test_a_machine_without_ports() -> None:
    assert lines(Machine(unread=("/sys/firmware/acpi/tables/SPCR: permission denied",))) == [
        "this host has no serial port",
        "not read: /sys/firmware/acpi/tables/SPCR: permission denied",
        "auto takes none, and waits for one",
    ]


def test_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["ports"]) == 0
    assert "auto takes" in capsys.readouterr().out
    assert main.main(["ports", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["auto"] in [None, *(each["path"] for each in said["ports"])]
