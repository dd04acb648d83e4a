"""The records of a copy, whichever way it goes (docs/services.md, "put and get").

The **sender** has the files, the **receiver** has a folder for them; `put` makes the console the
sender, `get` the agent. Entries are numbered from 0 in the order they come. The receiver answers
each with Want or Settled; the contents of what it wants follow in the order of its Wants.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from guardpost.errors import RemoteProtocolError
from guardpost.host.names import check_name
from guardpost.services.records import decode_value

__all__ = ["DATA_MAX_BYTES", "DIGEST_BYTES", "FILE", "FOLDER", "LINK", "OPEN_ENTRIES_MAX"]
__all__ += ["RUNG_BYTES", "SIZE_MAX_BYTES", "SOURCES_MAX"]
__all__ += ["Ask", "Begin", "Copy", "Data", "End", "Entry", "Fail", "Hole", "Listed", "Same"]
__all__ += ["FromReceiver", "FromSender", "GetRequest", "PutRequest", "Remark", "Settled"]
__all__ += [
    "Signature",
    "Trouble",
    "Want",
    "from_receiver",
    "from_sender",
    "parse_get",
    "parse_put",
]

FILE, FOLDER, LINK = range(3)

# Announced and not settled: so many files are on their way at once, however long the line is.
OPEN_ENTRIES_MAX = 512
SOURCES_MAX = 1024
SIZE_MAX_BYTES = 1 << 53
DATA_MAX_BYTES = 65536
DIGEST_BYTES = 32  # BLAKE2b-256, what `b2sum -l 256` prints
RUNG_BYTES = 16  # of a prefix: a mistake here is found by the digest of the whole

Size = Annotated[int, Meta(ge=0, le=SIZE_MAX_BYTES)]
Index = Annotated[int, Meta(ge=0, le=1 << 32)]
Time = Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)]
Mode = Annotated[int, Meta(ge=0, le=0o7777)]
Path = Annotated[bytes, Meta(max_length=4096)]
Piece = Annotated[bytes, Meta(max_length=DATA_MAX_BYTES)]
Digest = Annotated[bytes, Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
Rung = tuple[Size, Annotated[bytes, Meta(min_length=RUNG_BYTES, max_length=RUNG_BYTES)]]
Word = Annotated[str, Meta(pattern=r"\A[a-z-]{0,32}\Z")]
Text = Annotated[str, Meta(max_length=400)]


class PutRequest(msgspec.Struct):
    """Where to, and what each source is to be called there; empty: its contents go there.

    `stream`: the only source has no name, and `to` must be one.
    """

    to: Path
    names: Annotated[list[Annotated[bytes, Meta(max_length=255)]], Meta(min_length=1)]
    preserve: bool = True
    special: bool = False
    quick: bool = False
    stream: bool = False


class GetRequest(msgspec.Struct):
    """Which files and folders. `links`: skip, copy or follow those inside of folders.

    `patterns`: the last part of a path may be one (guardpost.host.globs).
    """

    paths: Annotated[list[Path], Meta(min_length=1)]
    links: str = "skip"
    live: bool = False
    patterns: bool = False


# --- what the sender says ---


class Entry(msgspec.Struct, tag=0, array_like=True):
    """One file, folder or link: `path` is below source number `source`, empty for itself.

    `size` is None for a stream; `allocated` is what it takes on the disk, less where it has
    holes. Times in nanoseconds since the epoch.
    """

    source: Index
    path: Path
    kind: Annotated[int, Meta(ge=FILE, le=LINK)]
    size: Size | None = 0
    allocated: Size = 0
    mtime_ns: Time = 0
    mode: Mode = 0
    target: Path = b""


class Trouble(msgspec.Struct, tag=1, array_like=True):
    """What could not even be announced."""

    source: Index
    path: Path
    word: Word
    text: Text


class Listed(msgspec.Struct, tag=2, array_like=True):
    """No more entries follow."""


class Begin(msgspec.Struct, tag=3, array_like=True):
    """The contents start at `offset`, one of the receiver's rungs, and are `size` long now."""

    offset: Size
    size: Size | None


class Data(msgspec.Struct, tag=4, array_like=True):
    data: Piece


class Copy(msgspec.Struct, tag=5, array_like=True):
    """So many bytes of the receiver's older version."""

    offset: Size
    length: Size


class Hole(msgspec.Struct, tag=6, array_like=True):
    length: Size


class End(msgspec.Struct, tag=7, array_like=True):
    """The last bytes, and the BLAKE2b-256 of all of them."""

    data: Piece
    digest: Digest


class Same(msgspec.Struct, tag=8, array_like=True):
    """The receiver's older version has the source's contents."""


class Ask(msgspec.Struct, tag=9, array_like=True):
    """The signature of the older version, please."""


class Fail(msgspec.Struct, tag=10, array_like=True):
    """These contents will not be completed."""

    word: Word
    text: Text


# --- what the receiver says ---


class Want(msgspec.Struct, tag=0, array_like=True):
    """The contents of an entry. `rungs`: digests of the beginnings of a copy that was cut.

    `old_size` is the length of an older version, `old_digest` known if that is the entry's size.
    """

    index: Index
    rungs: Annotated[list[Rung], Meta(max_length=64)] = []
    old_size: Size | None = None
    old_digest: Digest | None = None


class Settled(msgspec.Struct, tag=1, array_like=True):
    """Nothing more of this entry is wanted. `word`: empty when it is in place, `same`, or why not.

    Contents already on their way are ended with Fail.
    """

    index: Index
    word: Word = ""
    text: Text = ""


class Signature(msgspec.Struct, tag=2, array_like=True):
    data: Piece
    last: bool


class Remark(msgspec.Struct, tag=3, array_like=True):
    """After the end: what could not be set of a folder."""

    source: Index
    path: Path
    word: Word
    text: Text


FromSender = Entry | Trouble | Listed | Begin | Data | Copy | Hole | End | Same | Ask | Fail
FromReceiver = Want | Settled | Signature | Remark
from_sender: msgspec.msgpack.Decoder[FromSender] = msgspec.msgpack.Decoder(FromSender)
from_receiver: msgspec.msgpack.Decoder[FromReceiver] = msgspec.msgpack.Decoder(FromReceiver)


def parse_put(request: bytes) -> PutRequest:
    """Raises RemoteProtocolError, UnsafeName."""
    wanted = decode_value(request, PutRequest)
    if len(wanted.names) > SOURCES_MAX:
        raise RemoteProtocolError(f"at most {SOURCES_MAX} sources at once")
    for name in wanted.names:
        if name:
            check_name(name)
    return wanted


def parse_get(request: bytes) -> GetRequest:
    """Raises RemoteProtocolError."""
    wanted = decode_value(request, GetRequest)
    if len(wanted.paths) > SOURCES_MAX:
        raise RemoteProtocolError(f"at most {SOURCES_MAX} sources at once")
    if wanted.links not in ("skip", "copy", "follow"):
        raise RemoteProtocolError("links are skipped, copied or followed")
    return wanted
