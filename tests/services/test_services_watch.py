"""`watch` on this very host: processes that really begin, end and take too much."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import aclosing

import pytest
from support.channels import MemoryOpener, channel_pair

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, ResetCode
from guardpost.host.proc_connector import ProcConnector
from guardpost.services import watch
from guardpost.services.watch import WatchEvent, WatchRequest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at real processes")

PATIENCE_SECONDS = 30


def told(wanted: WatchRequest, act, enough) -> list[WatchEvent]:
    """What is told of what `act` does once the watch has begun, until it is `enough`.

    `act` gets the events, as far as they have come.
    """
    events: list[WatchEvent] = []

    async def story() -> None:
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            MemoryOpener({"watch": watch.serve}) as opener,
        ):
            begun = asyncio.Event()

            async def follow() -> None:
                stream = watch.watch(opener, wanted, lambda by_kernel: begun.set())
                async with aclosing(stream):
                    async for event in stream:
                        events.append(event)
                        if enough(events):
                            return

            following = asyncio.ensure_future(follow())
            await begun.wait()
            await asyncio.to_thread(act, events)
            await following

    asyncio.run(story())
    return events


@pytest.fixture
def kernel() -> None:
    try:
        ProcConnector.open().close()
    except OSError as error:
        pytest.skip(f"the kernel does not let us listen: {error}")


@pytest.fixture
def table_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for an agent that is not root."""

    def refused() -> ProcConnector:
        raise PermissionError(1, "not for you")

    monkeypatch.setattr(ProcConnector, "open", refused)


def until_started(events: list[WatchEvent]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not events:
        assert time.monotonic() < deadline, "it was never told to have started"
        time.sleep(0.01)


def ended(events: list[WatchEvent]) -> bool:
    return any(each.event == "ended" for each in events)


def test_the_kernel_tells_of_a_process_and_its_status(kernel: None) -> None:
    mark = f"guardpost-test-{os.getpid()}"

    def act(events: list[WatchEvent]) -> None:
        with subprocess.Popen(["sh", "-c", f": {mark}; read x; exit 7"], stdin=-1) as child:
            until_started(events)
            child.communicate(b"go\n")

    first, last = told(WatchRequest(names=[mark]), act, ended)
    assert (first.event, last.event, last.source) == ("started", "ended", "kernel")
    assert first.pid == last.pid
    assert first.ppid == os.getpid()
    assert mark.encode() in b" ".join(first.argv or [])
    assert (last.status, last.signal) == (7, None)


def test_the_kernel_tells_of_a_signal(kernel: None) -> None:
    mark = f"guardpost-killed-{os.getpid()}"

    def act(events: list[WatchEvent]) -> None:
        with subprocess.Popen(["sh", "-c", f": {mark}; read x; :"], stdin=-1) as child:
            until_started(events)
            child.kill()

    last = told(WatchRequest(names=[mark]), act, ended)[-1]
    assert (last.signal, last.status) == (signal.SIGKILL, None)


def test_without_the_kernel_a_status_is_unknown_and_said_to_be(table_alone: None) -> None:
    mark = f"guardpost-table-{os.getpid()}"

    def act(events: list[WatchEvent]) -> None:
        with subprocess.Popen(["sh", "-c", f": {mark}; read x; exit 7"], stdin=-1) as child:
            until_started(events)
            child.communicate(b"go\n")

    first, last = told(WatchRequest(names=[mark]), act, ended)
    assert (first.event, last.event) == ("started", "ended")
    assert last.source in ("unknown", "zombie")
    assert last.status == (7 if last.source == "zombie" else None)


@pytest.mark.parametrize("reaped", [True, False])
def test_who_has_ended_before_the_watch_began_is_told_to_have_ended(reaped: bool) -> None:
    child = subprocess.Popen(["true"])
    if reaped:
        child.wait()
    else:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    try:
        (only,) = told(WatchRequest(pids=[child.pid]), lambda events: None, ended)
    finally:
        child.wait()
    assert (only.pid, only.source, only.status) == (child.pid, "unknown", None)


def test_a_kernel_that_fails_ends_the_watch_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: watch._Watching, now: float) -> tuple[int, bool]:
        raise OSError(5, "the socket is broken")

    monkeypatch.setattr(watch._Watching, "_listen", broken)

    async def story() -> None:
        console, agent = channel_pair()
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(OSError, match="the socket is broken"):
                await watch.serve(agent, b"")
            await console.close()

    asyncio.run(story())


