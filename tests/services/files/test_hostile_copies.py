"""A peer that sends any record it likes: a console to an agent's `put`, an agent to a `get`."""

import asyncio
import contextlib
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.channels import MemoryOpener
from support.copies import Copies, asker_for

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, GuardpostError, RemoteProtocolError, ResetCode
from guardpost.services.files import agent, events
from guardpost.services.files import messages as wire
from guardpost.services.files.console import CopyOptions, get
from guardpost.services.records import RecordReader, encode_record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX links")

SECRET = b"not to be touched"


def digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()


def file(path: bytes, size: int | None = 4, source: int = 0) -> wire.Entry:
    return wire.Entry(source, path, wire.FILE, size, mode=0o644)


def folder(path: bytes, source: int = 0) -> wire.Entry:
    return wire.Entry(source, path, wire.FOLDER, mode=0o755)


def link(path: bytes, target: bytes) -> wire.Entry:
    return wire.Entry(0, path, wire.LINK, target=target)


EVIL = wire.End(b"evil", digest(b"evil"))


async def say(channel: Channel, records: Sequence[object]) -> list[object]:
    """Send `records`, each contents when it is wanted; returns what the receiver answered."""
    answers: list[object] = []
    reader = RecordReader(channel)
    settled = announced = wanted = 0
    contents: list[object] = []
    for record in records:
        if isinstance(record, wire.Entry):
            announced += 1
            await channel.write(encode_record(record))
        else:
            contents.append(record)
    while settled < announced:
        answer = await reader.read(wire.from_receiver)
        answers.append(answer)
        if isinstance(answer, wire.Settled):
            settled += 1
        elif isinstance(answer, wire.Want):
            wanted += 1
            for record in contents or [EVIL]:
                await channel.write(encode_record(record))
    await channel.write(encode_record(wire.Listed()))
    await channel.write_eof()
    while (answer := await reader.read(wire.from_receiver)) is not None:
        answers.append(answer)
    return answers


def told_agent(
    records: Sequence[object], to: Path, names: Sequence[bytes] = (b"top",)
) -> list[str]:
    """What an agent's `put` says of `records`: the words; a reset has its code's name."""

    async def serve(channel: Channel, request: bytes) -> None:
        asker = asker_for(agent.put_action(request), [os.fsencode(to)])
        await agent.serve_put(channel, request, asker)

    async def run() -> list[str]:
        async with asyncio.timeout(20), MemoryOpener({"put": serve}) as opener:
            request = wire.PutRequest(os.fsencode(to), list(names))
            try:
                channel = await opener.open("put", msgspec.msgpack.encode(request))
                answers = await say(channel, records)
            except ChannelReset as reset:
                return [reset.code.name]
            return [each.word for each in answers if isinstance(each, wire.Settled)]

    return asyncio.run(run())


def told_console(
    records: Sequence[object], to: Path, source: bytes = b"top", **options: object
) -> dict[bytes, str]:
    """What a console's `get` makes of an agent that answers with `records`."""
    heard: list[events.Event] = []

    async def serve(channel: Channel, request: bytes) -> None:
        channel.accept()
        with contextlib.suppress(ChannelReset, RemoteProtocolError):
            await say(channel, records)

    async def run() -> None:
        async with asyncio.timeout(20), MemoryOpener({"get": serve}) as opener:
            await get(
                opener,
                [source],
                os.fsencode(to),
                CopyOptions(**options),
                heard.append,  # type: ignore[arg-type]
            )

    with contextlib.suppress(GuardpostError):
        asyncio.run(run())
    return {each.name: each.word for each in heard if isinstance(each, events.Failed)}


@pytest.fixture
def to(tmp_path: Path) -> Path:
    (tmp_path / "to").mkdir()
    (tmp_path / "secret").write_bytes(SECRET)
    return tmp_path / "to"


def others_untouched(to: Path) -> bool:
    beside = sorted(each.name for each in to.parent.iterdir())
    return beside == ["secret", "to"] and (to.parent / "secret").read_bytes() == SECRET


ESCAPES = [
    b"../secret",
    b"..",
    b".",
    b"/etc/passwd",
    b"a/../../secret",
    b"a//b",
    b"a/",
    b"a/./b",
    b"a\0b",
    b"x" * 300,
    b"/".join([b"d"] * 200),
    b"a/.x.guardpost-part",
]


