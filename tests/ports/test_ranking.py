"""The order of evidence, whatever else speaks for or against a port."""

import dataclasses
import itertools

from hypothesis import given
from hypothesis import strategies as st

from guardpost.ports import Machine, rank, taken_by_auto
from guardpost.ports.facts import Pci, Port, Use
from guardpost.ports.kernel_arguments import ConsoleArgument
from guardpost.ports.ranking import spcr_means
from guardpost.ports.smbios import Smbios
from guardpost.ports.spcr import AddressSpace, Spcr

GETTY = (Use("agetty (pid 812)", is_getty=True),)


def uart(name: str, io: int, **more: object) -> Port:
    port = Port(name, f"/dev/{name}", bus="pnp", io_address=io, is_uart=True, uart=4)
    return dataclasses.replace(port, **more)  # type: ignore[arg-type]


# The strongest first. Each is a port and what a machine says that speaks for it.
AMT = uart("ttyS9", 0x9000, bus="pci", pci=Pci(0, 0, 0x16, 3, 0x8086, 0x9D3D, 0x070002))
FIRMWARE = uart("ttyS8", 0x8000)
CHANNEL = Port("vport0p1", "/dev/vport0p1", bus="virtio", channel="org.guardpost.0")
PCI_SERIAL = uart("ttyS7", 0x7000, bus="pci", pci=Pci(0, 0, 5, 0, 0x1B36, 2, 0x070002))
CONSOLE = uart("ttyS6", 0x6000)
BY_HABIT = uart("ttyS1", 0x2F8)
PLAIN = uart("ttyS5", 0x5000)
IN_ORDER = [AMT, FIRMWARE, CHANNEL, PCI_SERIAL, CONSOLE, BY_HABIT, PLAIN]

MACHINE = Machine(
    spcr=Spcr(2, "16550", AddressSpace.IO, 0x8000, None, 115200),
    console_arguments=(ConsoleArgument("console=ttyS6", name="ttyS6"),),
    smbios=Smbios(vendor="Dell Inc.", bmc="KCS"),
)


def taken(machine: Machine, *ports: Port) -> Port | None:
    chosen = taken_by_auto(rank(dataclasses.replace(machine, ports=ports)))
    return None if chosen is None else chosen.port


def test_the_order_of_evidence() -> None:
    for order in itertools.islice(itertools.permutations(IN_ORDER), 0, None, 97):
        assert [each.port for each in rank(dataclasses.replace(MACHINE, ports=order))] == IN_ORDER


def test_what_the_administrator_names_goes_first() -> None:
    for port in IN_ORDER:
        named = dataclasses.replace(MACHINE, wanted=port.name)
        assert taken(named, *IN_ORDER) == port


@given(st.sets(st.sampled_from(["getty", "console"])))
def test_what_speaks_against_a_port_never_outweighs_what_amt_or_the_firmware_says(
    against: set[str],
) -> None:
    for strong, weak in itertools.combinations(IN_ORDER[:3], 2):
        uses = GETTY if "getty" in against else ()
        active = (strong.name,) if "console" in against else ()
        burdened = dataclasses.replace(strong, uses=uses)
        machine = dataclasses.replace(MACHINE, active_consoles=active)
        assert taken(machine, weak, burdened) == burdened


def test_of_equals_the_first_is_taken() -> None:
    first, second = uart("ttyS0", 0x3F8), uart("ttyS1", 0x2F8)
    assert taken(Machine(), first, second) == first
    busy = dataclasses.replace(first, uses=GETTY)
    assert taken(Machine(), busy, second) == second


def test_the_only_port_is_taken_even_if_somebody_has_it() -> None:
    """The agent then says who, and what to do: that is better than to wait in silence."""
    busy = uart("ttyS0", 0x3F8, uses=GETTY)
    assert taken(Machine(active_consoles=("ttyS0",)), busy) == busy