def test_a_console_that_ends_the_channel_is_answered_at_once(
    table_alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 1000.0)

    async def story() -> None:
        console, agent = channel_pair()
        serving = asyncio.ensure_future(watch.serve(agent, b""))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (agent.accepted and agent.accepted.done()):
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)  # its first look is over
            await console.write_eof()
            while await console.read():
                pass
            await serving

    asyncio.run(story())


def test_a_process_that_takes_too_much_is_told_and_when_it_no_longer_does() -> None:
    children: list[subprocess.Popen[bytes]] = []

    def act(events: list[WatchEvent]) -> None:
        code = "import time; x = bytearray(90_000_000); time.sleep(2.5); del x; input()"
        children.append(subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE))

    def enough(events: list[WatchEvent]) -> bool:
        return any(each.event == "below" for each in events)

    try:
        wanted = WatchRequest(names=["bytearray(90_000_000)"], rss=80_000_000)
        events = told(wanted, act, enough)
    finally:
        for child in children:
            child.kill()
            child.communicate()
    (above,) = [each for each in events if each.event == "above"]
    assert (above.metric, above.limit, above.pid) == ("rss", 80_000_000, children[0].pid)
    assert above.value is not None
    assert above.value > 80_000_000


def test_a_flood_that_the_kernel_tells_of_is_bounded_and_counted(kernel: None) -> None:
    def act(events: list[WatchEvent]) -> None:
        script = "i=0; while [ $i -lt 1500 ]; do (exit 0); i=$((i+1)); done"
        subprocess.run(["sh", "-c", script])

    events = told(WatchRequest(), act, lambda events: events[-1].event == "dropped")
    assert sum(events[-1].dropped.values()) > 0
    assert {*events[-1].dropped} <= {"started", "ended", "kernel"}


def test_a_console_that_takes_nothing_holds_up_no_memory() -> None:
    async def story() -> None:
        console, agent = channel_pair(limit=256)
        serving = asyncio.ensure_future(watch.serve(agent, b""))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (agent.accepted and agent.accepted.done()):
                await asyncio.sleep(0.01)
            for _ in range(3):
                await asyncio.to_thread(subprocess.run, ["true"])
            console.reset(ResetCode.CANCELLED)
            with pytest.raises(ChannelReset):
                await serving

    asyncio.run(story())


def test_a_key_that_may_not_look_any_more_is_told_nothing_more() -> None:
    async def serve(channel: Channel, request: bytes) -> None:
        await watch.serve(channel, request, refusal=lambda: "not allowed any more")

    async def story() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), MemoryOpener({"watch": serve}) as opener:
            wanted = WatchRequest(names=["no process has such a name"])
            events = watch.watch(opener, wanted)
            with pytest.raises(ChannelReset, match="not allowed any more"):
                await anext(events)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"\xc1", ResetCode.BAD_REQUEST),
        (b"\x81\xa5names\x01", ResetCode.BAD_REQUEST),
        (b"\x81\xa5names\xdc\x00\x64" + b"\xa1x" * 100, ResetCode.LIMIT),
    ],
)
def test_a_request_that_is_none_is_refused(request_: bytes, code: ResetCode) -> None:
    async def story() -> None:
        async with MemoryOpener({"watch": watch.serve}) as opener:
            with pytest.raises(ChannelReset) as refusal:
                await opener.open("watch", request_)
            assert refusal.value.code is code

    asyncio.run(story())
