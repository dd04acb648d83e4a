"""The console's halves of `put` and `get`.

In `get` the agent is nobody to be trusted: what a source is called here is decided by what was
asked for, everything else goes below that, and nothing that was not asked for is taken.
"""

from collections.abc import Awaitable, Generator, Sequence
from dataclasses import dataclass

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import ResetCode, UsageError
from guardpost.host.globs import folder_of, pattern_of
from guardpost.services.files.agent import umask
from guardpost.services.files.events import Tell
from guardpost.services.files.landing import Landing, Rules
from guardpost.services.files.messages import SOURCES_MAX, GetRequest, PutRequest
from guardpost.services.files.named import local_path, shown_in, source_of, top_name, top_names
from guardpost.services.files.receiving import Receiver
from guardpost.services.files.sending import Sender, stream_item
from guardpost.services.files.sources import Found, items_of
from guardpost.services.files.steps import opened

__all__ = ["CopyOptions", "get", "put"]

REQUEST_MAX_BYTES = 65536  # docs/protocol.md, "Limits"


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """What was asked for besides contents; the words are those of the command line."""

    preserve: bool = True
    special: bool = False
    quick: bool = False
    links: str = "skip"
    outward_links: bool = False
    live: bool = False
    patterns: bool = False


async def put(
    opener: Opener,
    sources: Sequence[bytes],
    to: bytes,
    options: CopyOptions,
    tell: Tell,
    *,
    stdin: int | None = None,
) -> None:
    """Copy `sources` to the path `to` of the agent; what became of each is told.

    With `stdin` a descriptor's bytes are what is copied, and `sources` is empty. Raises
    ChannelReset (refused or broken), RemoteProtocolError, UsageError.
    """
    names = top_names(sources) or [b""]
    request = PutRequest(
        to, names, options.preserve, options.special, options.quick, stream=stdin is not None
    )
    channel = await _open(opener, "put", request, len(names))
    items: Generator[Found, None, None]
    if stdin is not None:
        items = (each for each in [stream_item(stdin, b"-")])
    else:
        named = [source_of(number, each) for number, each in enumerate(sources)]
        items = items_of(named, options.links, lambda path: None)
    shown = shown_in(sources or [b"-"])
    sender = Sender(channel, items, shown=shown, tell=tell, live=options.live)
    await _carry(channel, sender.run())


async def get(
    opener: Opener,
    sources: Sequence[bytes],
    to: bytes,
    options: CopyOptions,
    tell: Tell,
    *,
    stdout: int | None = None,
) -> None:
    """Copy the agent's `sources` to `to` here, or their contents to the descriptor `stdout`.

    What a pattern finds goes into `to`, a folder, and only names that it matches are taken.
    Raises as put(), and OSError when there is no way to `to`.
    """
    request = GetRequest(list(sources), options.links, options.live, options.patterns)
    patterns = _patterns(sources) if options.patterns else {}
    # For their names here, what they find is what is in a folder.
    sources = [folder_of(each) if n in patterns else each for n, each in enumerate(sources)]
    rules = Rules(
        preserve=options.preserve,
        special=options.special,
        quick=options.quick,
        links=options.links == "copy",
        outward_links=options.outward_links,
        umask=umask(),
    )
    names = [top_name(each) for each in sources] if stdout is not None else top_names(sources)
    landing = None
    if stdout is None:
        path = local_path(to)
        landing = await opened(lambda: Landing.at(path, names, rules, stream=False), Landing.close)
    try:
        channel = await _open(opener, "get", request, len(names))
        receiver = Receiver(
            channel,
            landing,
            shown=shown_in(sources),
            tell=tell,
            stream=stdout or -1,
            patterns=patterns,
        )
        await _carry(channel, receiver.run())
    finally:
        if landing is not None:
            landing.close()


def _patterns(sources: Sequence[bytes]) -> dict[int, bytes]:
    """Of the sources that are one: their last parts."""
    found = {number: pattern_of(each) for number, each in enumerate(sources)}
    return {number: pattern for number, pattern in found.items() if pattern}


async def _open(opener: Opener, service: str, request: object, count: int) -> Channel:
    encoded = msgspec.msgpack.encode(request)
    if count > SOURCES_MAX or len(encoded) > REQUEST_MAX_BYTES:
        raise UsageError(f"that is too many names at once; {SOURCES_MAX} are the limit")
    return await opener.open(service, encoded, compress=True)


async def _carry(channel: Channel, run: "Awaitable[None]") -> None:
    try:
        await run
        await channel.close()
    except BaseException:
        channel.reset(ResetCode.CANCELLED)
        raise
