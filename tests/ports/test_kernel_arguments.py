"""`console=` in all its forms, and our own argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.ports.kernel_arguments import (
    ConsoleArgument,
    OwnArguments,
    console_arguments,
    own_arguments,
    wanted_port,
)


@pytest.mark.parametrize(
    "word, name, baud",
    [
        ("console=ttyS0", "ttyS0", None),
        ("console=ttyS1,115200n8r", "ttyS1", 115200),
        ("console=/dev/ttyAMA0,9600", "ttyAMA0", 9600),
        ("console=hvc0", "hvc0", None),
        ("console=00:04:0.0,57600", "00:04:0.0", 57600),
        ("console=ttyS0,nonsense", "ttyS0", None),
        ("console=ttyS0,0", "ttyS0", None),
    ],
)
def test_a_port_by_name(word: str, name: str, baud: int | None) -> None:
    assert console_arguments(f"quiet {word} ro") == (ConsoleArgument(word, name=name, baud=baud),)


@pytest.mark.parametrize(
    "word, io, memory, baud",
    [
        ("console=uart8250,io,0x2f8,115200", 0x2F8, None, 115200),
        ("console=uart,io,760", 760, None, None),
        ("console=uart8250,mmio32,0xfedc9000,115200n8", None, 0xFEDC9000, 115200),
        ("console=uart,mmio,0x9000000", None, 0x9000000, None),
    ],
)
def test_a_port_by_address(word: str, io: int | None, memory: int | None, baud: int | None) -> None:
    (found,) = console_arguments(word)
    assert (found.io_address, found.memory_address, found.baud) == (io, memory, baud)
    assert found.name == ""


@pytest.mark.parametrize(
    "word",
    ["console=", "console=tty0", "console=null", "console=tty", "console=uart,io,zz", "xconsole=a"],
)
def test_what_is_no_serial_port_is_left_out(word: str) -> None:
    assert console_arguments(word) == ()


def test_their_order_is_kept() -> None:
    found = console_arguments("console=ttyS1 console=tty0 console=ttyS0")
    assert [each.name for each in found] == ["ttyS1", "ttyS0"]


@pytest.mark.parametrize(
    "line, port, baud",
    [
        ("quiet", "", None),
        ("guardpost.port=ttyS4", "ttyS4", None),
        ("guardpost.port=/dev/ttyS4 guardpost.port=ttyS5", "ttyS5", None),
        ("guardpost.port=ttyS4,57600n8", "ttyS4", 57600),
        ("guardpost.port=ttyS4,fast", "ttyS4", None),
        ("guardpost.port=", "", None),
        ("noguardpost.port=ttyS1", "", None),
    ],
)
def test_the_port_that_the_administrator_wants(line: str, port: str, baud: int | None) -> None:
    assert wanted_port(line) == (port, baud)


def test_our_own_arguments_are_given_as_they_stand() -> None:
    line = (
        "quiet guardpost.allow=AAA= guardpost.role=web guardpost.allow=BBB= "
        'guardpost.login=ann:$argon2id$v=19$x "guardpost.role=monitor,exec=/usr/bin/my tool"'
    )
    assert own_arguments(line) == OwnArguments(
        ("AAA=", "BBB="), "monitor,exec=/usr/bin/my tool", ("ann:$argon2id$v=19$x",)
    )


@pytest.mark.parametrize(
    "line",
    [
        'guardpost.allow= guardpost.role="" guardpost.login=',
        "guardpost.allow guardpost.role guardpost.login",
    ],
)
def test_none_is_not_the_same_as_an_empty_one(line: str) -> None:
    assert own_arguments("quiet noguardpost.allow=x systemd.unit=guardpost.role") == OwnArguments()
    assert own_arguments(line) == OwnArguments(("",), "", ("",))


@pytest.mark.parametrize(
    "name",
    ["guardpost.roles", "guardpost.Role", "guardpost_role", "Guardpost.role", "guardpost-role"],
)
def test_a_name_that_is_nearly_ours_is_told(name: str) -> None:
    known = "guardpost.port=ttyS1 guardpost.off"
    for word in (name, f"{name}=monitor"):
        assert own_arguments(f"{known} {word}") == OwnArguments(unknown=(name,))


@given(st.text(max_size=200))
def test_no_command_line_is_an_error(text: str) -> None:
    for word in (text, f"console={text}", f"console=uart,io,{text}", f"console=ttyS0,{text}"):
        assert all(each.text.startswith("console=") for each in console_arguments(word))
    wanted_port(f"guardpost.port={text}")
    assert own_arguments(f'guardpost.role="{text.replace(chr(34), "")}"').role is not None
