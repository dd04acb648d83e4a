"""Programs that go on without their channel: both halves, through channels in memory."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.channels import MemoryOpener

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.services import exec as program
from guardpost.services import jobs as service
from guardpost.services.action import Action, Verdict
from guardpost.services.asker import Asker
from guardpost.services.job import KEPT_BYTES
from guardpost.services.kept import KeptJobs
from guardpost.services.program import Exit

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs POSIX programs")

ANN, BOB = b"a" * 32, b"b" * 32


class Host:
    """An agent's services for two consoles; `admins` may touch what is not theirs."""

    def __init__(self) -> None:
        self.kept = KeptJobs()
        self.admins: set[bytes] = set()
        self.refused: list[str] = []
        """What an audit has as refused."""
        self.ann = MemoryOpener(self._services(ANN))
        self.bob = MemoryOpener(self._services(BOB))

    def _services(self, key: bytes) -> dict[str, Callable[[Channel, bytes], Awaitable[None]]]:
        def judge(further: Action) -> Verdict:
            return Verdict(further.verb == "admin" and key in self.admins, "")

        def decide(further: Action) -> Verdict:
            verdict = judge(further)
            if not verdict.allowed:
                self.refused.append(further.verb)
            return verdict

        def asker(action: Action) -> Asker:
            return Asker(
                user="ann" if key == ANN else "bob",
                agent_version="1.0",
                key=key,
                action=action,
                decide=decide,
                consider=judge,
                jobs=lambda: self.kept,
            )

        async def serve_exec(channel: Channel, request: bytes) -> None:
            await program.serve(channel, request, asker(program.action(request)))

        async def serve_jobs(channel: Channel, request: bytes) -> None:
            await service.serve_jobs(channel, asker(service.action(request)))

        async def serve_job(channel: Channel, request: bytes) -> None:
            await service.serve_job(channel, request, asker(service.job_action(request)))

        return {"exec": serve_exec, "jobs": serve_jobs, "job": serve_job}

    async def start(self, script: str, timeout: float | None = None) -> int:
        """Ann starts one; its number."""
        argv = [b"/bin/sh", b"-c", script.encode()]
        started = await program.start(self.ann, argv, timeout=timeout)
        assert started.job is not None
        return started.job

    async def ended(self, number: int) -> None:
        while (kept := self.kept.find(number)) is not None and kept.ended_at is None:
            await asyncio.sleep(0.01)


class Shown:
    """Where a command prints."""

    def __init__(self) -> None:
        self.descriptors = [os.open(tempfile.gettempdir(), os.O_TMPFILE | os.O_RDWR) for _ in "oe"]
        self.dropped = 0

    def read(self) -> tuple[bytes, ...]:
        return tuple(os.pread(each, 10**7, 0) for each in self.descriptors)

    def tell(self, count: int) -> None:
        self.dropped = count

    async def attach(self, opener: MemoryOpener, number: int) -> Exit | None:
        out, err = self.descriptors
        return await service.attach(opener, number, stdout=out, stderr=err, dropped=self.tell)

    async def output(self, opener: MemoryOpener, number: int) -> Exit | None:
        out, err = self.descriptors
        return await service.output(opener, number, stdout=out, stderr=err, dropped=self.tell)


