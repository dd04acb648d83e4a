"""Whole machines, as their kernels show them, and the port that `auto` takes there."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.machine_tree import Hardware, MachineTree, pci, platform, pnp
from support.spcr import spcr_table

from guardpost.ports import Candidate, rank, taken_by_auto
from guardpost.ports.linux import survey

OLD, NEW = (6, 1), (6, 12)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Linux's way")


@pytest.fixture(params=[OLD, NEW], ids=["Linux 6.1", "Linux 6.12"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> MachineTree:
    return MachineTree(tmp_path, request.param)


def ranked(tree: MachineTree) -> list[Candidate]:
    return rank(survey(tree.root))


def taken(tree: MachineTree) -> str:
    chosen = taken_by_auto(ranked(tree))
    return chosen.port.name if chosen is not None else ""


def reasons(tree: MachineTree, name: str) -> list[str]:
    (found,) = (each for each in ranked(tree) if each.port.name == name)
    return [str(each) for each in found.reasons]


# -- computers with Intel AMT


@pytest.mark.parametrize(
    "name, hardware, family",
    [
        ("ttyS4", pci("0000:00:16.3", "8086:9d3d"), "Sunrise Point-LP"),
        ("ttyS0", pci("0000:00:16.3", "8086:51e3"), "Alder Lake-P"),
        ("ttyS1", pci("0000:00:03.3", "8086:2e17"), "4 Series"),
        ("ttyS4", pci("0000:00:16.3", "8086:ffe3"), "of a chipset unknown here"),
    ],
    ids=["laptop", "new laptop", "of 2008", "of tomorrow"],
)
def test_amt_is_found_by_its_place_under_any_name(
    tree: MachineTree, name: str, hardware: Hardware, family: str
) -> None:
    tree.without_uart("ttyS2", "ttyS3")
    tree.uart(name, hardware, io=0xF0A0)
    tree.uart("ttyS5", pci("0000:03:00.0", "1c00:3253"), io=0xD000)
    tree.usb_adapter("ttyUSB0", "0403:6001", "FT232R USB UART")
    assert taken(tree) == name
    assert family in reasons(tree, name)[0]
    assert survey(tree.root).empty_names == ("ttyS2", "ttyS3")


def test_amt_goes_before_the_firmwares_console_on_a_legacy_port(tree: MachineTree) -> None:
    tree.dmi("LENOVO", "20HES0")
    tree.uart("ttyS0", pnp("00:05"), io=0x3F8)
    tree.uart("ttyS4", pci("0000:00:16.3", "8086:9d3d"), io=0xF0A0)
    tree.acpi_table("SPCR", spcr_table(0x3F8, irq=4))
    tree.command_line("console=tty0 console=ttyS0,115200")
    tree.active_consoles("ttyS0", "tty0")
    assert taken(tree) == "ttyS4"


def test_a_firmware_console_that_is_the_amt_port_says_so_by_its_pci_address(
    tree: MachineTree,
) -> None:
    tree.uart("ttyS4", pci("0000:00:16.3", "8086:a13d"), io=0xF0A0)
    tree.acpi_table("SPCR", spcr_table(0xF0E0, pci=(0x8086, 0xA13D, 0, 0x16, 3)))
    assert any("the firmware's own console" in each for each in reasons(tree, "ttyS4"))


# -- servers


@pytest.mark.parametrize(
    "vendor, product, name",
    [
        ("Dell Inc.", "PowerEdge R740", "ttyS1"),
        ("HPE", "ProLiant DL380 Gen10", "ttyS1"),
        ("Supermicro", "SYS-6029P-TR", "ttyS1"),
        ("Intel Corporation", "S5500BC", "ttyS0"),
        ("QCT", "QuantaGrid D52B-1U", "ttyS1"),
    ],
)
def test_a_server_that_tells_nothing_is_judged_by_its_vendors_habit(
    tree: MachineTree, vendor: str, product: str, name: str
) -> None:
    tree.dmi(vendor, product, bmc=True)
    tree.uart("ttyS0", pnp("00:04"), io=0x3F8)
    tree.uart("ttyS1", pnp("00:05"), io=0x2F8)
    assert taken(tree) == name
    assert any(each.startswith("+15") for each in reasons(tree, name))


def test_the_firmwares_console_goes_before_habit_getty_and_all(tree: MachineTree) -> None:
    """It is where the outside is: the agent has to be told to take it over, not to go elsewhere."""
    tree.dmi("Dell Inc.", "PowerEdge R640", bmc=True)
    tree.uart("ttyS0", pnp("00:04"), io=0x3F8)
    tree.uart("ttyS1", pnp("00:05"), io=0x2F8)
    tree.acpi_table("SPCR", spcr_table(0x3F8, irq=4))
    tree.command_line("console=ttyS0,57600n8")
    tree.active_consoles("ttyS0")
    tree.process(812, "agetty", has_open=["/dev/ttyS0"])
    assert taken(tree) == "ttyS0"
    assert reasons(tree, "ttyS0") == [
        "+250 the firmware's own console (SPCR: I/O 0x3f8, 115200 bit/s)",
        "+30 console=ttyS0,57600n8 on the kernel command line",
        "+5 a UART (16550A)",
        "-10 kernel messages go there too",
        "-30 taken by agetty (pid 812)",
    ]
    assert ranked(tree)[0].baud == 57600, "the kernel's word goes before the firmware's"


def test_a_management_controllers_own_pci_port(tree: MachineTree) -> None:
    tree.uart("ttyS0", pnp("00:04"), io=0x3F8)
    tree.uart("ttyS2", pci("0000:01:04.0", "103c:3301"), io=0x2800)
    assert taken(tree) == "ttyS2"


# -- virtual machines


def test_qemus_pci_serial_goes_before_an_isa_console(tree: MachineTree) -> None:
    tree.dmi("QEMU", "Standard PC (Q35 + ICH9, 2009)")
    tree.uart("ttyS0", pnp("00:02"), io=0x3F8)
    tree.uart("ttyS1", pci("0000:00:05.0", "1b36:0002"), io=0x6040)
    tree.without_uart("ttyS2", "ttyS3")
    tree.command_line("console=ttyS0")
    tree.active_consoles("ttyS0")
    assert taken(tree) == "ttyS1"


def test_a_virtio_port_of_our_name_goes_before_that_and_another_is_left_alone(
    tree: MachineTree,
) -> None:
    tree.uart("ttyS0", pnp("00:02"), io=0x3F8)
    tree.virtio_port("vport0p1", "org.qemu.guest_agent.0")
    assert taken(tree) == "ttyS0"
    tree.uart("ttyS1", pci("0000:00:05.0", "1b36:0002"), io=0x6040)
    tree.virtio_port("vport0p2", "org.guardpost.0")
    assert taken(tree) == "vport0p2"


def test_of_eight_hypervisor_consoles_only_those_with_a_port_are_real(tree: MachineTree) -> None:
    tree.hypervisor_consoles()
    assert ranked(tree) == []
    tree.virtio_port("vport0p0")
    assert [each.port.name for each in ranked(tree)] == ["hvc0"]
    assert taken(tree) == "hvc0"


def test_xens_console(tree: MachineTree) -> None:
    tree.hypervisor_consoles()
    tree.write("sys/hypervisor/type", "xen")
    assert taken(tree) == "hvc0"


def test_a_free_second_port_goes_before_the_console_where_people_log_in(tree: MachineTree) -> None:
    tree.uart("ttyS0", pnp("00:02"), io=0x3F8)
    tree.uart("ttyS1", pnp("00:00"), io=0x2F8)
    tree.command_line("console=ttyS0")
    tree.active_consoles("ttyS0")
    assert taken(tree) == "ttyS0", "the kernel's word, while nobody logs in there"
    tree.link(
        "run/systemd/generator/getty.target.wants/serial-getty@ttyS0.service",
        "/lib/systemd/system/serial-getty@.service",
    )
    assert taken(tree) == "ttyS1"


# -- boards


def test_an_arm_server_with_a_pl011_and_spcr(tree: MachineTree) -> None:
    tree.uart("ttyAMA0", platform("ARMH0011:00"), memory=0x9000000, kind=32)
    tree.uart("ttyAMA1", platform("ARMH0011:01"), memory=0x9001000, kind=32)
    tree.acpi_table("SPCR", spcr_table(0x9001000, io=False, interface=3, revision=4))
    assert taken(tree) == "ttyAMA1"
    assert "a UART (PL011)" in reasons(tree, "ttyAMA1")[-1]


def test_a_board_whose_kernel_names_the_address(tree: MachineTree) -> None:
    tree.uart("ttyS0", platform("3f215040.serial", "amba"), memory=0x3F215040)
    tree.uart("ttyAMA0", platform("3f201000.serial", "amba"), memory=0x3F201000, kind=32)
    tree.command_line("console=uart,mmio,0x3f201000,921600")
    assert taken(tree) == "ttyAMA0"
    assert ranked(tree)[0].baud == 921600


def test_a_port_named_after_its_device_as_new_kernels_allow(tmp_path: Path) -> None:
    tree = MachineTree(tmp_path, NEW)
    tree.uart("ttyS0", pnp("00:03"), io=0x3F8)
    tree.uart("ttyS1", pnp("00:04"), io=0x2F8)
    tree.command_line("console=00:04:0.0,115200")
    assert taken(tree) == "ttyS1"


def test_a_firmware_console_by_its_acpi_path(tree: MachineTree) -> None:
    tree.uart("ttyS0", pnp("00:03", acpi_path="\\_SB_.PC00.LPC0.UAR1"), io=0x3F8)
    tree.uart("ttyS1", pnp("00:04", acpi_path="\\_SB_.PC00.LPC0.UAR2"), io=0x2F8)
    table = spcr_table(0x60, revision=4, acpi_path="\\_SB.PC00.LPC0.UAR2")
    tree.acpi_table("SPCR", table)
    assert taken(tree) == "ttyS1"


# -- where nothing is to be taken


def test_a_machine_without_a_port(tree: MachineTree) -> None:
    tree.without_uart("ttyS0", "ttyS1", "ttyS2", "ttyS3")
    assert ranked(tree) == []
    assert taken(tree) == ""


def test_a_usb_adapter_is_taken_only_when_it_is_named(tree: MachineTree) -> None:
    tree.usb_adapter("ttyUSB0", "0403:6001", "FT232R USB UART")
    assert taken(tree) == ""
    tree.command_line("guardpost.port=/dev/ttyUSB0")
    assert taken(tree) == "ttyUSB0"
    assert survey(tree.root).ports[0].label == "FT232R USB UART (0403:6001)"


def test_what_the_administrator_names_goes_before_everything(tree: MachineTree) -> None:
    tree.uart("ttyS0", pnp("00:05"), io=0x3F8)
    tree.uart("ttyS4", pci("0000:00:16.3", "8086:9d3d"), io=0xF0A0)
    tree.command_line("guardpost.port=ttyS0")
    assert taken(tree) == "ttyS0"


def test_what_the_administrator_names_is_waited_for_and_no_other_taken(tree: MachineTree) -> None:
    tree.uart("ttyS0", pnp("00:05"), io=0x3F8)
    tree.uart("ttyS4", pci("0000:00:16.3", "8086:9d3d"), io=0xF0A0)
    tree.command_line("guardpost.port=serial/by-id/usb-FTDI-if00")
    assert taken(tree) == ""
    assert "+0 guardpost.port=serial/by-id/usb-FTDI-if00 names another one" in reasons(
        tree, "ttyS4"
    )
    tree.usb_adapter("ttyUSB3", "0403:6001", "FT232R USB UART")
    tree.link("dev/serial/by-id/usb-FTDI-if00", "../../ttyUSB3")
    assert taken(tree) == "ttyUSB3"


def test_a_port_that_has_no_file_in_dev_is_said_and_not_taken(tree: MachineTree) -> None:
    tree.uart("ttyS0", pnp("00:05"), io=0x3F8)
    (tree.root / "dev/ttyS0").unlink()
    assert taken(tree) == ""
    assert survey(tree.root).unread == (
        "/dev/ttyS0: the kernel has this port, and there is no such file",
    )


def test_names_that_everybody_may_read_stand_in_for_the_table_that_root_alone_may(
    tree: MachineTree,
) -> None:
    tree.write("sys/class/dmi/id/sys_vendor", "Dell Inc.")
    tree.write("dev/ipmi0", "")
    machine = survey(tree.root)
    assert (machine.smbios.vendor, machine.has_bmc) == ("Dell Inc.", True)


AS_NOBODY = """
import os, sys
from pathlib import Path
from guardpost.ports import rank
from guardpost.ports.linux import survey
if os.geteuid() == 0:
    os.seteuid(65534)
