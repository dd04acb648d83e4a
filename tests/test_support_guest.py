"""The parts of a virtual machine: what its kernel unpacks, and the kernel itself."""

import lzma
import struct

from support.cpio import archive
from support.guest_kernel import unpacked


def entries(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Mode and content by name, read as Documentation/driver-api/early-userspace describes."""
    found, place = {}, 0
    while place < len(archive):
        assert archive[place : place + 6] == b"070701"
        numbers = [int(archive[place + 6 + 8 * n : place + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = numbers[1], numbers[6], numbers[11]
        name = archive[place + 110 : place + 110 + name_size - 1].decode()
        begin = (place + 110 + name_size + 3) // 4 * 4
        found[name] = (mode, archive[begin : begin + size])
        place = (begin + size + 3) // 4 * 4
    return found


def test_the_archive_holds_every_file_after_its_folders() -> None:
    files = [("init", b"#!"), ("usr/lib/a.so", b"12345"), ("usr/lib/b.so", b"")]
    found = entries(b"".join(archive(files, ["dev/pts"])))
    names = list(found)
    assert names.index("usr") < names.index("usr/lib") < names.index("usr/lib/a.so")
    assert found["usr/lib/a.so"] == (0o100755, b"12345")
    assert found["usr/lib"][0] == found["dev/pts"][0] == 0o040755
    assert names[-1] == "TRAILER!!!"
    assert len(names) == len(set(names))


def test_the_kernel_is_found_where_its_header_says() -> None:
    image = b"\x7fELF" + bytes(1000)
    payload = lzma.compress(image) + struct.pack("<I", len(image))
    kernel = bytearray(512 * 5) + bytes(100) + payload + bytes(33)
    kernel[0x1F1] = 4
    struct.pack_into("<II", kernel, 0x248, 100, len(payload))
    assert unpacked(bytes(kernel)) == image
