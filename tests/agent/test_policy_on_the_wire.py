"""A hostile console with an allowed key of low rank opens any channel with any message."""

import asyncio
import random
import socket
import sys
from pathlib import Path

import msgspec
import pytest
from support.besieged import KEY, Registry, besieged
from support.virtual_time import run_virtual

from guardpost.agent.permits import VERBS, Permits
from guardpost.agent.policy import decide
from guardpost.aio.channel import Channel
from guardpost.errors import ResetCode
from guardpost.protocol.messages import Data, Open
from guardpost.services import SERVICES, Asker, Service
from guardpost.services.action import Action
from guardpost.services.records import encode_record

DENIED = ResetCode.NOT_ALLOWED

# --- any action whatever: a service that does what it is asked ---


class Anything:
    """A service for any action, that writes down what it was let do."""

    def __init__(self) -> None:
        self.served: list[Action] = []
        self.askers: list[Asker] = []

    async def serve(self, channel: Channel, request: bytes, asker: Asker) -> None:
        self.served.append(asker.action)
        self.askers.append(asker)
        channel.accept()
        while await channel.read():
            pass

    @staticmethod
    def action(request: bytes) -> Action:
        return msgspec.msgpack.decode(request, type=Action)

    def registry(self) -> Registry:
        return {"any": lambda: Service(self.serve, self.action)}


def ask(action: Action) -> bytes:
    return msgspec.msgpack.encode(action)


PERMITS = [
    *("", "monitor", "exec", "exec=/bin/id,monitor", "shell", "file-read=/srv/in", "file-write"),
    *("forward=127.0.0.1:*", "forward=/run", "listen", "listen=*:80", "admin", "monitor,listen=/"),
]


def some_action(dice: random.Random) -> Action:
    path = dice.choice(
        [b"", b"/srv/in/x", b"/srv/inside", b"/srv/in/../x", b"/run/x", b"x", b"/\0"]
    )
    return Action(
        dice.choice([*VERBS, "sudo", ""]),
        dice.choice(["", "127.0.0.1", "::1", "0.0.0.0", "localhost", "10.0.0.1"]),
        dice.choice([-1, 0, 22, 80, 65536]),
        dice.choice([(), (b"/bin/id",), (b"/bin/sh",), (b"id", b"-u"), (b"/bin/../bin/id",)]),
        path,
        env=dice.choice([(), (b"TERM",), (b"LD_PRELOAD",)]),
    )


def test_what_is_served_is_what_the_policy_allows_at_that_moment(tmp_path: Path) -> None:
    async def story() -> None:
        anything, dice = Anything(), random.Random(5)
        async with besieged(tmp_path, anything.registry()) as (host, console):
            expected = []
            for _ in range(150):
                permit, action = dice.choice(PERMITS), some_action(dice)
                host.allow(permit)
                fine = decide(Permits.parse(permit), action).allowed
                answer = await console.ask("any", ask(action), early=b"do it now")
                assert answer is (None if fine else DENIED), (permit, action)
                expected += [action] if fine else []
            assert anything.served == expected
            assert 10 < len(expected) < 140

    run_virtual(story())


def test_no_message_makes_a_refused_channel_anything_else(tmp_path: Path) -> None:
    async def story() -> None:
        anything = Anything()
        async with besieged(tmp_path, anything.registry()) as (host, console):
            host.allow("monitor")
            request = ask(Action("shell"))
            assert await console.ask("any", request) is DENIED
            # Again with the same number, then data for it as if it had been accepted.
            await console.send(Open(0, "any", len(request)), Data(0, 0, request + b"ls\n"))
            await console.send(Data(0, len(request), b"ls\n"))
            assert anything.served == []

    run_virtual(story())


@pytest.mark.parametrize("request_bytes", [b"", b"\xc1", b"\x80", b"\xff" * 100, b"\x92\x01"])
def test_a_request_that_makes_no_sense_is_refused_and_the_next_is_judged(
    tmp_path: Path, request_bytes: bytes
) -> None:
    async def story() -> None:
        anything = Anything()
        async with besieged(tmp_path, anything.registry()) as (host, console):
            host.allow("monitor")
            assert await console.ask("any", request_bytes) is ResetCode.FAILED
            assert await console.ask("any", ask(Action("monitor"))) is None
            assert await console.ask("\x1b[2J", b"") is ResetCode.UNSUPPORTED
            assert not [each for each in host.audit if not each.isprintable()]

    run_virtual(story())


# --- changes while a session lives ---


def test_a_change_counts_for_the_next_channel_and_ends_none(tmp_path: Path) -> None:
    async def story() -> None:
        anything = Anything()
        shell = ask(Action("shell"))
        async with besieged(tmp_path, anything.registry()) as (host, console):
            host.configure('[roles.web]\npermit = "shell"')
            host.write_keys(f"role=web {KEY}\n")
            assert await console.ask("any", shell) is None
            (asker,) = anything.askers
            assert asker.decide(Action("shell")).allowed
            host.configure('[roles.web]\npermit = "monitor"')
            assert await console.ask("any", shell) is DENIED
            assert not asker.decide(Action("shell")).allowed, "on the old channel, too"
            host.configure("[roles.web")
            assert await console.ask("any", ask(Action("monitor"))) is DENIED
            host.write_keys(f"expiry-time=20300401Z {KEY}\n")
            assert await console.ask("any", shell) is None
            host.now += 86400 * 365
            assert await console.ask("any", shell) is DENIED
            host.write_keys("")
            assert await console.ask("any", shell) is DENIED
            ended = [each for each in host.audit if "event=channel outcome=end" in each]
            assert ended == [], "what ran still runs"

    run_virtual(story())