machine = survey(Path(sys.argv[1]))
print(*machine.unread, machine.smbios.vendor, [each.port.name for each in rank(machine)], sep="|")
"""


def test_an_ordinary_user_sees_the_ports_and_what_he_may_not_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = MachineTree(Path(folder))
        tree.dmi("Dell Inc.", "PowerEdge R740", bmc=True)
        tree.uart("ttyS0", pnp("00:05"), io=0x3F8)
        tree.acpi_table("SPCR", spcr_table(0x3F8))
        Path(folder).chmod(0o755)
        for table in ("acpi/tables/SPCR", "dmi/tables/DMI"):
            (tree.root / "sys/firmware" / table).chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, folder], capture_output=True, text=True, check=True
        )
    assert sorted(done.stdout.strip().split("|")) == [
        "/sys/firmware/acpi/tables/SPCR: permission denied",
        "/sys/firmware/dmi/tables/DMI: permission denied",
        "Dell Inc.",
        "['ttyS0']",
    ]


# -- what a survey may not do


class Watch:
    """What this process opens, told by the interpreter. A hook stays for good, so it is one."""

    def __init__(self) -> None:
        self.opened: list[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, details: tuple[object, ...]) -> None:
        if event == "open" and self.opened is not None:
            self.opened.append(str(details[0]))


WATCH = Watch()


@pytest.fixture
def watched() -> Iterator[list[str]]:
    WATCH.opened = []
    yield WATCH.opened
    WATCH.opened = None


def test_no_port_is_ever_opened(tree: MachineTree, watched: list[str]) -> None:
    tree.uart("ttyS0", pnp("00:05"), io=0x3F8)
    tree.virtio_port("vport0p1", "org.guardpost.0")
    tree.process(812, "agetty", has_open=["/dev/ttyS0"])
    watched.clear()
    survey(tree.root)
    assert any("/sys/class/tty/ttyS0" in each for each in watched), "the hook sees what is opened"
    assert [each for each in watched if each.startswith((str(tree.root / "dev"), "/dev"))] == []
