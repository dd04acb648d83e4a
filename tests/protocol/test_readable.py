import pytest

from guardpost.protocol.readable import readable


@pytest.mark.parametrize(
    "text",
    [b"login: ", b"\x1b[1m[  OK  ]\x1b[0m Started\r\n", "das ist größer\n".encode(), b"a\tb\r\n"],
)
def test_what_people_and_kernels_write_is_text(text: bytes) -> None:
    assert readable(text)


@pytest.mark.parametrize("noise", [b"", b"abc", bytes(20), bytes(range(128, 148)), b"\x01\x02ab"])
def test_noise_is_not(noise: bytes) -> None:
    assert not readable(noise)
