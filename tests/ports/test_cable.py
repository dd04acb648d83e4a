"""Which ports lead to a cable, on machines as their kernels show them."""

import sys
from pathlib import Path

import pytest
from support.machine_tree import MachineTree, pci, pnp
from support.spcr import spcr_table

from guardpost.ports.cable import no_cable
from guardpost.ports.linux import survey

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Linux's way")


@pytest.fixture
def tree(tmp_path: Path) -> MachineTree:
    return MachineTree(tmp_path, (6, 12))


def why(tree: MachineTree, name: str) -> str:
    return no_cable(survey(tree.root), f"/dev/{name}")


def test_an_ordinary_port_and_a_usb_adapter_lead_to_cables(tree: MachineTree) -> None:
    tree.uart("ttyS0", pnp("00:01"), io=0x3F8)
    tree.usb_adapter("ttyUSB0", "0403:6001", "FT232R USB UART")
    assert why(tree, "ttyS0") == why(tree, "ttyUSB0") == ""


def test_intel_amt_does_not(tree: MachineTree) -> None:
    tree.uart("ttyS4", pci("0000:00:16.3", "8086:9d3d"), io=0xF0A0)
    assert "Intel AMT" in why(tree, "ttyS4")


def test_what_is_not_known_is_left_alone(tree: MachineTree) -> None:
    assert "nothing is known" in why(tree, "ttyS7")
    assert why(tree, "pts/3") == ""


def test_where_kernel_messages_go_the_speed_stays(tree: MachineTree) -> None:
    tree.uart("ttyS0", pnp("00:01"), io=0x3F8)
    tree.active_consoles("ttyS0")
    assert "kernel messages" in why(tree, "ttyS0")


def test_a_bmcs_port_is_refused_and_the_other_is_not(tree: MachineTree) -> None:
    tree.uart("ttyS0", pnp("00:01"), io=0x3F8)
    tree.uart("ttyS1", pnp("00:02"), io=0x2F8)
    tree.usb_adapter("ttyUSB0", "0403:6001", "FT232R USB UART")
    tree.dmi("Dell Inc.", "PowerEdge R640", bmc=True)
    assert why(tree, "ttyS0") == why(tree, "ttyUSB0") == ""
    assert "Serial-over-LAN" in why(tree, "ttyS1")


def test_the_firmwares_console_beside_a_bmc_is_refused(tree: MachineTree) -> None:
    tree.uart("ttyS0", pnp("00:01"), io=0x3F8)
    tree.acpi_table("SPCR", spcr_table(0x3F8))
    assert why(tree, "ttyS0") == ""
    tree.dmi("Dell Inc.", "PowerEdge R640", bmc=True)
    assert "firmware's console" in why(tree, "ttyS0")
