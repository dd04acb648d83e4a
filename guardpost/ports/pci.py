"""PCI functions that are serial ports of a management controller or of a hypervisor.

Intel AMT's port ("KT", keyboard and text) is found by a rule and not by its id: a 16550 of
Intel's that is function 3 of device 16h (of device 3 until 2009). The ids, from the public PCI id
list, only give it its name, and find it where a board moved it.
"""

from enum import Enum

from guardpost.ports.facts import Pci

__all__ = ["Role", "amt_family", "role_of"]

_INTEL, _HP, _RED_HAT, _BROADCOM = 0x8086, 0x103C, 0x1B36, 0x14E4
_SERIAL_CLASS = 0x0700
_KT_PLACES = ((0x16, 3), (0x03, 3))


class Role(Enum):
    """The strongest thing a PCI function says about itself."""

    AMT = "Intel AMT's Serial-over-LAN"
    MANAGEMENT = "a management controller's serial port"
    HYPERVISOR = "QEMU's pci-serial"
    CARD = "a PCI serial port"


_MANAGEMENT = {
    (_INTEL, 0x1085): "Intel 631xESB/632xESB serial redirection",
    (_HP, 0x1048): "HP Diva serial port",
    (_HP, 0x1290): "HP Diva auxiliary serial port",
    (_HP, 0x1291): "HP auxiliary Diva serial port",
    (_HP, 0x3301): "HPE iLO's serial port",
    (_BROADCOM, 0x160A): "Broadcom TruManage serial port",
}

_HYPERVISOR = {(_RED_HAT, 0x0002), (_RED_HAT, 0x0003), (_RED_HAT, 0x0004)}

_KT_FAMILIES = {
    "Intel 8257x": "1062 108f",
    "Intel 946/965/Q35/G33/Q33/X38/3200": "2977 2997 29a7 29b7 29c7 29d7 29e7 29f7 2987",
    "Intel mobile 965/GM45": "2a07 2a17 2a47 2a53",
    "Intel 4 Series": "2e07 2e17 2e27 2e37 2e47",
    "Intel 5 Series": "3b67",
    "Intel 6 Series": "1c3d",
    "Intel 7 Series": "1e3d",
    "Intel 8 Series": "8c3d",
    "Intel 9 Series": "8cbd",
    "Intel C600/X79": "1d3d",
    "Intel C610/X99": "8d3d",
    "Intel 8 Series-LP": "9c3d",
    "Intel Wildcat Point-LP": "9cbd",
    "Intel Sunrise Point-LP": "9d3d",
    "Intel Cannon Point-LP": "9de3",
    "Intel 100 Series": "a13d",
    "Intel 200 Series": "a2bd",
    "Intel 300 Series": "a363",
    "Intel 400 Series": "a3bd 06e3 02e3",
    "Intel C620": "a1bd a1fb a23d a27b",
    "Intel 500 Series": "43e3 a0e3",
    "Intel Alder Lake-P": "51e3",
    "Intel 600 Series": "7aeb",
    "Intel 700 Series": "7a6b",
    "Intel 800 Series": "7f6b",
    "Intel Meteor Lake-P": "7e73",
    "Intel Core Ultra": "7773 a873 e373 e473",
    "Intel Atom C3000": "19d5",
}
_KT_FAMILY_OF = {int(i, 16): name for name, ids in _KT_FAMILIES.items() for i in ids.split()}


def role_of(pci: Pci) -> tuple[Role, str]:
    """What the function is, and in words what tells so."""
    if family := amt_family(pci):
        return Role.AMT, family
    key = (pci.vendor_id, pci.device_id)
    if key in _MANAGEMENT:
        return Role.MANAGEMENT, _MANAGEMENT[key]
    if key in _HYPERVISOR:
        return Role.HYPERVISOR, "QEMU pci-serial"
    return Role.CARD, "PCI serial port"


def amt_family(pci: Pci) -> str:
    """The chipset whose AMT port this is; empty when it is none."""
    if pci.vendor_id != _INTEL:
        return ""
    is_kt = pci.class_code >> 8 == _SERIAL_CLASS and (pci.device, pci.function) in _KT_PLACES
    known = _KT_FAMILY_OF.get(pci.device_id, "")
    return known or ("Intel, of a chipset unknown here" if is_kt else "")
