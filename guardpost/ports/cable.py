"""Whether a port leads to a cable, on which another speed makes sense: a pure function.

Behind Intel AMT, a management controller or a hypervisor there is no second UART whose speed could
be changed as well; a controller that emulates one may stop at a speed it was not set up for.
"""

import os

from guardpost.ports import pci
from guardpost.ports.facts import Machine, Port
from guardpost.ports.habits import habit_of
from guardpost.ports.ranking import spcr_means

__all__ = ["no_cable"]

_OTHER_FUNCTIONS = {
    pci.Role.AMT: "Intel AMT's Serial-over-LAN",
    pci.Role.MANAGEMENT: "a management controller's port",
    pci.Role.HYPERVISOR: "a hypervisor's port",
}


def no_cable(machine: Machine, path: str) -> str:
    """Why `path` should keep its speed; "" for a port that leads to a cable, as far as is known."""
    path = os.path.realpath(path)
    if path.startswith("/dev/pts/"):
        return ""  # no hardware; whether its speeds count, who has it open knows
    port = next((each for each in machine.ports if os.path.realpath(each.path) == path), None)
    if port is None:
        return f"nothing is known of {path}, so it may be Serial-over-LAN"
    if port.name in machine.active_consoles:
        return f"kernel messages go to {port.name}, and others read them at its speed"
    return _what_is_behind(port, machine)


def _what_is_behind(port: Port, machine: Machine) -> str:
    if port.pci is not None and (said := _OTHER_FUNCTIONS.get(pci.role_of(port.pci)[0])):
        return f"{port.name} is {said}, no cable"
    if port.is_virtio_channel or not (port.is_uart or port.bus == "usb"):
        return f"{port.name} is no UART ({port.bus or 'unknown'})"
    if machine.has_ems:
        return "Windows' emergency console may own it"
    if not (machine.has_bmc or machine.smbios.bmc) or port.bus == "usb":
        return ""
    if machine.spcr is not None and spcr_means(machine.spcr, port):
        return f"{port.name} is the firmware's console on a host with a BMC: Serial-over-LAN"
    if any("SPCR" in each for each in machine.unread):
        return f"only root may read whether {port.name} is the BMC's Serial-over-LAN"
    if port.io_address == habit_of(machine.smbios).io_address:
        return f"{port.name} may be the BMC's Serial-over-LAN"
    return ""
