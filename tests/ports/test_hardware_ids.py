"""Windows' hardware ids, as Intel's and Microsoft's documents and device managers show them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.ports import Machine, rank, taken_by_auto
from guardpost.ports.hardware_ids import Device, port_of
from guardpost.ports.spcr import AddressSpace, Spcr

AMT = Device(
    "COM3",
    r"PCI\VEN_8086&DEV_9C3D&SUBSYS_05DE1028&REV_04\3&11583659&0&B3",
    "Intel(R) Active Management Technology - SOL (COM3)",
)
COM1 = Device("COM1", r"ACPI\PNP0501\1", "Kommunikationsanschluss (COM1)")
COM2 = Device("COM2", r"ACPI\PNP0501\2", "Communications Port (COM2)")
FTDI = Device("COM7", r"FTDIBUS\VID_0403+PID_6001+A50285BIA\0000", "USB Serial Port (COM7)")


def taken(*devices: Device, spcr: Spcr | None = None, has_ems: bool = False) -> str:
    ports = tuple(map(port_of, devices))
    chosen = taken_by_auto(rank(Machine(ports=ports, spcr=spcr, has_ems=has_ems)))
    return chosen.port.name if chosen is not None else ""


def test_amt_in_any_language() -> None:
    assert taken(COM1, AMT, FTDI) == "COM3"
    port = port_of(AMT)
    assert str(port.pci) == "PCI 8086:9c3d at 0000:00:16.3"
    assert port.label == "Intel(R) Active Management Technology - SOL"


def test_amt_of_an_unknown_chipset_by_its_place() -> None:
    unknown = Device("COM4", r"PCI\VEN_8086&DEV_FFF3&SUBSYS_05DE1028&REV_04\3&11583659&0&B3")
    assert taken(COM1, unknown) == "COM4"
    behind_a_bridge = Device("COM4", r"PCI\VEN_8086&DEV_FFF3&REV_04\4&1A2B3C&0&00E4")
    assert (
        "pci serial port" in rank(Machine(ports=(port_of(behind_a_bridge),)))[0].main_reason.lower()
    )


def test_the_firmwares_console_by_the_number_windows_gives_its_address() -> None:
    spcr = Spcr(2, "16550", AddressSpace.IO, 0x2F8, None, 115200)
    assert taken(COM1, COM2, spcr=spcr) == "COM2"


def test_a_port_of_the_emergency_console_is_never_taken() -> None:
    spcr = Spcr(2, "16550", AddressSpace.IO, 0x2F8, None, 115200)
    assert taken(COM1, COM2, spcr=spcr, has_ems=True) == "COM1"
    assert taken(COM2, spcr=spcr, has_ems=True) == ""


@pytest.mark.parametrize(
    "device, bus",
    [
        (FTDI, "usb"),
        (Device("COM5", "USB VID:PID=0403:6001 SER=A50285BI"), "usb"),
        (
            Device("COM6", r"BTHENUM\{00001101-0000-1000-8000-00805F9B34FB}_LOCALMFG&0002"),
            "bluetooth",
        ),
        (Device("COM8"), ""),
    ],
    ids=["FTDI", "as pyserial says it", "Bluetooth", "not told"],
)
def test_what_is_nobodys_sol_port(device: Device, bus: str) -> None:
    assert port_of(device).bus == bus
    assert taken(device) == ""


@given(st.text(max_size=8), st.text(max_size=80), st.text(max_size=80))
def test_no_id_is_an_error(name: str, hardware_id: str, description: str) -> None:
    for each in (hardware_id, f"PCI\\{hardware_id}", f"ACPI\\{hardware_id}"):
        assert port_of(Device(f"COM{name}", each, description)).label.isprintable()
