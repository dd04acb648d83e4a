"""What else frames and checks bytes for a Python program: the peers of the codec.

Each is given bodies and makes one line of them, and takes that line apart again. The pairs are
what a program composes: COBS of body and CRC-32C, and the delimiter.
"""

import io
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

try:
    import cobs.cobs
    import corncobs
    import fastcrc
    import yahdlc
    from crc32c import crc32c
    from pySerialTransfer import pySerialTransfer
except ImportError as error:
    raise SystemExit(f"{error}; `pip install -e '.[bench]'` installs the peers") from error

__all__ = ["PEERS", "Peer"]

Encode = Callable[[list[bytes]], bytes]
Decode = Callable[[bytes], list[bytes]]

_crc = struct.Struct("<I")


@dataclass(frozen=True)
class Peer:
    """`longest` is the body it can carry; a slow one is measured with fewer frames."""

    encode: Encode
    decode: Decode
    longest: int = 1 << 16
    slow: bool = False


def _pair(
    stuff: Callable[[bytes], bytes], unstuff: Callable[[bytes], bytes], crc: Callable[[bytes], int]
) -> Peer:
    pack, unpack = _crc.pack, _crc.unpack

    def encode(bodies: list[bytes]) -> bytes:
        return b"".join([stuff(body + pack(crc(body))) + b"\0" for body in bodies])

    def decode(line: bytes) -> list[bytes]:
        bodies = []
        for segment in line.split(b"\0")[:-1]:
            source = unstuff(segment)
            body = source[:-4]
            if unpack(source[-4:])[0] == crc(body):
                bodies.append(body)
        return bodies

    return Peer(encode, decode)


def _yahdlc_encode(bodies: list[bytes]) -> bytes:
    return b"".join(
        [yahdlc.frame_data(body, yahdlc.FRAME_DATA, n & 7) for n, body in enumerate(bodies)]
    )


def _yahdlc_decode(line: bytes) -> list[bytes]:
    # It takes one frame a call: the caller has to find them.
    return [yahdlc.get_data(b"~" + frame + b"~")[0] for frame in line.split(b"~") if frame]


class _Memory(io.BytesIO):
    """In place of its serial port."""

    is_open = True

    @property
    def in_waiting(self) -> int:
        return len(self.getbuffer()) - self.tell()

    def read(self, size: int | None = 1) -> bytes:
        return super().read(size)


def _transfer() -> pySerialTransfer.SerialTransfer:
    transfer = pySerialTransfer.SerialTransfer("memory", restrict_ports=False)
    transfer.connection = _Memory()
    return transfer


def _transfer_encode(bodies: list[bytes]) -> bytes:
    transfer = _transfer()
    for body in bodies:
        transfer.send(transfer.tx_struct_obj(body))
    return transfer.connection.getvalue()


def _transfer_decode(line: bytes) -> list[bytes]:
    transfer = _transfer()
    transfer.connection = _Memory(line)
    bodies = []
    while transfer.connection.in_waiting:
        size = transfer.available()
        if size:
            bodies.append(bytes(transfer.rx_buff[:size]))
    return bodies


PEERS: Mapping[str, Peer] = {
    "`cobs` + `crc32c`": _pair(cobs.cobs.encode, cobs.cobs.decode, crc32c),
    "`cobs` + `fastcrc`": _pair(cobs.cobs.encode, cobs.cobs.decode, fastcrc.crc32.iscsi),
    "`corncobs` + `crc32c`": _pair(corncobs.encode, corncobs.decode, crc32c),
    "`python4yahdlc`": Peer(_yahdlc_encode, _yahdlc_decode, longest=512),
    "`pySerialTransfer`": Peer(_transfer_encode, _transfer_decode, longest=250, slow=True),
}
