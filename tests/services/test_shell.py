"""Shells on terminals of this machine: both halves of the service, through channels in memory."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.channels import MemoryOpener
from support.tools import need

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode, UsageError
from guardpost.host import login_records, process_group
from guardpost.services import exec as program
from guardpost.services import jobs
from guardpost.services import shell as service
from guardpost.services.action import Action, Verdict
from guardpost.services.asker import Asker
from guardpost.services.kept import MOST, KeptJobs
from guardpost.services.program import (
    Exit,
    Leave,
    Resize,
    Stdin,
    StdinEof,
    Stdout,
    Tty,
    to_console,
)
from guardpost.services.records import RecordReader, write_record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys are POSIX")

ANN, BOB = b"a" * 32, b"b" * 32
XTERM = Tty(b"xterm", 30, 100)


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's own records are left alone."""
    monkeypatch.setattr(login_records, "WTMP", str(tmp_path / "wtmp"))
    monkeypatch.setattr(login_records, "UTMP", str(tmp_path / "utmp"))
    monkeypatch.setattr(process_group, "TERMINATE_SECONDS", 0.4)
    (tmp_path / "wtmp").touch()
    return tmp_path / "wtmp"


class Shell:
    """One at its console's end."""

    def __init__(self, channel: Channel, reply: service.ShellReply) -> None:
        self.channel, self.reply = channel, reply
        self.seen = b""
        self._asked = 0
        self._records = RecordReader(channel)

    async def types(self, text: str) -> None:
        await write_record(self.channel, Stdin(text.encode()))

    async def until(self, wanted: bytes) -> bytes:
        """What it has shown since the last time, up to `wanted`."""
        while wanted not in self.seen:
            record = await self._records.read(to_console)
            assert isinstance(record, Stdout), f"{record}, after {self.seen!r}"
            self.seen += record.data
        before, _, self.seen = self.seen.partition(wanted)
        return before

    async def asks(self, command: str) -> str:
        """What `command` prints."""
        self._asked += 1
        mark = f"{id(self)}-{self._asked}"
        await self.types(f"echo '<'{mark}; {command}; echo {mark}'>'\r")
        await self.until(f"<{mark}\r\n".encode())
        return (await self.until(f"{mark}>\r\n".encode())).decode().replace("\r\n", "\n").strip()

    async def end(self) -> Exit:
        while not isinstance(record := await self._records.read(to_console), Exit):
            assert isinstance(record, Stdout)
            self.seen += record.data
        await self.channel.close()
        return record


class Host:
    """An agent's services for two consoles; `admins` may touch what is not theirs."""

    def __init__(self, limit: int = 65536) -> None:
        self.kept = KeptJobs()
        self.admins: set[bytes] = set()
        self.notes: dict[str, object] = {}
        self.ann = MemoryOpener(self._services(ANN), limit)
        self.bob = MemoryOpener(self._services(BOB), limit)

    def _services(self, key: bytes) -> dict[str, Callable[[Channel, bytes], Awaitable[None]]]:
        def asker(action: Action, verdict: Verdict) -> Asker:
            return Asker(
                user="ann" if key == ANN else "bob",
                agent_version="1.0",
                key=key,
                action=action,
                verdict=verdict,
                decide=lambda further: Verdict(further.verb == "admin" and key in self.admins, ""),
                note=self.notes.update,
                jobs=lambda: self.kept,
            )

        async def serve(channel: Channel, request: bytes) -> None:
            await service.serve(channel, request, asker(service.action(request), Verdict(True, "")))

        async def serve_exec(channel: Channel, request: bytes) -> None:
            listed = Verdict(True, "", is_listed=True)
            await program.serve(channel, request, asker(program.action(request), listed))

        async def serve_jobs(channel: Channel, request: bytes) -> None:
            await jobs.serve_jobs(channel, asker(jobs.action(request), Verdict(True, "")))

        return {"shell": serve, "exec": serve_exec, "jobs": serve_jobs}

    async def shell(
        self,
        *,
        by: MemoryOpener | None = None,
        tty: Tty = XTERM,
        env: dict[bytes, bytes] | None = None,
        keep: bool = False,
        attach: int | None = None,
    ) -> Shell:
        opener = by or self.ann
        opened = await service.open_shell(opener, tty, env=env or {}, keep=keep, attach=attach)
        return Shell(*opened)


def told(story: Callable[[Host], Awaitable[None]], limit: int = 65536) -> None:
    async def run() -> None:
        host = Host(limit)
        async with asyncio.timeout(20), host.ann, host.bob:
            try:
                await story(host)
            finally:
                await host.kept.close()

    asyncio.run(run())


async def gone(pid: int) -> None:
    while os.path.exists(f"/proc/{pid}"):
        await asyncio.sleep(0.01)


