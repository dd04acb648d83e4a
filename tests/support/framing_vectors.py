"""Makes tests/vectors/framing.json from the reference; run as a program it writes the file."""

import json
import re
from pathlib import Path
from typing import Any

from support import reference_framing as reference

PATH = Path(__file__).resolve().parent.parent / "vectors" / "framing.json"
STATES = (0xFFFFFFFF, 0x01234567)
NAMES = ("clean", "xonxoff", "console", "printable")


def full_block_body(profile: int) -> bytes:
    """The first body of one letter that makes body and CRC end exactly with full blocks."""
    forbidden = reference.FORBIDDEN[profile]
    blocks = 2 if profile == 2 else 1
    for letter in b"abcdefghijklmnopqrstuvwxyz":
        body = bytes([letter]) * (blocks * reference.run_max(forbidden) - 4)
        crc = reference.crc32c(body, STATES[0]).to_bytes(4, "little")
        if not set(crc) & set(forbidden):
            return body
    raise AssertionError("no letter will do")


def bodies(profile: int) -> list[tuple[str, bytes]]:
    """What to encode, each with the reason it is there."""
    listed = [
        ("one letter", b"a"),
        ("one forbidden byte", b"\x00"),
        ("two letters: another rest in base64", b"ab"),
        ("text", b"The quick brown fox jumps over the lazy dog"),
        ("nothing but forbidden bytes", bytes.fromhex("00 11 13 1e 00 ff 7e 00")),
        ("every value once", bytes(range(256))),
    ]
    if profile != reference.PRINTABLE:
        body = full_block_body(profile)
        listed += [
            ("ends exactly with a full block: no virtual byte", body),
            ("one byte more", body + body[:1]),
            ("one byte less", body[1:]),
        ]
    return listed


def lines(profile: int) -> list[tuple[str, bytes]]:
    """What to decode under STATES[:1], each with the reason it is there."""
    mark = bytes([reference.DELIMITER[profile]])
    frame = reference.encode(profile, STATES[0], b"a frame")
    other = reference.encode(profile, STATES[1], b"a frame")
    flipped = frame[:3] + bytes([frame[3] ^ 0x04]) + frame[4:]
    dropped = b"\n" if profile == reference.PRINTABLE else reference.FORBIDDEN[profile][-1:]
    inserted = frame[:4] + dropped + frame[4:]
    return [
        ("guards are nothing", mark + mark + frame + mark),
        ("text, a guard, a frame", b"login: " + mark + frame),
        ("text, and no guard", b"login: " + frame),
        ("a frame under another CRC state", other + frame),
        ("a bit turned over", flipped + frame),
        ("the end of a frame is lost", frame[:6] + mark + frame),
        ("the delimiter is lost", frame[:-1] + frame + frame),
        ("a byte is inserted that the path may insert", inserted + frame),
        ("a structure that no encoder makes", nonsense(profile) + mark),
        ("no body", reference.encode(profile, STATES[0], b"")),
        ("less than a CRC", reference.encode(profile, STATES[0], b"")[:4] + mark),
    ]


def nonsense(profile: int) -> bytes:
    """A segment that is sound but for one thing."""
    if profile == reference.PRINTABLE:
        return b"{YWFhYWFhYR"  # spare bits that are not zero
    if profile == 0:
        return b"\x0aaaaaaaaa"  # a block of nine cut to eight
    if profile == 1:
        return b"\x1caaaaaaaa"  # its last block is closed by 11, not by 00
    return b"\xf9aaaaaaaa"  # a code byte above M * k


def vectors() -> dict[str, Any]:
    """The whole file."""
    encoded = [
        {
            "profile": NAMES[profile],
            "why": why,
            "state": f"{state:08x}",
            "body": body.hex(),
            "frame": reference.encode(profile, state, body).hex(),
        }
        for profile in range(4)
        for why, body in bodies(profile)
        for state in STATES
    ]
    decoded = []
    for profile in range(4):
        for why, line in lines(profile):
            decoder = reference.ReferenceDecoder(profile, STATES[:1], hold=20000)
            items = [[which, data.hex()] for which, data in decoder.feed(line)]
            decoded.append(
                {"profile": NAMES[profile], "why": why, "line": line.hex(), "items": items}
            )
    return {"encode": encoded, "decode": decoded}


def written() -> str:
    """The file as text: one short list a line."""
    text = json.dumps(vectors(), indent=1)
    return re.sub(r"\[\s+(-?\d+),\s+(\"\w*\")\s+\]", r"[\1, \2]", text) + "\n"


if __name__ == "__main__":
    PATH.write_text(written(), encoding="utf-8")
