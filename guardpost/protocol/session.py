"""Keys and packet numbers: seals what goes out, opens what comes in (docs/protocol.md section 5).

A packet is opened before it may change anything. One that does not open is noise.
"""

import hashlib

from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_decrypt as _decrypt,
)
from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_encrypt as _encrypt,
)
from nacl.exceptions import CryptoError

from guardpost.protocol.handshake import rekey
from guardpost.protocol.limits import (
    PACKET_HEADER_BYTES,
    PACKET_TAG_BYTES,
    REKEY_PACKETS,
    REPLAY_WINDOW_PACKETS,
)
from guardpost.protocol.ranges import RangeSet

__all__ = ["PacketKeys", "SealedSession", "frame_states", "nearest_number"]

_KIND = 0x10
_SHORTEST = PACKET_HEADER_BYTES + PACKET_TAG_BYTES


def frame_states(handshake_hash: bytes) -> tuple[int, int]:
    """CRC starting states of sealed frames: (console -> agent, agent -> console)."""
    tag = hashlib.blake2s(handshake_hash + b"guardpost crc").digest()
    return int.from_bytes(tag[:4], "little"), int.from_bytes(tag[4:8], "little")


class PacketKeys:
    """One direction's key, rekeyed by packet number (Noise section 4.2, `Rekey`).

    It keeps the key of the newest generation asked for and the one before it, since a
    packet of the old generation may still be on its way when the new one begins.
    """

    __slots__ = ("_generation", "_key", "_old")

    def __init__(self, split_key: bytes, first_packet: int = 0) -> None:
        self._key = split_key
        self._old = split_key
        self._generation = 0
        self.at(first_packet)

    def at(self, number: int) -> bytes:
        """The key for packet `number`; moves on when a new generation begins."""
        generation = number // REKEY_PACKETS
        if generation == self._generation:
            return self._key
        if generation < self._generation:
            return self._old
        while self._generation < generation:
            self._old = self._key
            self._key = rekey(self._key)
            self._generation += 1
        return self._key

    def try_at(self, number: int) -> bytes:
        """As `at`, for a number nobody has vouched for: looks ahead, changes nothing."""
        generation = number // REKEY_PACKETS
        if generation != self._generation + 1:
            return self.at(number)
        return rekey(self._key)


class SealedSession:
    """Packet numbers, keys of both directions, replay window.

    Counts: `refused` packets that did not open, `duplicates` that had been opened before.
    """

    def __init__(self, send_key: bytes, receive_key: bytes) -> None:
        self._send = PacketKeys(send_key)
        self._send_phase = 0
        self._receive = [PacketKeys(receive_key), None]
        self._receive_phase = 0
        self._next_send: PacketKeys | None = None
        self.next_number = 0
        self.largest_opened = -1
        self._opened = RangeSet()
        self.refused = 0
        self.duplicates = 0

    def seal(self, body: bytes) -> bytes:
        """The next packet, with `body` in it. Its number is `next_number` before the call."""
        number = self.next_number
        self.next_number = number + 1
        header = bytes((_KIND | self._send_phase, number & 0xFF, number >> 8 & 0xFF))
        nonce = b"\0\0\0\0" + number.to_bytes(8, "little")
        return header + _encrypt(body, header, nonce, self._send.at(number))

    def open(self, packet: bytes) -> tuple[int, bytes] | None:
        """(number, body), or None: not ours, damaged, or opened before."""
        if len(packet) < _SHORTEST or packet[0] & 0xFE != _KIND:
            self.refused += 1
            return None
        phase = packet[0] & 1
        keys = self._receive[phase]
        number = nearest_number(packet[1] | packet[2] << 8, self.largest_opened + 1)
        if keys is None or number < 0:
            self.refused += 1
            return None
        nonce = b"\0\0\0\0" + number.to_bytes(8, "little")
        header = packet[:PACKET_HEADER_BYTES]
        try:
            body = _decrypt(packet[PACKET_HEADER_BYTES:], header, nonce, keys.try_at(number))
        except CryptoError:
            self.refused += 1
            return None
        if self._seen(number):
            self.duplicates += 1
            return None
        keys.at(number)
        self._remember(number)
        if phase != self._receive_phase:
            self._new_phase_opened(phase)
        return number, body

    def peek(self, packet: bytes, *, sent: bool) -> tuple[int, bytes] | None:
        """As `open`, for who only watches: also what we sent, or opened before; changes nothing.

        None as well for a packet under keys that are not kept any more.
        """
        if len(packet) < _SHORTEST or packet[0] & 0xFE != _KIND:
            return None
        phase, low = packet[0] & 1, packet[1] | packet[2] << 8
        if sent:
            keys = self._send if phase == self._send_phase else None
            number = nearest_number(low, self.next_number)
        else:
            keys = self._receive[phase]
            number = nearest_number(low, self.largest_opened + 1)
        if keys is None or number < 0:
            return None
        nonce = b"\0\0\0\0" + number.to_bytes(8, "little")
        header = packet[:PACKET_HEADER_BYTES]
        try:
            return number, _decrypt(
                packet[PACKET_HEADER_BYTES:], header, nonce, keys.try_at(number)
            )
        except CryptoError:
            return None

    def _seen(self, number: int) -> bool:
        return number < self.largest_opened - REPLAY_WINDOW_PACKETS or number in self._opened

    def _remember(self, number: int) -> None:
        self._opened.add(number, number + 1)
        if number > self.largest_opened:
            self.largest_opened = number
            floor = number - REPLAY_WINDOW_PACKETS
            if floor > 0:
                self._opened.remove(0, floor)

    # --- fresh keys every day: docs/protocol.md section 5 ---

    def expect_fresh(self, receive_key: bytes) -> None:
        """Packets of the other phase may arrive from now on, under `receive_key`."""
        first = self.largest_opened + 1
        self._receive[self._receive_phase ^ 1] = PacketKeys(receive_key, first)

    def send_fresh(self, send_key: bytes) -> None:
        """Seal with `send_key` and the other phase from now on."""
        self._send = PacketKeys(send_key, self.next_number)
        self._send_phase ^= 1
        self._next_send = None

    def send_fresh_later(self, send_key: bytes) -> None:
        """As `send_fresh`, as soon as a packet of the new phase has opened."""
        self._next_send = PacketKeys(send_key)

    def _new_phase_opened(self, phase: int) -> None:
        self._receive[self._receive_phase] = None
        self._receive_phase = phase
        if self._next_send is not None:
            self._send = self._next_send
            self._next_send = None
            self._send_phase ^= 1


def nearest_number(low: int, expected: int) -> int:
    """The number nearest to the expected one with these low 16 bits (RFC 9000 A.3)."""
    number = (expected & ~0xFFFF) | low
    if number <= expected - 0x8000:
        return number + 0x10000
    if number > expected + 0x8000:
        return number - 0x10000
    return number