# --- what a shell is ---


def test_it_is_a_login_shell_on_a_terminal_of_its_own() -> None:
    async def story(host: Host) -> None:
        shell = await host.shell(
            env={b"LC_ALL": b"C", b"LD_PRELOAD": b"/x", b"GUARDPOST_USER": b""}
        )
        assert await shell.asks("tty") == shell.reply.terminal
        assert await shell.asks("stty size") == "30 100"
        assert (await shell.asks("echo $0")).startswith("-")
        words = await shell.asks("echo $TERM $LC_ALL $GUARDPOST_USER, $HOME $PWD")
        assert words == "xterm C ann, {0} {0}".format(os.path.expanduser("~"))
        assert "LD_PRELOAD" not in await shell.asks("env")
        await shell.types("exit 7\r")
        assert await shell.end() == Exit(7)
        while "status" not in host.notes:
            await asyncio.sleep(0.01)
        assert (host.notes["status"], host.notes["terminal"]) == (7, shell.reply.terminal)

    told(story)


def test_keys_make_signals_and_a_new_size_is_heard() -> None:
    async def story(host: Host) -> None:
        shell = await host.shell()
        await shell.types("""sh -c 'echo sl""eeping; exec sleep 1000'\r""")
        await shell.until(b"sleeping\r\n")
        await shell.types("\x03")
        await shell.until(b"^C")
        await shell.types("echo co''de=$?\r")
        await shell.until(b"code=130\r\n")
        await shell.types("""sh -c 'echo sl""eeping; exec sleep 1000'\r""")
        await shell.until(b"sleeping\r\n")
        await shell.types("\x1a")
        await shell.until(b"Stopped")
        await shell.until(b"\n")
        assert "sleep 1000" in await shell.asks("jobs")
        await write_record(shell.channel, Resize(50, 132))
        assert await shell.asks("stty size") == "50 132"
        await shell.asks("trap 'echo re\"\"drawn' WINCH")
        await write_record(shell.channel, Resize(50, 132))
        await shell.types("\r")
        await shell.until(b"redrawn")

    told(story)


def test_the_end_of_input_is_typed() -> None:
    async def story(host: Host) -> None:
        shell = await host.shell()
        await shell.types("echo re''ady; cat; exit 3\r")
        await shell.until(b"ready\r\n")
        await write_record(shell.channel, StdinEof())
        assert await shell.end() == Exit(3)

    told(story)


def test_letters_of_any_language_pass_both_ways() -> None:
    async def story(host: Host) -> None:
        shell = await host.shell(env={b"LC_ALL": b"C.UTF-8"})
        assert await shell.asks("printf %s äß漢🙂") == "äß漢🙂"
        await shell.types("exit\r")
        await shell.end()

    told(story)


