"""Real programs on this machine, run through channels in memory."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from support.channels import MemoryOpener

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode, UsageError
from guardpost.host import process_group
from guardpost.services import exec as service
from guardpost.services import job, program
from guardpost.services.action import Action
from guardpost.services.asker import Asker
from guardpost.services.records import RecordReader, encode_record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs POSIX programs")

PATIENCE_SECONDS = 0.4


@pytest.fixture(autouse=True)
def less_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "LINGER_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(process_group, "TERMINATE_SECONDS", PATIENCE_SECONDS)


async def serve(channel: Channel, request: bytes) -> None:
    # What action() says of a nonsense request was refused before serving.
    try:
        action = service.action(request)
    except RemoteProtocolError:
        action = Action("exec")
    await service.serve(channel, request, Asker("ann", "1.0", action=action))


def told(story: Callable[[MemoryOpener], Awaitable[None]], limit: int = 65536) -> None:
    async def run() -> None:
        async with asyncio.timeout(20), MemoryOpener({"exec": serve}, limit) as opener:
            await story(opener)

    asyncio.run(run())


class Ran:
    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code, self.out, self.err = code, out, err


def ran(*argv: bytes, stdin: bytes | None = None, tmp: Path, **how: object) -> Ran:
    """What the console has after running `argv` with files as its standard streams."""
    (tmp / "in").write_bytes(stdin or b"")
    code = -1

    async def story(opener: MemoryOpener) -> None:
        nonlocal code
        with open(tmp / "in") as i, open(tmp / "out", "wb") as o, open(tmp / "err", "wb") as e:
            source = i.fileno() if stdin is not None else None
            code = await service.run(
                opener,
                argv,
                stdin=source,
                stdout=o.fileno(),
                stderr=e.fileno(),
                **how,  # type: ignore[arg-type]
            )

    told(story)
    return Ran(code, (tmp / "out").read_bytes(), (tmp / "err").read_bytes())


def shell(script: str) -> tuple[bytes, bytes, bytes]:
    return b"/bin/sh", b"-c", script.encode()


async def started(opener: MemoryOpener, *argv: bytes, **how: object) -> Channel:
    request = service.ExecRequest(list(argv), **how)  # type: ignore[arg-type]
    return await opener.open("exec", msgspec.msgpack.encode(request))


def pid_of(channel: Channel) -> int:
    return msgspec.msgpack.decode(channel.reply, type=service.ExecReply).pid


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def gone(pid: int) -> None:
    while lives(pid):
        await asyncio.sleep(0.01)


@contextlib.contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    try:
        yield ends
    finally:
        for fd in ends:
            with contextlib.suppress(OSError):
                os.close(fd)


async def records(channel: Channel) -> AsyncIterator[program.ToConsole]:
    reader = RecordReader(channel)
    while (record := await reader.read(program.to_console)) is not None:
        yield record


def test_output_errors_and_status_come_apart(tmp_path: Path) -> None:
    result = ran(*shell("echo out; echo err >&2; exit 7"), tmp=tmp_path)
    assert (result.code, result.out, result.err) == (7, b"out\n", b"err\n")


def test_input_goes_there_and_ends_there(tmp_path: Path) -> None:
    data = os.urandom(300_000)
    result = ran(b"cat", stdin=data, tmp=tmp_path)
    assert (result.code, result.out) == (0, data)


def test_no_input_is_an_end_at_once(tmp_path: Path) -> None:
    assert ran(b"cat", tmp=tmp_path).code == 0


def test_words_are_not_parsed_by_a_shell(tmp_path: Path) -> None:
    assert ran(b"printf", b"%s|", b"$HOME *", b"", b"\xff", tmp=tmp_path).out == b"$HOME *||\xff|"


def test_a_signal_is_128_and_its_number(tmp_path: Path) -> None:
    assert ran(*shell("kill -9 $$"), tmp=tmp_path).code == 137


def test_folder_variables_and_user_are_set(tmp_path: Path) -> None:
    result = ran(
        *shell('echo "$PWD $KIND $GUARDPOST_USER"'),
        tmp=tmp_path,
        cwd=os.fsencode(tmp_path),
        env={b"KIND": b"a b", b"GUARDPOST_USER": b"mallory"},
    )
    assert result.out == b"%s a b ann\n" % os.fsencode(tmp_path)


def test_our_own_variables_are_not_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARDPOST_PASSWORD", "secret")
    monkeypatch.delenv("PATH")
    result = ran(*shell('echo "[$GUARDPOST_PASSWORD]"; command -v env'), tmp=tmp_path)
    assert result.out.startswith(b"[]\n/")


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (service.ExecRequest([b"no-such-program"]), ResetCode.NOT_FOUND, "no-such-program"),
        (service.ExecRequest([b"/no/such"]), ResetCode.NOT_FOUND, "/no/such"),
        (service.ExecRequest([b"true"], cwd=b"/no"), ResetCode.NOT_FOUND, "no such folder: /no"),
        (service.ExecRequest([b"/etc"]), ResetCode.FAILED, "Permission denied"),
        (service.ExecRequest([]), ResetCode.BAD_REQUEST, "no program"),
        (service.ExecRequest([b""]), ResetCode.BAD_REQUEST, "no program"),
        (service.ExecRequest([b"a\0b"]), ResetCode.BAD_REQUEST, "NUL"),
        (service.ExecRequest([b"true"], env={b"a=b": b""}), ResetCode.BAD_REQUEST, "variable"),
        (service.ExecRequest([b"true"], timeout=0), ResetCode.BAD_REQUEST, "timeout"),
        (service.ExecRequest([b"true"], timeout=float("nan")), ResetCode.BAD_REQUEST, "timeout"),
        ({"argv": "true"}, ResetCode.BAD_REQUEST, "malformed"),
        ({}, ResetCode.BAD_REQUEST, "malformed"),
    ],
)
def test_what_cannot_run_is_refused_with_a_reason(
    request_: object, code: ResetCode, text: str
) -> None:
    async def story(opener: MemoryOpener) -> None:
        with pytest.raises(ChannelReset, match=text) as caught:
            await opener.open("exec", msgspec.msgpack.encode(request_))
        assert caught.value.code is code

    told(story)


def test_the_policy_is_asked_for_exec() -> None:
    def asked(*argv: bytes, **more: object) -> Action:
        return service.action(msgspec.msgpack.encode({"argv": argv, **more}))

    sh = os.fsencode(shutil.which("sh") or "")
    assert asked(b"sh", b"-c", b":") == Action("exec", argv=(sh, b"-c", b":"))
    assert asked(b"./x") == Action("exec", argv=(b"./x",))
    # Found as the program itself would be: in the PATH that is set for it.
    assert asked(b"sh", env={b"PATH": b"/nowhere"}) == Action("exec", argv=(b"sh",), env=(b"PATH",))
    with pytest.raises(RemoteProtocolError):
        service.action(b"\xc1")


def test_a_command_too_long_for_a_request_is_not_sent(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="65536"):
        ran(b"echo", b"x" * 70_000, tmp=tmp_path)


@pytest.mark.parametrize("end", ["reset", "lost", "closed by the agent's end"])
def test_a_broken_channel_ends_the_whole_group(end: str) -> None:
    async def story(opener: MemoryOpener) -> None:
        channel = await started(opener, *shell("sleep 100 & echo $!; wait"))
        record = await anext(records(channel))
        assert isinstance(record, program.Stdout)
        group = [pid_of(channel), int(record.data)]
        if end == "reset":
            channel.reset(ResetCode.CANCELLED)
        elif end == "lost":
            opener.lose()
        else:
            for task in opener._serving:
                task.cancel()
        for pid in group:
            await gone(pid)

    told(story)


def test_a_program_that_does_not_read_is_ended_as_well() -> None:
    async def story(opener: MemoryOpener) -> None:
        channel = await started(opener, b"sleep", b"100")
        full = encode_record(program.Stdin(bytes(32768)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                while True:
                    await channel.write(full)
        channel.reset(ResetCode.CANCELLED)
        await gone(pid_of(channel))

    told(story)


def test_what_ignores_sigterm_is_killed_later() -> None:
    async def story(opener: MemoryOpener) -> None:
        channel = await started(opener, *shell("trap '' TERM; echo ready; sleep 100; sleep 100"))
        await anext(records(channel))
        channel.reset(ResetCode.CANCELLED)
        begun = time.monotonic()
        await gone(pid_of(channel))
        assert PATIENCE_SECONDS * 0.9 < time.monotonic() - begun < 4

    told(story)


def test_cancelling_the_console_ends_the_program() -> None:
    async def story(opener: MemoryOpener) -> None:
        with pipe() as (source, _), pipe() as (readable, sink):
            argv = shell("echo $$; exec sleep 100")
            running = asyncio.ensure_future(
                service.run(opener, argv, stdin=source, stdout=sink, stderr=sink)
            )
            pid = int(await asyncio.to_thread(os.read, readable, 100))
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            await gone(pid)

    told(story)


def test_a_timeout_kills_and_is_124(tmp_path: Path) -> None:
    result = ran(*shell("echo begun; sleep 100"), tmp=tmp_path, timeout=0.3)
    assert (result.code, result.out) == (124, b"begun\n")


def test_a_waiting_terminal_does_not_delay_the_end(tmp_path: Path) -> None:
    """Our input stays open: the program's end is the end nevertheless."""

    async def story(opener: MemoryOpener) -> None:
        with pipe() as (source, _), open(os.devnull, "wb") as null:
            fd = null.fileno()
            assert await service.run(opener, [b"true"], stdin=source, stdout=fd, stderr=fd) == 0

    told(story)


