"""`agent auto`: a port that comes, goes, and comes back under another name."""

import asyncio
import dataclasses
import logging

import pytest
from support.memory_line import MemoryLine

from guardpost.aio.stream import ByteStream
from guardpost.aio.supervisor import reopen
from guardpost.cli.auto_port import AutoPort, at_its_speed
from guardpost.errors import LineBusy, NoSuchTarget
from guardpost.ports import Machine
from guardpost.ports.facts import Pci, Port
from guardpost.ports.kernel_arguments import ConsoleArgument
from guardpost.transports.target import Target, parse_target

AMT = Port(
    *("ttyS4", "/dev/ttyS4"),
    bus="pci",
    node="0000:00:16.3",
    pci=Pci(0, 0, 0x16, 3, 0x8086, 0x9D3D, 0x070002),
    io_address=0xF0A0,
    is_uart=True,
)
COM1 = Port("ttyS0", "/dev/ttyS0", bus="pnp", node="00:05", io_address=0x3F8, is_uart=True)
COM2 = Port("ttyS1", "/dev/ttyS1", bus="pnp", node="00:06", io_address=0x2F8, is_uart=True)
CHANNEL = Port("vport0p1", "/dev/vport0p1", bus="virtio", node="virtio0", channel="org.guardpost.0")


class Host:
    """Its ports change while the test goes on."""

    def __init__(self, *ports: Port, **said: object) -> None:
        self.machine = dataclasses.replace(Machine(), **said)  # type: ignore[arg-type]
        self.has(*ports)
        self.opened: list[Target] = []
        self.refuses: Exception | None = None

    def has(self, *ports: Port) -> None:
        self.machine = dataclasses.replace(self.machine, ports=ports)

    def survey(self) -> Machine:
        return self.machine

    async def open_target(self, target: Target) -> ByteStream:
        if self.refuses is not None:
            raise self.refuses
        self.opened.append(target)
        return await MemoryLine().open_b()

    @property
    def paths(self) -> list[str]:
        return [each.address for each in self.opened]

    def auto(self, baud: int | None = None) -> AutoPort:
        return AutoPort(self.survey, self.open_target, baud)


def open_once(auto: AutoPort) -> None:
    async def story() -> None:
        await (await auto.open()).close()

    asyncio.run(story())


def test_the_likeliest_port_is_opened_and_it_is_said_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    host = Host(COM1, AMT)
    auto = host.auto()
    assert auto.target is None
    with caplog.at_level(logging.INFO, "guardpost.agent"):
        open_once(auto)
    assert host.paths == ["/dev/ttyS4"]
    assert auto.target == host.opened[0]
    assert auto.why.startswith("found by itself: Intel AMT's Serial-over-LAN")
    assert "port /dev/ttyS4: Intel AMT's Serial-over-LAN" in caplog.text


def test_the_speed_is_the_users_or_what_the_kernel_says() -> None:
    argument = ConsoleArgument("console=ttyS0,9600", name="ttyS0", baud=9600)
    host = Host(COM1, console_arguments=(argument,))
    open_once(host.auto())
    open_once(host.auto(baud=57600))
    assert [each.options["baud"] for each in host.opened] == ["9600", "57600"]


def test_a_virtio_port_has_no_speed() -> None:
    host = Host(CHANNEL)
    open_once(host.auto(baud=57600))
    assert host.opened == [Target("serial", "/dev/vport0p1")]


def test_a_port_that_is_not_there_yet_is_waited_for_and_it_is_said_once() -> None:
    host = Host()
    said: list[str] = []
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 5:
            host.has(COM1)

    opening = reopen(host.auto().open, on_wait=lambda error: said.append(str(error)), sleep=sleep)
    asyncio.run(opening)
    assert said == ["this host has no serial port; one is waited for"]
    assert host.paths == ["/dev/ttyS0"]


def test_the_port_that_the_administrator_names_is_waited_for() -> None:
    host = Host(COM1, AMT, wanted="ttyS1")
    auto = host.auto()
    with pytest.raises(NoSuchTarget, match=r"guardpost\.port=ttyS1 .* it is waited for"):
        open_once(auto)
    host.has(COM1, AMT, COM2)
    open_once(auto)
    assert host.paths == ["/dev/ttyS1"]


def test_hardware_that_comes_back_is_known_under_another_name() -> None:
    host = Host(COM1, AMT)
    auto = host.auto()
    open_once(auto)
    host.has(COM1)
    with pytest.raises(NoSuchTarget, match=r"/dev/ttyS4 \(Intel AMT.*\) is gone, and it is waited"):
        open_once(auto)
    host.has(COM1, dataclasses.replace(AMT, name="ttyS5", path="/dev/ttyS5"))
    open_once(auto)
    assert host.paths == ["/dev/ttyS4", "/dev/ttyS5"], "and never the port that leads nowhere"


def test_a_port_as_good_as_the_lost_one_is_taken_instead() -> None:
    host = Host(COM1)
    auto = host.auto()
    open_once(auto)
    host.has(COM2)
    open_once(auto)
    assert host.paths == ["/dev/ttyS0", "/dev/ttyS1"]


def test_a_better_port_does_not_call_the_agent_away() -> None:
    host = Host(COM1)
    auto = host.auto()
    open_once(auto)
    host.has(COM1, AMT)
    open_once(auto)
    assert host.paths == ["/dev/ttyS0", "/dev/ttyS0"]


def test_ports_that_nothing_speaks_for_are_named() -> None:
    adapter = Port("ttyUSB0", "/dev/ttyUSB0", bus="usb")
    with pytest.raises(NoSuchTarget, match=r"nothing speaks for any port here \(/dev/ttyUSB0\)"):
        open_once(Host(adapter).auto())


def test_a_rescue_system_with_one_port_is_told_what_to_write() -> None:
    host = Host(COM1, active_consoles=("ttyS0",))
    auto = AutoPort(host.survey, host.open_target, spare_console=True)
    told = "/dev/ttyS0 is /dev/console, .* write guardpost.port=ttyS0 on the kernel"
    with pytest.raises(NoSuchTarget, match=told):
        open_once(auto)
    assert auto.outlook.startswith("no port yet: /dev/ttyS0 is /dev/console")
    host.has(COM1, COM2)
    assert auto.outlook == "no port yet; about to open /dev/ttyS1"
    open_once(auto)
    assert host.paths == ["/dev/ttyS1"]


def test_a_busy_port_is_an_error_of_its_own_and_no_reason_to_take_another() -> None:
    host = Host(COM1, AMT)
    host.refuses = LineBusy("/dev/ttyS4 is held by agetty (pid 812)")
    with pytest.raises(LineBusy):
        open_once(host.auto())
    assert host.opened == []


@pytest.mark.parametrize(
    ("text", "baud"),
    [
        ("/dev/ttyS1", "57600"),
        ("/dev/../dev/ttyS1", "57600"),
        ("/dev/ttyS1?baud=9600", "9600"),
        ("/dev/ttyS0", None),
        ("tcp-listen:7000", None),
    ],
)
def test_a_named_port_has_the_kernels_speed_unless_it_says_one_itself(
    text: str, baud: str | None
) -> None:
    host = Host(COM1, COM2, console_arguments=(ConsoleArgument("", name="ttyS1", baud=57600),))
    assert at_its_speed(parse_target(text), host.survey).options.get("baud") == baud