@pytest.mark.parametrize("path", ESCAPES)
def test_no_path_leads_out_of_the_target(path: bytes, to: Path) -> None:
    records = [folder(b""), folder(b"a"), file(path)]
    assert told_agent(records, to) == ["", "", "unsafe-name"]
    assert others_untouched(to)
    assert set(told_console(records, to).values()) == {"unsafe-name"}
    assert others_untouched(to)


@pytest.mark.parametrize("name", [b"..", b"../x", b"/x", b"a/b", b".x.guardpost-part", b"a\0"])
def test_no_name_of_a_source_leads_out(name: bytes, to: Path) -> None:
    async def serve(channel: Channel, request: bytes) -> None:
        with pytest.raises(RemoteProtocolError):
            agent.put_action(request)
        channel.reset(ResetCode.BAD_REQUEST)

    async def run() -> None:
        async with MemoryOpener({"put": serve}) as opener:
            request = wire.PutRequest(os.fsencode(to), [name])
            with pytest.raises(ChannelReset):
                await opener.open("put", msgspec.msgpack.encode(request))

    asyncio.run(run())


def test_no_link_in_the_target_is_gone_through(to: Path) -> None:
    (to / "top").mkdir()
    (to / "top" / "out").symlink_to(to.parent)
    records = [folder(b""), file(b"out/secret"), folder(b"out/new"), folder(b"out")]
    words = ["same", "link-in-the-way", "link-in-the-way", "exists"]
    assert told_agent(records, to) == words
    assert others_untouched(to)
    assert sorted(told_console(records, to).values()) == sorted(words[1:])
    assert others_untouched(to)


def test_a_link_that_a_peer_made_is_not_gone_through_by_what_follows(to: Path) -> None:
    records = [folder(b""), link(b"l", b"../.."), file(b"l/secret")]
    assert told_agent(records, to) == ["", "", "link-in-the-way"]
    assert others_untouched(to)


@pytest.mark.parametrize("target", [b"/etc", b"../x", b"d/../..", b"d/../../x", b"", b"d/.."])
def test_a_get_takes_no_link_that_leads_out(target: bytes, to: Path) -> None:
    records = [folder(b""), folder(b"d"), link(b"l", target)]
    assert set(told_console(records, to, links="copy").values()) == {"outward-link"}
    assert not (to / "top" / "l").is_symlink()


def test_a_get_takes_no_link_that_was_not_asked_for(to: Path) -> None:
    assert set(told_console([folder(b""), link(b"l", b"x")], to).values()) == {"skipped-link"}


def test_a_get_takes_only_what_was_asked_for(to: Path) -> None:
    """The names of CVE-2019-6110 and its family."""
    records = [file(b""), file(b"other"), file(b"", source=1), folder(b""), file(b"", source=9)]
    told_console(records, to)
    assert sorted(os.listdir(to)) == ["top"]
    assert (to / "top").read_bytes() == b"evil"
    assert others_untouched(to)


def test_a_get_takes_only_names_that_its_pattern_matches(to: Path) -> None:
    taken = [file(b"a.log"), folder(b"d.log"), file(b"d.log/any")]
    others = [file(b""), file(b".bashrc"), file(b"log"), folder(b"d"), file(b"d/a.log")]
    out = [file(b"../a.log"), file(b"/a.log"), link(b"b.log", b"../secret")]
    refused = told_console(
        [*taken, *others, *out], to, source=b"/srv/*.log", patterns=True, links="copy"
    )
    assert sorted(set(refused.values())) == ["outward-link", "unsafe-name"]
    assert sorted(str(each.relative_to(to)) for each in to.rglob("*")) == [
        *("a.log", "d.log", "d.log/any")
    ]
    assert others_untouched(to)


def test_a_file_without_an_end_is_taken_only_where_a_stream_was_sent(to: Path) -> None:
    assert told_agent([file(b"", None)], to) == ["no-size"]
    assert set(told_console([file(b"", None)], to).values()) == {"no-size"}
    assert told_agent([file(b""), wire.Begin(0, None)], to) == ["PROTOCOL"]
    assert os.listdir(to) == []


def test_permissions_have_no_special_bits(to: Path) -> None:
    entry = wire.Entry(0, b"", wire.FILE, 4, mode=0o6777)
    told_console([entry], to)
    assert (to / "top").stat().st_mode & 0o7777 == 0o777