def test_its_record_names_the_operator_and_ends_with_it(records: Path) -> None:
    async def story(host: Host) -> None:
        shell = await host.shell()
        await shell.types("exit\r")
        await shell.end()

    told(story)
    shown = subprocess.run(
        [need("utmpdump"), records], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert [line[:4] for line in shown] == ["[7] ", "[8] "]
    assert "[ann " in shown[0]


def test_a_record_that_cannot_be_written_ends_no_shell(records: Path) -> None:
    async def story(host: Host) -> None:
        records.unlink()
        records.mkdir()
        shell = await host.shell()
        await shell.types("exit 4\r")
        assert await shell.end() == Exit(4)
        assert "Is a directory" in str(host.notes["record"])

    told(story)


# --- how it ends ---


def test_when_the_channel_breaks_all_of_it_is_hung_up() -> None:
    async def story(host: Host) -> None:
        shell = await host.shell()
        await shell.types(
            r"""sh -c 'trap "" HUP; echo p""id=$$; while :; do sleep 0.1; done'""" "\r"
        )
        await shell.until(b"pid=")
        stubborn = int(await shell.until(b"\r\n"))
        shell.channel.reset(ResetCode.CANCELLED)
        await gone(shell.reply.pid)
        await gone(stubborn)

    told(story)


def test_output_without_end_waits_for_its_reader_and_ctrl_c_acts() -> None:
    async def story(host: Host) -> None:
        shell = await host.shell()
        await shell.types("yes\r")
        await shell.until(b"y\r\ny\r\n")
        while host.ann.consoles[0].unread < 4096:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # nobody reads
        await shell.types("\x03")
        await shell.types("echo do''ne\r")
        late = await shell.until(b"done\r\n")
        # What waited in the channel, what was read ahead, and what the kernel had.
        assert len(late) < 4096 + 4 * 2048 + 8192
        await shell.types("exit\r")
        await shell.end()

    told(story, limit=4096)


# --- what is refused ---


@pytest.mark.parametrize(
    "request_map",
    [
        {},
        {"tty": {"term": b"a/../b"}},
        {"tty": {"term": b""}},
        {"tty": {"term": b"x" * 65}},
        {"tty": {"term": b"xterm\0"}},
        {"tty": {"rows": "many"}},
        {"tty": {"rows": 1.5}},
        {"tty": {}, "env": {b"LANG": b"a\0b"}},
        {"tty": {}, "env": {b"LC_%d" % n: b"" for n in range(100)}},
        {"tty": {}, "env": {b"LANG": b"x" * 2000}},
        {"tty": {}, "env": {"LANG": 1}},
        {"tty": {}, "user": "a\0b"},
        {"tty": {}, "attach": "1"},
    ],
)
def test_a_malformed_request_is_told_so(request_map: dict[str, object]) -> None:
    with pytest.raises(RemoteProtocolError):
        service.action(msgspec.msgpack.encode(request_map))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_an_error(data: bytes) -> None:
    try:
        assert service.action(data).verb == "shell"
    except RemoteProtocolError:
        pass


def test_the_policy_hears_whose_shell_and_which_variables() -> None:
    request = service.ShellRequest(XTERM, {b"LANG": b"C"}, "root")
    assert service.action(msgspec.msgpack.encode(request)) == Action(
        "shell", user="root", env=(b"LANG",)
    )


def test_impossible_sizes_and_a_flood_of_them_do_no_harm() -> None:
    async def story(host: Host) -> None:
        shell = await host.shell(tty=Tty(b"dumb", 2**63, -5))
        assert await shell.asks("stty size") == "65535 0"
        for size in range(3000):
            await write_record(shell.channel, Resize(size * 10**15, -size))
        await write_record(shell.channel, Resize(24, 80))
        assert await shell.asks("stty size") == "24 80"
        await shell.types("exit\r")
        await shell.end()

    told(story)


def test_a_record_that_is_none_ends_it() -> None:
    async def story(host: Host) -> None:
        shell = await host.shell()
        await shell.channel.write(b"\3\0\0\0\xff\xff\xff")
        with pytest.raises(ChannelReset) as caught:
            await shell.end()
        assert caught.value.code is ResetCode.PROTOCOL
        await gone(shell.reply.pid)

    told(story)


def test_a_user_who_is_not_there_and_a_term_that_is_none() -> None:
    async def story(host: Host) -> None:
        with pytest.raises(ChannelReset) as caught:
            await service.open_shell(host.ann, XTERM, env={}, user="nobody-at-all")
        assert caught.value.code is ResetCode.NOT_FOUND
        with pytest.raises(UsageError):
            await service.open_shell(host.ann, Tty(b"../x"), env={})

    told(story)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_a_shell_of_another_user_has_his_terminal() -> None:
    async def story(host: Host) -> None:
        argv = [b"/bin/sh", b"-c", b"id -un; stat -c %U $(tty); tty </dev/tty; echo $HOME"]
        channel = await program.open_on_terminal(host.ann, argv, XTERM, user="nobody")
        shown, records = b"", RecordReader(channel)
        while isinstance(record := await records.read(to_console), Stdout):
            shown += record.data
        names, owner, terminal, home = shown.decode().split()
        assert (names, owner) == ("nobody", "nobody")
        assert terminal in ("/dev/tty", *map(str, Path("/dev/pts").iterdir()), terminal)
        assert home == os.path.expanduser("~nobody")

    told(story)


# --- kept ---


def test_a_kept_shell_goes_on_without_its_channel_and_shows_what_it_wrote() -> None:
    async def story(host: Host) -> None:
        first = await host.shell(keep=True)
        assert first.reply.job == 1
        await first.asks("x=kept")
        await first.types("sleep 0.3; echo la''te\r")
        await first.until(b"sleep")
        first.channel.reset(ResetCode.LOST)
        while host.kept.all()[0].job.is_attached:
            await asyncio.sleep(0.01)
        again = await host.shell(keep=True, tty=Tty(b"xterm", 40, 90))
        assert (again.reply.job, again.reply.is_back) == (1, True)
        assert again.reply.pid == first.reply.pid
        await again.until(b"late")
        assert await again.asks("echo $x; stty size") == "kept\n40 90"
        await again.types("exit 5\r")
        assert await again.end() == Exit(5)
        while host.kept.all():
            await asyncio.sleep(0.01)

    told(story)


def test_a_shell_that_is_left_has_what_was_typed_before() -> None:
    async def story(host: Host) -> None:
        first = await host.shell(keep=True)
        await first.types("x=ke''pt; echo la''ter\r")
        await write_record(first.channel, Leave())
        while await first.channel.read():
            pass
        await first.channel.close()
        while host.kept.all()[0].job.is_attached:
            await asyncio.sleep(0.01)
        again = await host.shell(keep=True)
        await again.until(b"later")
        assert await again.asks("echo $x") == "kept"

    told(story)


def test_leaving_a_shell_that_nobody_keeps_hangs_it_up(tmp_path: Path) -> None:
    busy = "while :; do sleep 0.1; done"  # bash runs no trap while it edits a line

    async def story(host: Host) -> None:
        shell = await host.shell()
        await shell.types(f"trap 'echo hung up >{tmp_path}/end; exit' HUP; echo re''ady; {busy}\r")
        await shell.until(b"ready")
        await write_record(shell.channel, Leave())
        await gone(shell.reply.pid)

    told(story)
    assert (tmp_path / "end").read_text() == "hung up\n"


def test_the_second_who_attaches_takes_over_and_the_first_is_told() -> None:
    async def story(host: Host) -> None:
        first = await host.shell(keep=True)
        await first.asks("true")
        second = await host.shell(attach=1, keep=True)
        with pytest.raises(ChannelReset, match="superseded: this shell is attached elsewhere"):
            await first.end()
        assert await second.asks("echo here") == "here"

    told(story)


def test_of_several_one_must_be_named() -> None:
    async def story(host: Host) -> None:
        await host.shell(keep=True)
        second = await host.shell(keep=True, attach=0)
        assert second.reply.job == 2
        with pytest.raises(ChannelReset, match="shells 1, 2 are kept: --attach ID, or --new"):
            await host.shell(keep=True)
        assert (await host.shell(keep=True, attach=2)).reply.pid == second.reply.pid
        listed = await jobs.list_jobs(host.ann)
        assert [(each.job, each.kind, each.is_attached) for each in listed] == [
            (1, "shell", True),
            (2, "shell", True),
        ]

    told(story)


@pytest.mark.parametrize("number", [1, 2, -1, 2**40])
def test_nobody_attaches_to_the_shell_of_another_key_but_an_admin(number: int) -> None:
    async def story(host: Host) -> None:
        mine = await host.shell(keep=True)
        with pytest.raises(ChannelReset) as caught:
            await host.shell(by=host.bob, keep=True, attach=number)
        assert caught.value.code is ResetCode.NOT_FOUND
        assert (await host.shell(by=host.bob, keep=True)).reply.pid != mine.reply.pid
        host.admins.add(BOB)
        if number == 1:
            taken = await host.shell(by=host.bob, keep=True, attach=1)
            assert taken.reply.pid == mine.reply.pid

    told(story)


def test_a_job_that_is_no_shell_is_not_attached_to() -> None:
    async def story(host: Host) -> None:
        started = await program.start(host.ann, [b"sleep", b"100"])
        with pytest.raises(ChannelReset) as caught:
            await host.shell(keep=True, attach=started.job)
        assert caught.value.code is ResetCode.NOT_FOUND

    told(story)


def test_there_are_so_many_and_no_more() -> None:
    async def story(host: Host) -> None:
        for _ in range(MOST):
            await program.start(host.ann, [b"sleep", b"100"])
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(ChannelReset) as caught:
            await host.shell(keep=True)
        assert caught.value.code is ResetCode.LIMIT
        assert len(os.listdir("/proc/self/fd")) == before

    told(story)


# --- exec on a terminal ---


async def shown_by(channel: Channel) -> tuple[bytes, Exit]:
    shown, records = b"", RecordReader(channel)
    while isinstance(record := await records.read(to_console), Stdout):
        shown += record.data
    assert isinstance(record, Exit)
    await channel.close()
    return shown, record


def test_exec_on_a_terminal_has_one_and_no_pager_where_only_a_list_permits() -> None:
    async def story(host: Host) -> None:
        argv = [b"/bin/sh", b"-c", b"stty size; echo $TERM $PAGER $LESSSECURE >&2; exit 6"]
        channel = await program.open_on_terminal(host.ann, argv, XTERM, env={b"PAGER": b"sh"})
        shown, ended = await shown_by(channel)
        assert shown == b"30 100\r\nxterm cat 1\r\n"
        assert ended == Exit(6)

    told(story)


def test_exec_on_a_terminal_may_time_out() -> None:
    async def story(host: Host) -> None:
        began = time.monotonic()
        channel = await program.open_on_terminal(host.ann, [b"sleep", b"100"], XTERM, timeout=0.2)
        _, ended = await shown_by(channel)
        assert ended == Exit(None, signal.SIGHUP, timed_out=True)
        assert time.monotonic() - began < 10

    told(story)


def test_what_is_detached_has_no_terminal() -> None:
    wanted = program.ExecRequest([b"true"], tty=XTERM, detach=True)
    with pytest.raises(RemoteProtocolError, match="detached"):
        program.action(msgspec.msgpack.encode(wanted))
