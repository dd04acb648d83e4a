"""Which port leads to the outside: a pure function from what is known to a score with its reasons.

The points of evidence are spaced so that a stronger kind outweighs all weaker ones together:
named by the administrator, Intel AMT, the firmware's own console, a virtio port of our name, a
hypervisor's or management controller's PCI port, the kernel's console, a vendor's habit. What is
subtracted only decides between ports that are otherwise much alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from guardpost.ports import pci
from guardpost.ports.facts import Machine, Port
from guardpost.ports.habits import habit_of
from guardpost.ports.kernel_arguments import ConsoleArgument
from guardpost.ports.spcr import AddressSpace, Spcr

__all__ = ["CHANNEL_NAME", "THE_BOOTS_CONSOLE", "Candidate", "Reason", "rank", "taken_by_auto"]

CHANNEL_NAME = "org.guardpost.0"
"""What a hypervisor's administrator calls a virtio port that is meant for us."""

THE_BOOTS_CONSOLE = "/dev/console, where the boot may ask something"

_UART_KINDS = {1: "8250", 2: "16450", 3: "16550", 4: "16550A", 32: "PL011"}
# A UART that wakes up with the chipset on many laptops, wired to nothing a person could reach.
_OF_THE_CHIPSET = "dw-apb-uart"


@dataclass(frozen=True, slots=True)
class Reason:
    points: int
    words: str

    def __str__(self) -> str:
        return f"{self.points:+d} {self.words}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """`baud`: the speed that the kernel's arguments or the firmware give for it, else None."""

    port: Port
    reasons: tuple[Reason, ...]
    baud: int | None = None
    is_barred: bool = False
    """Somebody owns it for good, or another port is wanted: `auto` never takes it."""

    @property
    def score(self) -> int:
        return sum(each.points for each in self.reasons)

    @property
    def has_evidence(self) -> bool:
        return not self.is_barred and any(each.points > 0 for each in self.reasons)

    @property
    def main_reason(self) -> str:
        return max(self.reasons, key=lambda each: each.points).words if self.reasons else ""


def rank(machine: Machine, *, spare_console: bool = False) -> list[Candidate]:
    """All ports, the likeliest first; of equals the one the system names first.

    With `spare_console` the port that is /dev/console is barred, unless it is wanted by name.
    """
    candidates = [_judge(port, machine, spare_console) for port in machine.ports]
    return sorted(candidates, key=lambda each: (each.is_barred, -each.score))


def taken_by_auto(candidates: Sequence[Candidate]) -> Candidate | None:
    """The first that anything speaks for. A USB adapter alone is nobody's SOL port."""
    return next((each for each in candidates if each.has_evidence), None)


def _judge(port: Port, machine: Machine, spare_console: bool) -> Candidate:
    found = tuple(reason for rule in _RULES if (reason := rule(port, machine)) is not None)
    bars = (*_ems(port, machine), *_another_wanted(port, machine))
    if spare_console:
        bars += _asks_there(port, machine)
    return Candidate(port, found + bars, _baud(port, machine), is_barred=bool(bars))


# -- evidence; each rule gives its reason or None


def _is_wanted(port: Port, machine: Machine) -> bool:
    return bool(machine.wanted) and machine.wanted in (port.name, port.channel, port.kernel_name)


def _wanted(port: Port, machine: Machine) -> Reason | None:
    if _is_wanted(port, machine):
        return Reason(1000, f"guardpost.port={machine.wanted} on the kernel command line")
    return None


def _pci(port: Port, machine: Machine) -> Reason | None:
    if port.pci is None:
        return None
    role, label = pci.role_of(port.pci)
    points = {pci.Role.AMT: 500, pci.Role.MANAGEMENT: 70, pci.Role.HYPERVISOR: 60}
    return Reason(points.get(role, 20), f"{role.value} ({label}, {port.pci})")


def _firmware(port: Port, machine: Machine) -> Reason | None:
    if machine.spcr is None or not spcr_means(machine.spcr, port):
        return None
    speed = f", {machine.spcr.baud} bit/s" if machine.spcr.baud else ""
    return Reason(250, f"the firmware's own console (SPCR: {machine.spcr.place}{speed})")


def _channel(port: Port, machine: Machine) -> Reason | None:
    if port.channel == CHANNEL_NAME:
        return Reason(120, f"a virtio port named {CHANNEL_NAME}")
    return None


def _kernel_argument(port: Port, machine: Machine) -> Reason | None:
    if argument := _console_argument(port, machine):
        return Reason(30, f"{argument.text} on the kernel command line")
    if port.name in machine.active_consoles:
        return Reason(30, "the kernel chose it as console")
    return None