def test_a_wrong_digest_replaces_nothing(to: Path) -> None:
    (to / "top").write_bytes(b"old")
    wrong = wire.End(b"evil", bytes(32))
    assert told_agent([file(b""), wrong], to) == ["damaged"]
    assert os.listdir(to) == ["top"]
    assert (to / "top").read_bytes() == b"old"


@pytest.mark.parametrize(
    "contents",
    [
        [wire.Data(b"12345")],
        [wire.Hole(5)],
        [wire.Hole(1 << 50)],
        [wire.Data(b"123"), wire.End(b"45", digest(b"12345"))],
        [wire.Data(b"123"), wire.Begin(0, 4)],
        [wire.Same()],
        [wire.Copy(0, 4)],
        [wire.Ask()],
        [wire.Ask(), wire.Data(b"1")],
    ],
)
def test_contents_that_break_the_rules_end_the_copy(contents: list[object], to: Path) -> None:
    assert told_agent([file(b""), *contents], to) == ["PROTOCOL"]
    assert not (to / "top").exists()


def test_going_on_from_where_nobody_was_is_a_failure(to: Path) -> None:
    contents = [wire.Begin(3, 4), wire.End(b"4", digest(b"1234"))]
    assert told_agent([file(b""), *contents], to) == ["damaged"]


OLD = bytes(range(256)) * 256


async def asked(channel: Channel, to: Path, before: Sequence[object]) -> list[type[object]]:
    """A sender's question after `before`, about a file that has an older version: what it hears."""
    reader = RecordReader(channel)
    await channel.write(encode_record(file(b"", len(OLD))))
    heard: list[type[object]] = []
    while not heard or heard[-1] not in (wire.Signature, type(None)):
        answer = await reader.read(wire.from_receiver)
        heard.append(type(answer))
        if isinstance(answer, wire.Want):
            (to / "top").unlink()
            os.mkfifo(to / "top")
            for record in (*before, wire.Ask()):
                await channel.write(encode_record(record))
    return heard


@pytest.mark.parametrize(
    "before",
    [pytest.param([wire.Begin(3, len(OLD))], id="given-up"), pytest.param([], id="a-pipe-now")],
)
def test_a_question_is_answered_whatever_became_of_the_file(before: list[object], to: Path) -> None:
    """The sender sends nothing until then: it would wait for ever."""
    (to / "top").write_bytes(OLD)

    async def serve(channel: Channel, request: bytes) -> None:
        asker = asker_for(agent.put_action(request), [os.fsencode(to)])
        await agent.serve_put(channel, request, asker)

    async def run() -> list[type[object]]:
        async with asyncio.timeout(20), MemoryOpener({"put": serve}) as opener:
            request = wire.PutRequest(os.fsencode(to), [b"top"])
            channel = await opener.open("put", msgspec.msgpack.encode(request))
            return await asked(channel, to, before)

    assert asyncio.run(run()) == [
        wire.Want,
        *([wire.Settled] if before else []),
        wire.Signature,
    ]


def test_a_question_that_stays_open_ends_with_the_channel(to: Path) -> None:
    """An agent that says it has the file already, and ends, instead of answering."""
    (to / "top").write_bytes(OLD)

    async def serve(channel: Channel, request: bytes) -> None:
        channel.accept()
        reader = RecordReader(channel)
        assert isinstance(await reader.read(wire.from_sender), wire.Entry)
        await channel.write(encode_record(wire.Want(0, [], len(OLD) - 1)))
        while not isinstance(await reader.read(wire.from_sender), wire.Ask):
            pass
        await channel.write(encode_record(wire.Settled(0, "same")))
        await channel.write_eof()
        while await channel.read():
            pass

    async def run() -> None:
        async with asyncio.timeout(20), MemoryOpener({"put": serve}) as opener:
            await Copies(opener).put(to / "top", to="x")

    asyncio.run(run())


def test_too_many_entries_at_once_end_the_copy(to: Path) -> None:
    async def serve(channel: Channel, request: bytes) -> None:
        await agent.serve_put(channel, request, asker_for(agent.put_action(request)))

    async def run() -> None:
        async with MemoryOpener({"put": serve}, 1 << 20) as opener:
            request = wire.PutRequest(os.fsencode(to), [b"top"])
            channel = await opener.open("put", msgspec.msgpack.encode(request))
            await channel.write(b"".join(encode_record(file(b"")) for _ in range(600)))
            with pytest.raises(ChannelReset) as caught:
                await channel.wait_reset()
            assert caught.value.code is ResetCode.PROTOCOL

    asyncio.run(run())