def test_ports_that_nothing_speaks_for_are_not_taken() -> None:
    adapter = Port("ttyUSB0", "/dev/ttyUSB0", bus="usb")
    channel = Port("vport0p1", "/dev/vport0p1", bus="virtio", channel="org.qemu.guest_agent.0")
    phone = Port("rfcomm0", "/dev/rfcomm0", bus="bluetooth")
    assert taken(MACHINE, adapter, channel, phone) is None
    assert taken(dataclasses.replace(MACHINE, active_consoles=("ttyUSB0",)), adapter) == adapter


def test_a_uart_of_the_chipset_comes_last() -> None:
    inner = uart("ttyS4", 0, bus="platform", node="dw-apb-uart.3", io_address=None)
    assert taken(Machine(), inner, PLAIN) == PLAIN
    assert taken(Machine(), inner) == inner


def test_the_emergency_console_of_windows_bars_its_port_alone() -> None:
    com1, com2 = uart("COM1", 0x3F8), uart("COM2", 0x2F8)
    spcr = Spcr(2, "16550", AddressSpace.IO, 0x3F8, None, 115200)
    assert taken(Machine(has_ems=True, spcr=spcr), com1, com2) == com2
    assert taken(Machine(has_ems=True, ems_com=2, spcr=spcr), com1, com2) == com1
    assert taken(Machine(has_ems=True, ems_com=2), com2) is None


def test_a_rescue_system_spares_the_console_where_the_boot_may_ask() -> None:
    console, other = uart("ttyS0", 0x3F8), uart("ttyS1", 0x2F8)
    machine = Machine((console, other), active_consoles=("tty0", "ttyS0"))
    last = rank(machine, spare_console=True)[-1]
    assert (last.port, last.is_barred) == (console, True)
    assert "guardpost.port=ttyS0 would name it" in str(last.reasons[-1])
    with_a_screen = dataclasses.replace(machine, active_consoles=("ttyS0", "tty0"))
    assert not any(each.is_barred for each in rank(with_a_screen, spare_console=True))
    alone = dataclasses.replace(machine, ports=(console,))
    assert taken_by_auto(rank(alone, spare_console=True)) is None
    named = rank(dataclasses.replace(alone, wanted="ttyS0"), spare_console=True)
    assert named[0].has_evidence


def test_an_address_of_zero_means_no_port() -> None:
    nowhere = Spcr(2, "16550", AddressSpace.IO, 0, (0, 0, 5, 0), None)
    assert not spcr_means(nowhere, Port("ttyS0", "/dev/ttyS0"))
    assert spcr_means(nowhere, PCI_SERIAL)


def test_io_and_memory_are_two_worlds() -> None:
    in_memory = Spcr(2, "PL011", AddressSpace.MEMORY, 0x3F8, None, None)
    assert not spcr_means(in_memory, uart("ttyS0", 0x3F8))
    assert spcr_means(in_memory, Port("ttyAMA0", "/dev/ttyAMA0", memory_address=0x3F8))


def test_the_speed_that_the_kernel_or_the_firmware_says() -> None:
    port = uart("ttyS0", 0x3F8)
    spcr = Spcr(2, "16550", AddressSpace.IO, 0x3F8, None, 57600)
    argument = ConsoleArgument("console=ttyS0,9600", name="ttyS0", baud=9600)
    assert rank(Machine(ports=(port,)))[0].baud is None
    assert rank(Machine(ports=(port,), spcr=spcr))[0].baud == 57600
    assert rank(Machine((port,), spcr=spcr, console_arguments=(argument,)))[0].baud == 9600


def test_every_port_has_a_reason_and_its_score_is_their_sum() -> None:
    for each in rank(dataclasses.replace(MACHINE, ports=tuple(IN_ORDER))):
        assert each.reasons
        assert each.score == sum(reason.points for reason in each.reasons)
        assert each.main_reason


def test_the_speed_that_stands_with_the_wanted_port_counts_before_all() -> None:
    port, ports = IN_ORDER[0], tuple(IN_ORDER)
    named = dataclasses.replace(MACHINE, ports=ports, wanted=port.name, wanted_baud=57600)
    found = {each.port.name: each.baud for each in rank(named)}
    assert found[port.name] == 57600
    assert 57600 not in [baud for name, baud in found.items() if name != port.name]