def _habit(port: Port, machine: Machine) -> Reason | None:
    if not (machine.has_bmc or machine.smbios.bmc) or port.pci is not None:
        return None
    habit = habit_of(machine.smbios)
    return Reason(15, habit.words) if port.io_address == habit.io_address else None


def _nature(port: Port, machine: Machine) -> Reason | None:
    """What a port is worth by itself, so that a machine's only one is found."""
    if port.is_virtio_channel:
        is_ours = port.channel == CHANNEL_NAME
        return None if is_ours else Reason(0, f"a virtio port for something else ({port.channel})")
    if port.bus == "usb":
        return Reason(0, "a USB adapter; never taken unless it is named")
    if port.bus == "gadget":
        return Reason(3, "a USB gadget: its cable leads to another computer")
    if port.name.startswith("hvc"):
        return Reason(10, "a hypervisor's console")
    if port.node.startswith(_OF_THE_CHIPSET):
        return Reason(1, "a UART of the chipset, on most boards wired to nothing")
    if not port.is_uart:
        return Reason(0, f"a terminal device, and no UART ({port.bus or 'unknown'})")
    return Reason(5, f"a UART ({_UART_KINDS.get(port.uart or 0, 'of a kind not known here')})")


# -- what speaks against it


def _kernel_messages(port: Port, machine: Machine) -> Reason | None:
    if port.name in machine.active_consoles:
        return Reason(-10, "kernel messages go there too")
    return None


def _in_use(port: Port, machine: Machine) -> Reason | None:
    if not port.uses:
        return None
    return Reason(-30, "taken by " + ", ".join(each.words for each in port.uses))


def _ems(port: Port, machine: Machine) -> tuple[Reason, ...]:
    if not machine.has_ems:
        return ()
    if machine.ems_com is not None:
        owns = port.name == f"COM{machine.ems_com}"
    else:
        owns = machine.spcr is not None and spcr_means(machine.spcr, port)
    return (Reason(-300, "Windows' emergency console (EMS, SAC) owns it"),) if owns else ()


def _another_wanted(port: Port, machine: Machine) -> tuple[Reason, ...]:
    """Also while that is not there: bytes of ours are not for whatever hangs on this one."""
    if not machine.wanted or _is_wanted(port, machine):
        return ()
    return (Reason(0, f"guardpost.port={machine.wanted} names another one"),)


def _asks_there(port: Port, machine: Machine) -> tuple[Reason, ...]:
    """A boot asks for a password there, or opens a shell, and would share its bytes with us."""
    if port.name not in machine.active_consoles[-1:] or _is_wanted(port, machine):
        return ()
    return (Reason(0, f"{THE_BOOTS_CONSOLE}; guardpost.port={port.name} would name it"),)


Rule = Callable[[Port, Machine], Reason | None]
_RULES: tuple[Rule, ...] = (
    *(_wanted, _pci, _firmware, _channel, _kernel_argument, _habit, _nature),
    *(_kernel_messages, _in_use),
)


# -- which port a table or an argument means


def spcr_means(spcr: Spcr, port: Port) -> bool:
    """By its place on the PCI bus, its path in ACPI's tree, or its address."""
    if spcr.pci is not None and port.pci is not None:
        it = port.pci
        if spcr.pci == (it.segment, it.bus, it.device, it.function):
            return True
    if spcr.acpi_path and _acpi_name(spcr.acpi_path) == _acpi_name(port.acpi_path):
        return True
    if not spcr.address or spcr.space is None:
        return False
    is_io = spcr.space is AddressSpace.IO
    return spcr.address == (port.io_address if is_io else port.memory_address)


def _acpi_name(path: str) -> tuple[str, ...]:
    """Linux writes out the underscores that fill a name up to four letters; firmware may not."""
    return tuple(part.rstrip("_") for part in path.lstrip("\\").split("."))


def _console_argument(port: Port, machine: Machine) -> ConsoleArgument | None:
    for each in reversed(machine.console_arguments):
        if each.name and each.name in (port.name, port.kernel_name):
            return each
        if each.io_address is not None and each.io_address == port.io_address:
            return each
        if each.memory_address is not None and each.memory_address == port.memory_address:
            return each
    return None


def _baud(port: Port, machine: Machine) -> int | None:
    if machine.wanted_baud and _is_wanted(port, machine):
        return machine.wanted_baud
    argument = _console_argument(port, machine)
    if argument is not None and argument.baud:
        return argument.baud
    if machine.spcr is not None and spcr_means(machine.spcr, port):
        return machine.spcr.baud
    return None