def test_a_program_may_close_its_output_and_live(tmp_path: Path) -> None:
    result = ran(*shell("exec >&- 2>&-; sleep 0.3; exit 3"), tmp=tmp_path)
    assert result.code == 3


def test_a_program_may_end_before_it_read_its_input(tmp_path: Path) -> None:
    assert ran(*shell("exit 4"), stdin=bytes(1_000_000), tmp=tmp_path).code == 4


def test_others_that_keep_the_output_open_delay_the_end_a_little(tmp_path: Path) -> None:
    begun = time.monotonic()
    result = ran(*shell("sleep 5 & echo said; exit 5"), tmp=tmp_path)
    assert (result.code, result.out) == (5, b"said\n")
    assert PATIENCE_SECONDS * 0.9 < time.monotonic() - begun < 4


def test_others_that_write_without_end_do_not_delay_it_more(tmp_path: Path) -> None:
    result = ran(*shell("(yes & ) ; exit 6"), tmp=tmp_path)
    assert result.code == 6
    assert result.out.startswith(b"y\ny\n")


def test_a_signal_reaches_the_program() -> None:
    async def story(opener: MemoryOpener) -> None:
        script = "trap 'echo hup; exit 9' HUP; echo ready; while :; do :; done"
        channel = await started(opener, *shell(script))
        found = records(channel)
        assert await anext(found) == program.Stdout(b"ready\n")
        for number in (0, -5, 2**40, signal.SIGHUP):
            await channel.write(encode_record(program.Signal(number)))
        assert [each async for each in found] == [program.Stdout(b"hup\n"), program.Exit(9)]

    told(story)


