"""What is known of a host's serial ports, whichever system told it. Plain values, no judgement."""

from dataclasses import dataclass, field

from guardpost.ports.kernel_arguments import ConsoleArgument
from guardpost.ports.smbios import Smbios
from guardpost.ports.spcr import Spcr

__all__ = ["LEGACY_PORTS", "Machine", "Pci", "Port", "Use"]

LEGACY_PORTS = {0x3F8: 1, 0x2F8: 2, 0x3E8: 3, 0x2E8: 4}
"""I/O address -> the COM number that firmware and Windows give it."""


@dataclass(frozen=True, slots=True)
class Pci:
    """One PCI function. `class_code` is class, subclass and interface: 0x070002 is a 16550."""

    segment: int
    bus: int
    device: int
    function: int
    vendor_id: int
    device_id: int
    class_code: int

    def __str__(self) -> str:
        place = f"{self.segment:04x}:{self.bus:02x}:{self.device:02x}.{self.function}"
        return f"PCI {self.vendor_id:04x}:{self.device_id:04x} at {place}"


@dataclass(frozen=True, slots=True)
class Use:
    """Somebody who has the port, or will have it. `is_getty`: to ask for a login there."""

    words: str
    is_getty: bool = False


@dataclass(frozen=True, slots=True)
class Port:
    """One port. None or "" is what the system does not tell."""

    name: str
    """ttyS4, vport0p1, COM3"""
    path: str
    """What a program opens."""
    bus: str = ""
    """pci, pnp, platform, amba, usb, virtio, xen, gadget, ..."""
    node: str = ""
    """The device's own name on its bus: the same however often the port is plugged in."""
    label: str = ""
    """The device's name for itself, or the driver's for it."""
    pci: Pci | None = None
    io_address: int | None = None
    memory_address: int | None = None
    is_uart: bool = False
    uart: int | None = None
    """Linux's number of the UART's kind (4 is a 16550A)."""
    channel: str = ""
    """The name a hypervisor gave a virtio port."""
    acpi_path: str = ""
    kernel_name: str = ""
    """What `console=` may call it since Linux 6.11: 00:04:0.0"""
    uses: tuple[Use, ...] = ()

    @property
    def identity(self) -> tuple[object, ...]:
        """Of the hardware: the same after the port went away and came back under another name."""
        return self.bus, self.node, self.io_address, self.memory_address, self.channel

    @property
    def is_virtio_channel(self) -> bool:
        """A byte channel that is no terminal device."""
        return self.name.startswith("vport")


@dataclass(frozen=True, slots=True)
class Machine:
    """A host as a survey saw it."""

    ports: tuple[Port, ...] = ()
    empty_names: tuple[str, ...] = ()
    """Names of ports behind which there is no UART."""
    spcr: Spcr | None = None
    smbios: Smbios = field(default_factory=Smbios)
    has_bmc: bool = False
    console_arguments: tuple[ConsoleArgument, ...] = ()
    active_consoles: tuple[str, ...] = ()
    """Where kernel messages go; the last one is /dev/console."""
    wanted: str = ""
    """`guardpost.port=` of the kernel command line."""
    wanted_baud: int | None = None
    """The speed that stands with it, if one does."""
    has_ems: bool = False
    """Windows' emergency console (SAC) is on, and owns a port."""
    ems_com: int | None = None
    """The number of that port; None: the firmware's."""
    unread: tuple[str, ...] = ()
    """What exists and could not be read, with the reason: only root may, mostly."""
