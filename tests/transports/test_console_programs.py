"""Programs that show a console: which want a terminal, and what greeting of theirs is taken off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.transports.console_programs import Greeting, wants_terminal

IPMITOOL = b"[SOL Session operational.  Use ~? for help]\r\n"


def fed(program: str, *pieces: bytes) -> tuple[bytes, bytes]:
    greeting = Greeting(program.split())
    line = said = b""
    for piece in pieces:
        more, greeted = greeting.feed(piece)
        line += more
        said += greeted
    return line, said


@pytest.mark.parametrize(
    "program, wanted",
    [
        ("ipmitool sol activate", True),
        ("sudo /usr/bin/ipmitool -I lanplus sol activate", True),
        ("console -f host1", True),
        ("ssh host socat - /dev/ttyS0", False),
        ("socat - TCP:host:1", False),
    ],
)
def test_some_programs_want_a_terminal(program: str, wanted: bool) -> None:
    assert wants_terminal(program.split()) is wanted


@pytest.mark.parametrize(
    "program, greeting",
    [
        ("ipmitool sol activate", IPMITOOL),
        ("ipmiconsole -h bmc", b"[SOL established]\r\n"),
        ("console host1", b"[Enter `^Ec?' for help]\n"),
        ("virsh console vm", b"Connected to domain 'vm'\r\nEscape character is ^] (Ctrl + ])\r\n"),
        ("conman host1", b"\r\n<ConMan> Connection to console [host1] opened.\r\n"),
        (
            "telnet host 23",
            b"Trying 127.0.0.1...\r\nConnected to host.\r\nEscape character is '^]'.\r\n",
        ),
    ],
)
def test_a_greeting_is_taken_off_however_it_is_cut(program: str, greeting: bytes) -> None:
    for size in (1, 7, 1000):
        whole = greeting + b"login: "
        pieces = [whole[i : i + size] for i in range(0, len(whole), size)]
        assert fed(program, *pieces) == (b"login: ", greeting)


def test_what_only_begins_like_a_greeting_passes() -> None:
    assert fed("ipmitool", b"[SOL", b" is what I say]\n") == (b"[SOL is what I say]\n", b"")
    assert fed("ipmitool", b"[    0.000000] Linux") == (b"[    0.000000] Linux", b"")


def test_only_the_first_words_are_looked_at_and_only_of_known_programs() -> None:
    assert fed("ipmitool", b"hello\n", IPMITOOL) == (b"hello\n" + IPMITOOL, b"")
    assert fed("socat", IPMITOOL) == (IPMITOOL, b"")


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_nothing_but_greetings_is_lost(pieces: list[bytes]) -> None:
    line, greeting = fed("ipmitool", *pieces, b"x" * 600)
    assert greeting == b""
    assert line == b"".join(pieces) + b"x" * 600