def told(story: Callable[[Host], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(20):
            host = Host()
            async with host.ann, host.bob:
                await story(host)
                await host.kept.close()

    asyncio.run(run())


def test_it_goes_on_without_its_channel_and_is_listed() -> None:
    async def story(host: Host) -> None:
        number = await host.start("echo out; echo err >&2; read x; exit 4")
        await host.ended(number)
        (info,) = await service.list_jobs(host.ann)
        assert (info.job, info.kind, info.user, info.is_own) == (number, "exec", "ann", True)
        assert info.argv[:2] == [b"/bin/sh", b"-c"]
        assert (info.exit, info.written, info.kept) == (Exit(4), 8, 8)
        assert info.ended is not None
        assert info.started <= info.ended <= info.now
        shown = Shown()
        assert await shown.output(host.ann, number) == Exit(4)
        assert shown.read() == (b"out\n", b"err\n")

    told(story)


def test_attaching_gives_what_was_and_what_comes_and_leaving_lets_it_go_on() -> None:
    async def story(host: Host) -> None:
        script = "echo before; trap 'echo hup; exit 9' HUP; while :; do sleep 0.05; done"
        number = await host.start(script)
        first = Shown()
        leaving = asyncio.ensure_future(first.attach(host.ann, number))
        while first.read()[0] != b"before\n":
            await asyncio.sleep(0.01)
        (info,) = await service.list_jobs(host.ann)
        assert info.is_attached
        leaving.cancel()
        await asyncio.wait([leaving])
        second = Shown()
        following = asyncio.ensure_future(second.attach(host.ann, number))
        while second.read()[0] != b"before\n":
            await asyncio.sleep(0.01)
        await service.end(host.ann, number, service.Deed.SIGNAL, "HUP")
        assert await following == Exit(9)
        assert second.read()[0] == b"before\nhup\n"
        with pytest.raises(ChannelReset) as caught:
            await service.end(host.ann, number, service.Deed.SIGNAL, "TERM")
        assert caught.value.code is ResetCode.NOT_FOUND

    told(story)


def test_who_attaches_later_supersedes() -> None:
    async def story(host: Host) -> None:
        number = await host.start("echo ready; exec sleep 100")
        first = asyncio.ensure_future(Shown().attach(host.ann, number))
        while not (await service.list_jobs(host.ann))[0].is_attached:
            await asyncio.sleep(0.01)
        second = asyncio.ensure_future(Shown().attach(host.ann, number))
        with pytest.raises(ChannelReset, match="another console has attached"):
            await first
        await service.end(host.ann, number, service.Deed.FORGET)
        assert await second == Exit(None, 15)
        assert await service.list_jobs(host.ann) == []

    told(story)


def test_much_output_is_kept_by_its_end_and_says_so() -> None:
    async def story(host: Host) -> None:
        number = await host.start("head -c 300000 /dev/zero; echo the end")
        await host.ended(number)
        shown = Shown()
        assert await shown.attach(host.ann, number) == Exit(0)
        assert shown.dropped == 300008 - KEPT_BYTES
        assert shown.read()[0] == bytes(KEPT_BYTES - 8) + b"the end\n"

    told(story)


def test_a_timeout_holds_without_a_channel() -> None:
    async def story(host: Host) -> None:
        number = await host.start("exec sleep 100", timeout=0.2)
        await host.ended(number)
        assert (await service.list_jobs(host.ann))[0].exit == Exit(None, 15, True)

    told(story)


@pytest.mark.parametrize("do", list(service.Deed))
def test_what_belongs_to_another_key_is_not_there(do: service.Deed) -> None:
    async def story(host: Host) -> None:
        number = await host.start("echo secret; exec sleep 100")
        assert await service.list_jobs(host.bob) == []
        assert host.refused == []  # he asked for nothing that is not his
        for other in (number, number + 1, -1, 2**60):
            request = msgspec.msgpack.encode(service.JobRequest(other, do))
            with pytest.raises(ChannelReset) as caught:
                await host.bob.open("job", request)
            assert caught.value.code is ResetCode.NOT_FOUND
            assert caught.value.text == f"there is no job {other} of yours"
        assert set(host.refused) == {"admin"}
        host.admins.add(BOB)
        (info,) = await service.list_jobs(host.bob)
        assert (info.job, info.is_own) == (number, False)
        await service.end(host.bob, number, service.Deed.FORGET)
        assert await service.list_jobs(host.ann) == []

    told(story)


@pytest.mark.parametrize("is_cut", [False, True])
def test_too_many_are_refused_and_leave_nothing_running(is_cut: bool) -> None:
    """Also when the session ends while the one that was refused does."""

    async def story(host: Host) -> None:
        from guardpost.services.kept import MOST

        for _ in range(MOST):
            await host.start("exec sleep 100")
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        with pytest.raises(ChannelReset) as caught:
            await host.start("exec sleep 100")
        assert caught.value.code is ResetCode.LIMIT
        if is_cut:
            host.ann.cut()
        if before:
            while len(os.listdir("/proc/self/fd")) > before:
                await asyncio.sleep(0.01)

    told(story)


@given(st.binary(max_size=60))
def test_any_request_is_an_action_or_an_error(request: bytes) -> None:
    for judge in (service.action, service.job_action):
        try:
            assert judge(request) == Action("jobs")
        except RemoteProtocolError:
            pass