def test_an_agent_that_ends_early_is_no_success(to: Path) -> None:
    async def serve(channel: Channel, request: bytes) -> None:
        channel.accept()
        await channel.write_eof()
        while await channel.read():
            pass

    async def run() -> None:
        async with MemoryOpener({"get": serve, "put": serve}) as opener:
            copies = Copies(opener)
            with pytest.raises(RemoteProtocolError, match="before it was complete"):
                await copies.get("x", to=to)

    asyncio.run(run())


def test_an_agent_cannot_say_done_for_what_it_did_not_get(to: Path) -> None:
    async def serve(channel: Channel, request: bytes) -> None:
        channel.accept()
        await channel.write(encode_record(wire.Settled(0)))
        with contextlib.suppress(ChannelReset):
            while await channel.read():
                pass

    async def run() -> None:
        async with MemoryOpener({"put": serve}) as opener:
            with pytest.raises(RemoteProtocolError):
                await Copies(opener).put(to.parent / "secret", to="x")

    asyncio.run(run())


@pytest.mark.parametrize("word", ["no-such-file\n", "\n", "a b", "\x1b[2J", "x" * 33])
def test_a_word_of_a_peer_is_one_word(word: str) -> None:
    """It is shown as it stands."""
    for record, decoder in (
        (wire.Settled(0, word), wire.from_receiver),
        (wire.Fail(word, ""), wire.from_sender),
    ):
        with pytest.raises(msgspec.ValidationError):
            decoder.decode(msgspec.msgpack.encode(record))


@given(data=st.binary(max_size=300))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    for decoder in (wire.from_sender, wire.from_receiver):
        with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
            decoder.decode(data)
    for parse in (wire.parse_put, wire.parse_get, agent.put_action, agent.get_action):
        with contextlib.suppress(GuardpostError):
            parse(data)


MESSAGES = st.one_of(
    st.builds(file, st.binary(max_size=12), st.none() | st.integers(0, 1 << 53)),
    st.builds(folder, st.sampled_from([b"", b"a", b"a/b", b".."])),
    st.builds(link, st.sampled_from([b"a", b"a/l", b"../l"]), st.binary(max_size=8)),
    st.builds(wire.Begin, st.integers(0, 100), st.none() | st.integers(0, 1 << 40)),
    st.builds(wire.Data, st.binary(max_size=20)),
    st.builds(wire.Hole, st.integers(0, 1000)),
    st.builds(wire.Copy, st.integers(0, 100), st.integers(0, 100)),
    st.builds(lambda data: wire.End(data, digest(data)), st.binary(max_size=8)),
    st.just(wire.Same()),
    st.just(wire.Ask()),
    st.builds(wire.Fail, st.just("x"), st.just("y")),
    st.builds(wire.Trouble, st.integers(0, 9), st.just(b"p"), st.just("w"), st.just("t")),
    st.just(wire.Listed()),
)


@given(records=st.lists(MESSAGES, max_size=12), side=st.booleans())
def test_any_records_leave_everything_else_as_it_was(
    records: list[object], side: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    to = tmp_path_factory.mktemp("x") / "to"
    to.mkdir()
    (to.parent / "secret").write_bytes(SECRET)

    async def hostile(channel: Channel) -> None:
        with contextlib.suppress(ChannelReset):
            for record in records:
                await channel.write(encode_record(record))
            await channel.write_eof()
            while await channel.read():
                pass

    async def serve_put(channel: Channel, request: bytes) -> None:
        asker = asker_for(agent.put_action(request), [os.fsencode(to)])
        await agent.serve_put(channel, request, asker)

    async def serve_get(channel: Channel, request: bytes) -> None:
        channel.accept()
        await hostile(channel)

    async def run() -> None:
        services = {"put": serve_put, "get": serve_get}
        async with asyncio.timeout(20), MemoryOpener(services) as opener:
            if side:
                request = wire.PutRequest(os.fsencode(to), [b"top"])
                await hostile(await opener.open("put", msgspec.msgpack.encode(request)))
            else:
                with contextlib.suppress(GuardpostError):
                    options = CopyOptions(links="copy")
                    await get(opener, [b"top"], os.fsencode(to), options, lambda event: None)

    asyncio.run(run())
    assert others_untouched(to)
    assert set(os.listdir(to)) <= {"top", ".top.guardpost-part"}
