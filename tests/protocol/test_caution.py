"""What a hello must not be typed into."""

import pytest

from guardpost.protocol.caution import cautious_about


@pytest.mark.parametrize(
    "heard",
    [
        b"Hit any key to stop autoboot:  3 ",
        b"\r\nPress any key to continue.\r\n",
        b"autoboot in 5 seconds",
        b"\r\ngrub> ",
        b"grub rescue> ",
        b"U-Boot> ",
        b"\r\n=> ",
        b"                GNU GRUB  version 2.06\r\n\r\n +-----+\x1b[4;80H",
        b"root's password: ",
        b"Enter passphrase for /dev/sda2:",
        b"Password: ",
    ],
)
def test_it_is_recognised(heard: bytes) -> None:
    assert cautious_about(heard) is not None


@pytest.mark.parametrize(
    "heard",
    [
        b"",
        b"host login: ",
        b"root@host:~# ",
        b"[    1.234567] usb 1-1: new device\r\n",
        b"Password: \r\nLogin incorrect\r\n\r\nhost login: ",
        b"Hit any key to stop autoboot:  0 \r\nStarting kernel ...\r\n",
        b"guardpost agent on host, type help\r\n> ",
    ],
)
def test_it_is_not_mistaken(heard: bytes) -> None:
    assert cautious_about(heard) is None
