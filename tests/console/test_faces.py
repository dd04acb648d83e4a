"""Faces of a line: what real programs print, and what a UART makes of it at another speed.

`tests/recordings` holds what Debian 12's agetty and bash, its U-Boot for QEMU, SeaBIOS and its
kernel wrote to a serial port.
"""

from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.console.faces import recognised, unreadable
from guardpost.misread import misread

RECORDINGS = Path(__file__).parents[1] / "recordings"
SPEEDS = (9600, 19200, 38400, 57600, 115200)
NAMES = ("debian-getty", "debian-shell", "u-boot", "linux-boot", "linux-panic")


def recording(name: str) -> bytes:
    return (RECORDINGS / f"{name}.txt").read_bytes()


def up_to(name: str, last: bytes) -> bytes:
    """The recording as it stood after these bytes."""
    text = recording(name)
    return text[: text.index(last) + len(last)]


@pytest.mark.parametrize(
    ("text", "face"),
    [
        (recording("debian-getty"), "a login prompt"),
        (recording("debian-getty") + b"root\r\nPassword: ", "a password"),
        (
            recording("debian-getty") + b"[   99.884612] usb 1-1: new\r\n[  100.000001] sd b\r\n",
            "a login prompt",
        ),
        (b"login: [    1.884612] usb\r\nStarting\r\n[    2.000000] sd\r\n", "kernel messages"),
        (recording("debian-shell"), "a shell"),
        (recording("u-boot"), "a boot loader's prompt"),
        (up_to("u-boot", b"autoboot:  2 "), "a boot loader is there"),
        (up_to("u-boot", b" 1 "), "a boot loader is there"),
        (up_to("u-boot", b"DRAM:  128 MiB\r\n"), "firmware"),
        (up_to("linux-boot", b"[    0.000000] Command line"), "kernel messages"),
        (recording("linux-boot"), "kernel messages"),
        (recording("linux-panic"), "panicked"),
        (b"\x1b[0m[\x1b[0;32m  OK  \x1b[0m] Started foo.service.\r\n", "kernel messages"),
        (b"\r\n\r\nweb01 login: \x1b[6n", "a login prompt"),  # a terminal query behind it
        (recording("debian-getty") + b"803697871644#", "a login prompt"),  # the end of our hello
        (recording("debian-shell") + b"0963##7180", "a shell"),  # and what was cut off of two
        (recording("u-boot") + b"644#", "a boot loader's prompt"),
        (b"grub> ", "a boot loader's prompt"),
        (b"\x1b]0;root@web01: ~\x07root@web01:~# ", "a shell"),
    ],
)
def test_faces_are_recognised(text: bytes, face: str) -> None:
    assert face in (recognised(text) or "")


@pytest.mark.parametrize("text", [b"just words\r\n", b"", b"5 > 3\r\n", b"login: failed\r\n"])
def test_other_text_has_none(text: bytes) -> None:
    assert recognised(text) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_readable_at_its_own_speed(name: str) -> None:
    assert misread(recording(name), 115200, 115200) == recording(name)
    assert unreadable(recording(name)) is None


@pytest.mark.parametrize(("sent", "read"), list(permutations(SPEEDS, 2)))
@pytest.mark.parametrize("name", ["debian-getty", "u-boot", "linux-boot"])
def test_it_is_not_at_any_other(name: str, sent: int, read: int) -> None:
    arrives = misread(recording(name), sent, read)
    assert "?baud=" in (unreadable(arrives) or "")
    assert recognised(arrives) is None
    if read >= 2 * sent:
        assert "slower than ours" in (unreadable(arrives) or "")
    if read < sent:
        assert "slower than ours" not in (unreadable(arrives) or "")


@pytest.mark.parametrize("odd", [0, 1])
def test_seven_bits_and_parity_are_told_from_a_wrong_speed(odd: int) -> None:
    text = recording("debian-getty")
    arrives = bytes(byte | ((byte.bit_count() + odd) % 2) << 7 for byte in text)
    assert "7 bits and parity" in (unreadable(arrives) or "")


@pytest.mark.parametrize("text", ["Grüße", "приветствие", "ログイン", "plain"])
def test_utf8_is_readable_wherever_it_is_cut(text: str) -> None:
    raw = text.encode()
    for cut in range(len(raw) - 6):
        assert unreadable(raw[cut:]) is None


@given(st.binary(max_size=3000))
def test_any_bytes_have_some_verdict(data: bytes) -> None:
    for verdict in (recognised(data), unreadable(data)):
        assert verdict is None or "\n" not in verdict