def test_a_malformed_record_ends_the_program_and_names_the_fault() -> None:
    async def story(opener: MemoryOpener) -> None:
        channel = await started(opener, b"sleep", b"100")
        await channel.write(encode_record(["no", "such"]))
        with pytest.raises(ChannelReset) as caught:
            await channel.read()
        assert caught.value.code is ResetCode.PROTOCOL
        await gone(pid_of(channel))

    told(story)


def test_bulk_output_is_whole_and_costs_little_overhead() -> None:
    async def story(opener: MemoryOpener) -> None:
        channel = await started(opener, b"head", b"-c", b"20000000", b"/dev/zero")
        payload = total = 0
        while data := await channel.read(1 << 20):
            total += len(data)
            payload += data.count(0)
        assert payload >= 20_000_000
        assert total < 20_000_000 * 1.01

    told(story)


def test_a_slow_channel_stalls_the_program_and_nobody_else() -> None:
    async def story(opener: MemoryOpener) -> None:
        slow = await started(opener, *shell("head -c 100000000 /dev/zero; echo done >&2"))
        while opener.consoles[0].unread < 20_000:
            other = [each async for each in records(await started(opener, b"true"))]
            assert other == [program.Exit(0)]
        assert lives(pid_of(slow))

    told(story, limit=20_000)


def test_broken_output_here_ends_the_program_there() -> None:
    async def story(opener: MemoryOpener) -> None:
        readable, sink = os.pipe()
        os.close(readable)
        with pytest.raises(BrokenPipeError):
            await service.run(opener, [b"yes"], stdin=None, stdout=sink, stderr=sink)
        os.close(sink)
        while opener.serving:
            await asyncio.sleep(0.01)

    told(story)


def test_an_agent_that_ends_without_a_status_broke_the_protocol() -> None:
    async def accept_and_go(channel: Channel, request: bytes) -> None:
        channel.accept()

    async def story() -> None:
        async with MemoryOpener({"exec": accept_and_go}) as opener:
            with pytest.raises(RemoteProtocolError, match="exit status"):
                await service.run(opener, [b"true"], stdin=None, stdout=1, stderr=2)

    asyncio.run(story())


@pytest.mark.parametrize("argv", [[b""], [b"", b"x"], [b"a\0b"]])
def test_what_names_no_program_is_not_even_asked_for(argv: list[bytes]) -> None:
    async def story() -> None:
        async with MemoryOpener({}) as opener:
            with pytest.raises(UsageError, match="cannot be run: "):
                await service.start(opener, argv)
            assert opener.opened == []

    asyncio.run(story())
