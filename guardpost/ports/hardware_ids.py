"""Windows' names for a port's hardware, and what they tell: `PCI\\VEN_8086&DEV_9D3D&...\\3&...&B3`.

The text that people see is translated; these ids are not. Pure: the registry and SetupAPI are
asked by windows.py.
"""

import re
from dataclasses import dataclass

from guardpost.ports.facts import LEGACY_PORTS, Pci, Port

__all__ = ["Device", "port_of"]

_PCI_ID = re.compile(r"PCI\\VEN_([0-9A-F]{4})&DEV_([0-9A-F]{4})", re.I)
_ON_ROOT_BUS = re.compile(r"\\3&[0-9A-F]+&\d+&([0-9A-F]{2})$", re.I)
_USB_IDS = re.compile(r"VID[_:]?(?:PID=)?([0-9A-F]{4})[&:+](?:PID_)?([0-9A-F]{4})", re.I)
_SERIAL_CLASS_CODE = 0x070002

_BUSES = {
    **{"PCI": "pci", "ACPI": "pnp", "ISAPNP": "pnp", "PNP": "pnp", "ROOT": "pnp"},
    **{"USB": "usb", "FTDIBUS": "usb", "USBSER": "usb", "BTHENUM": "bluetooth"},
}
_ADDRESS_OF = {number: address for address, number in LEGACY_PORTS.items()}


@dataclass(frozen=True, slots=True)
class Device:
    """A COM port as SetupAPI or the registry knows it; what they do not say is empty."""

    name: str
    hardware_id: str = ""
    description: str = ""


def port_of(device: Device) -> Port:
    enumerator = re.split(r"[\\ ]", device.hardware_id)[0].upper()
    bus = _BUSES.get(enumerator, enumerator.lower())
    return Port(
        device.name,
        device.name,
        bus=bus,
        node=device.hardware_id,
        label=_label(device),
        pci=_pci(device.hardware_id),
        io_address=_legacy_address(device.name) if bus == "pnp" else None,
        is_uart=bus in ("pci", "pnp"),
    )


def _label(device: Device) -> str:
    words = device.description.replace(f"({device.name})", "").strip()
    ids = _USB_IDS.search(device.hardware_id)
    text = f"{words} ({ids[1]}:{ids[2]})".lower() if ids and not words else words
    return "".join(c for c in text if c.isprintable())


def _pci(hardware_id: str) -> Pci | None:
    """Windows lists serial ports alone, so the class is known; device and function stand at the
    end of the ids of what sits on the root bus, as one byte."""
    ids = _PCI_ID.match(hardware_id)
    if ids is None:
        return None
    place = _ON_ROOT_BUS.search(hardware_id)
    device_function = int(place[1], 16) if place else 0
    return Pci(
        *(0, 0, device_function >> 3, device_function & 7),
        *(int(ids[1], 16), int(ids[2], 16), _SERIAL_CLASS_CODE),
    )


def _legacy_address(name: str) -> int | None:
    """Windows keeps COM1 to COM4 for the ports at the PC's own addresses."""
    number = name.upper().removeprefix("COM")
    return _ADDRESS_OF.get(int(number)) if number.isdecimal() else None
