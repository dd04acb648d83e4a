"""Which port vendors lead to their management controller, where no table of the firmware says it.

IPMI tells that there is a BMC, never which port is its Serial-over-LAN. What manuals say:
Dell (iDRAC: "COM2"), Supermicro ("SOL/COM2"), HPE (iLO's virtual serial port, COM2 as delivered),
the BIOS guides of IPMI 2.0 boards (COM2/COM B); the Intel board S5500BC does it on COM1 alone.
"""

from dataclasses import dataclass

from guardpost.ports.smbios import Smbios

__all__ = ["Habit", "habit_of"]

_COM1, _COM2 = 0x3F8, 0x2F8


@dataclass(frozen=True, slots=True)
class Habit:
    io_address: int
    words: str


# A part of the vendor's name and of the product's or board's, both in lower case.
_HABITS = (
    ("intel", "s5500bc", Habit(_COM1, "Intel S5500BC does SOL on COM1")),
    ("dell", "", Habit(_COM2, "Dell's iDRAC does SOL on COM2")),
    ("supermicro", "", Habit(_COM2, "Supermicro does SOL on COM2")),
    ("hewlett", "", Habit(_COM2, "HPE's iLO has its virtual serial port on COM2")),
    ("hpe", "", Habit(_COM2, "HPE's iLO has its virtual serial port on COM2")),
)
_OTHERS = Habit(_COM2, "most boards with a BMC do SOL on COM2")


def habit_of(smbios: Smbios) -> Habit:
    """For a machine that has a BMC."""
    vendors = f"{smbios.vendor} {smbios.board_vendor}".lower()
    products = f"{smbios.product} {smbios.board}".lower()
    for vendor, product, habit in _HABITS:
        if vendor in vendors and product in products:
            return habit
    return _OTHERS