def test_no_more_channels_than_the_settings_say(tmp_path: Path) -> None:
    async def story() -> None:
        anything = Anything()
        monitor = ask(Action("monitor"))
        async with besieged(tmp_path, anything.registry()) as (host, console):
            host.configure("[limits]\nchannels = 3")
            host.allow("monitor")
            answers = [await console.ask("any", monitor) for _ in range(5)]
            assert answers == [None, None, None, ResetCode.LIMIT, ResetCode.LIMIT]
            await console.send(Data(0, len(monitor), b"", fin=True))
            assert await console.ask("any", monitor) is None

    run_virtual(story())


# --- the audit of all this ---


def test_each_channel_and_each_refusal_is_a_line_and_no_contents_are(tmp_path: Path) -> None:
    async def story() -> None:
        anything = Anything()
        async with besieged(tmp_path, anything.registry()) as (host, console):
            host.allow("monitor")
            request = ask(Action("monitor"))
            await console.ask("any", request, early=b"secret")
            anything.askers[0].note(status=3, key="a lie", seconds=0)
            anything.askers[0].audit(Action("file-read", path=b"/x"), "ok", bytes=5)
            anything.askers[0].decide(Action("admin"))
            await console.send(Data(0, len(request) + 6, b"", fin=True))
            await console.ask("any", ask(Action("exec", argv=(b"/bin/rm", b"a b\x1b"))))
            words = [each.split(" key=")[0].removeprefix("audit=1 ") for each in host.audit]
            assert words == [
                "event=session outcome=begin session=1",
                "event=channel outcome=begin session=1",
                "event=action outcome=ok session=1",
                "event=action outcome=refused session=1",
                "event=channel outcome=end session=1",
                "event=channel outcome=refused session=1",
            ]
            assert "channel=1 action=file-read target=/x bytes=5" in host.audit[2]
            assert 'channel=1 action=admin reason="admin is not permitted"' in host.audit[3]
            assert host.audit[4].endswith("sent=0 received=6 status=3")
            assert "a lie" not in host.audit[4]
            assert r"""action=exec target="/bin/rm 'a b\x1b'" reason=""" in host.audit[5]
            assert "secret" not in "".join(host.audit)

    run_virtual(story())


# --- the real services ---


END_OF_INPUT = encode_record([1])  # of an exec; a tunnel carries it


def requests(folder: Path, port: int) -> dict[str, bytes]:
    """For each service that asks for more than monitor: what would leave a trace."""
    made = str(folder / "made").encode()
    return {
        "tcp": msgspec.msgpack.encode({"host": "127.0.0.1", "port": port}),
        "exec": msgspec.msgpack.encode({"argv": [b"touch", made]}),
        "kill": msgspec.msgpack.encode({"targets": [], "signal": "TERM"}),
    }


@pytest.mark.skipif(sys.platform == "win32", reason="runs POSIX programs")
@pytest.mark.parametrize("permit", ["monitor", "monitor,exec,forward,admin"])
def test_the_real_services_do_nothing_for_a_key_that_may_only_look(
    tmp_path: Path, permit: str
) -> None:
    """With the permits the same requests do it: what is looked for would be seen."""

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            async with besieged(tmp_path, dict(SERVICES)) as (host, console):
                host.allow(permit)
                wanted = requests(tmp_path, server.getsockname()[1])
                expected = DENIED if permit == "monitor" else None
                for service, request in wanted.items():
                    answer = await console.ask(service, request, early=END_OF_INPUT, fin=True)
                    assert answer is expected, service
                assert await console.ask("info", b"\x80") is None
                for _ in range(80):
                    if expected is not None or any(" status=0" in each for each in host.audit):
                        break
                    await asyncio.sleep(0.25)
            assert (tmp_path / "made").exists() == (expected is None)
            if expected is None:
                server.accept()[0].close()
                assert any("action=exec" in each and " status=0" in each for each in host.audit)
                assert any("service=kill" in each and "signal=TERM" in each for each in host.audit)
            else:
                with pytest.raises(BlockingIOError):
                    server.accept()

    asyncio.run(story())


def test_every_service_that_there_is_asks_for_a_verb_that_there_is(tmp_path: Path) -> None:
    """A key without any permit gets none of them, whatever it asks: default deny."""

    async def story() -> None:
        async with besieged(tmp_path, dict(SERVICES)) as (_, console):
            known = requests(tmp_path, 9)
            for service in SERVICES:
                for request in (known.get(service, b"\x80"), b"\x80", b"", b"\xc1", b"\x91\xa0"):
                    answer = await console.ask(service, request)
                    assert answer in (DENIED, ResetCode.BAD_REQUEST), service

    run_virtual(story())
