"""Who gets a service, in what words the others are refused, and what ends with the guest."""

import asyncio
import logging
from pathlib import Path

import msgspec
import pytest
from support.channels import MemoryChannel, channel_pair

from guardpost.agent.audit import Audit
from guardpost.agent.authorized import AuthorizedConsoles
from guardpost.agent.reception import Reception
from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, ResetCode
from guardpost.identity import public_key_text
from guardpost.services import SERVICES, Asker, Service
from guardpost.services.action import Action
from guardpost.services.introductions import operator
from guardpost.services.tunnel import TcpRequest

KEY = bytes(range(32))


def reception(file: Path, permit: str = "monitor") -> Reception:
    file.write_text(f'permit="{permit}" {public_key_text(KEY)}\n')
    return Reception(AuthorizedConsoles([str(file)]), "9.9", SERVICES)


async def refused(desk: Reception, service: str, request: bytes) -> ChannelReset:
    console, agent = channel_pair()
    desk.receive(agent, service, request)
    with pytest.raises(ChannelReset) as refusal:
        await console.wait_reset()
    return refusal.value


def test_every_service_of_the_table_can_judge_a_request(tmp_path: Path) -> None:
    programs = {
        *("exec", "shell", "jobs", "job", "ps", "top", "watch", "kill", "nice", "info"),
    }
    network = {"tcp", "unix", "udp", "listen", "accept"}
    assert set(SERVICES) == network | programs | {"get", "put"}
    for make in SERVICES.values():
        assert make() is not None


def test_refusals_say_what_is_wrong(tmp_path: Path) -> None:
    async def story() -> None:
        desk = reception(tmp_path / "keys", "monitor,forward=127.0.0.1:80")
        desk.enter(KEY, operator("ann"))
        there = msgspec.msgpack.encode(TcpRequest("10.0.0.1", 80))
        assert (await refused(desk, "tcp", there)).code is ResetCode.NOT_ALLOWED
        assert (await refused(desk, "tcp", b"\xc1")).code is ResetCode.BAD_REQUEST
        assert (await refused(desk, "exec", b"")).code is ResetCode.BAD_REQUEST
        assert (await refused(desk, "kill", b"\x80")).code is ResetCode.NOT_ALLOWED
        assert (await refused(desk, "sh\x1b[2Jell", b"")).code is ResetCode.UNSUPPORTED
        (tmp_path / "keys").unlink()
        assert (await refused(desk, "info", b"\x80")).code is ResetCode.NOT_ALLOWED

    asyncio.run(story())


def test_words_out_of_order_are_the_consoles_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not a failure of the agent's, with which a console could fill its log."""

    async def story() -> None:
        desk = reception(tmp_path / "keys")
        desk.enter(KEY, b"")
        console, agent = channel_pair()
        desk.receive(agent, "top", b"\x80")
        await console.write(b"\xff\xff\xff\xff")
        with pytest.raises(ChannelReset) as refusal:
            await console.wait_reset()
        assert refusal.value.code is ResetCode.PROTOCOL
        desk.leave("done")
        await desk.wait_closed()

    asyncio.run(story())
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


def test_a_real_service_answers_who_may_have_it(tmp_path: Path) -> None:
    async def story() -> None:
        desk = reception(tmp_path / "keys")
        desk.enter(KEY, b"")
        console, agent = channel_pair()
        desk.receive(agent, "info", b"\x80")
        assert b"agent_version" in await console.read()
        desk.leave("done")
        await desk.wait_closed()

    asyncio.run(story())


def test_a_malformed_line_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    desk = reception(tmp_path / "keys")
    (tmp_path / "keys").write_text("nonsense\x1b[2J\n")
    assert not desk.may_enter(KEY, b"")
    assert not desk.may_enter(KEY, b"")
    warnings = [each for each in caplog.messages if "skipped" in each]
    assert len(warnings) == 1
    assert "\x1b" not in caplog.text


def test_what_a_guest_ran_ends_with_the_session(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ended = []

    async def forever(channel: Channel, request: bytes, asker: Asker) -> None:
        try:
            await asyncio.sleep(1e6)
        finally:
            ended.append(asker.user)

    async def story() -> None:
        desk = Reception(
            AuthorizedConsoles([public_key_text(KEY)]),
            "9.9",
            {"forever": lambda: Service(forever, lambda request: Action("monitor"))},
        )
        desk.enter(KEY, operator("ann"))
        agent: MemoryChannel = channel_pair()[1]
        desk.receive(agent, "forever", b"")
        await asyncio.sleep(0)
        desk.leave("lost: the line")
        await desk.wait_closed()
        desk.receive(agent, "forever", b"")  # nobody's
        assert ended == ["ann"]

    asyncio.run(story())
    assert "event=session outcome=end" in caplog.text
    assert "event=channel outcome=reset" in caplog.text


def test_what_a_service_considers_is_no_refusal(tmp_path: Path) -> None:
    """Nobody asked for it: a list that leaves out what is not the key's own, say."""
    lines: list[str] = []
    answers: list[bool] = []

    async def serve(channel: Channel, request: bytes, asker: Asker) -> None:
        channel.accept()
        answers.append(asker.consider(Action("admin")).allowed)
        answers.append(asker.consider(Action("monitor")).allowed)
        assert not any("refused" in line for line in lines)
        answers.append(asker.decide(Action("admin")).allowed)

    async def story() -> None:
        keys = tmp_path / "keys"
        keys.write_text(f'permit="monitor" {public_key_text(KEY)}\n')
        audit = Audit({"list": lambda line, grave: lines.append(line)})
        services = {"any": lambda: Service(serve, lambda request: Action("monitor"))}
        desk = Reception(AuthorizedConsoles([str(keys)]), "9.9", services, audit=audit)
        desk.enter(KEY, operator("ann"))
        console, agent = channel_pair()
        desk.receive(agent, "any", b"")
        assert await console.read() == b""

    asyncio.run(story())
    assert answers == [False, True, False]
    assert len([line for line in lines if "outcome=refused" in line]) == 1
