"""Windows: one survey of a host, out of SetupAPI's list or the registry, and the firmware's tables.

Under Wine only the registry's way has been run; there SetupAPI lists nothing. No port is opened, so
nobody is found who holds one.
"""

import sys

from guardpost.ports.facts import Machine
from guardpost.ports.hardware_ids import Device, port_of
from guardpost.ports.smbios import parse_smbios
from guardpost.ports.spcr import parse_spcr

__all__ = ["survey"]

if sys.platform == "win32":
    import winreg
    from collections.abc import Iterator

    _NAMES = r"HARDWARE\DEVICEMAP\SERIALCOMM"
    _DEVICES = r"SYSTEM\CurrentControlSet\Enum"
    _BOOT_OBJECTS = r"BCD00000000\Objects"
    _EMS_SETTINGS = "{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}"
    # Elements of the boot configuration (BCD): EMS for this system; its port, when not the BIOS's.
    _EMS_ON, _EMS_PORT = "260000b0", "15000022"
    _RSMB_HEADER_BYTES = 8

    def survey() -> Machine:
        """Raises nothing; what exists and cannot be read is named in `unread`."""
        devices, unread = _devices()
        smbios = parse_smbios(_firmware_table("RSMB", 0)[_RSMB_HEADER_BYTES:])
        acpi_name = int.from_bytes(b"SPCR", "little")
        return Machine(
            ports=tuple(port_of(each) for each in devices),
            spcr=parse_spcr(_firmware_table("ACPI", acpi_name)),
            smbios=smbios,
            has_bmc=bool(smbios.bmc),
            has_ems=_has_ems(),
            ems_com=_ems_com(),
            unread=tuple(unread),
        )

    def _devices() -> tuple[list[Device], list[str]]:
        """SetupAPI's, and those of the registry that it does not know."""
        try:
            # Wine 8 lacks a function that this module asks for when it is imported.
            from serial.tools.list_ports import comports

            found = [
                Device(each.device, each.hwid or "", each.description or "") for each in comports()
            ]
            unread = []
        except Exception as error:
            found, unread = [], [f"SetupAPI's list of ports: {error}; the registry was read"]
        known = {each.name for each in found}
        found += [each for each in _registered() if each.name not in known]
        return sorted(found, key=lambda each: (len(each.name), each.name)), unread

    def _registered() -> list[Device]:
        names = [str(value) for _, value in _values(_NAMES)]
        owners = _owners_of(set(names)) if names else {}
        return [owners.get(name, Device(name)) for name in names]

    def _owners_of(names: set[str]) -> dict[str, Device]:
        """COM port -> the device under Enum that has it."""
        found: dict[str, Device] = {}
        for enumerator in _keys(_DEVICES):
            for device in _keys(rf"{_DEVICES}\{enumerator}"):
                for instance in _keys(rf"{_DEVICES}\{enumerator}\{device}"):
                    path = rf"{enumerator}\{device}\{instance}"
                    name = _value(rf"{_DEVICES}\{path}\Device Parameters", "PortName")
                    if name in names:
                        words = _value(rf"{_DEVICES}\{path}", "FriendlyName")
                        found[name] = Device(name, path, words)
        return found

    def _has_ems() -> bool:
        """Any system of this boot menu that has it on: which one is running is not told."""
        for each in _keys(_BOOT_OBJECTS):
            element = _value(rf"{_BOOT_OBJECTS}\{each}\Elements\{_EMS_ON}", "Element")
            if element == "01":
                return True
        return False

    def _ems_com() -> int | None:
        path = rf"{_BOOT_OBJECTS}\{_EMS_SETTINGS}\Elements\{_EMS_PORT}"
        try:
            raw = bytes.fromhex(_value(path, "Element"))
        except ValueError:  # text, where there should be bytes
            return None
        return int.from_bytes(raw, "little") or None

    def _keys(path: str) -> list[str]:
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
                return [winreg.EnumKey(key, at) for at in range(winreg.QueryInfoKey(key)[0])]
        except OSError:
            return []  # not there, or the administrators' alone

    def _values(path: str) -> Iterator[tuple[str, object]]:
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
                for at in range(winreg.QueryInfoKey(key)[1]):
                    yield winreg.EnumValue(key, at)[:2]
        except OSError:
            return

    def _value(path: str, name: str) -> str:
        """Text as it is, bytes in hexadecimal; empty when there is none."""
        found = dict(_values(path)).get(name, "")
        return found.hex() if isinstance(found, bytes) else str(found)

    def _firmware_table(provider: str, name: int) -> bytes:
        """GetSystemFirmwareTable; empty when this machine has no such table."""
        import ctypes

        get = ctypes.windll.kernel32.GetSystemFirmwareTable
        signature = int.from_bytes(provider.encode("ascii"), "big")
        size = get(signature, name, None, 0)
        buffer = ctypes.create_string_buffer(size)
        written = get(signature, name, buffer, size)
        return buffer.raw[:written] if written <= size else b""
