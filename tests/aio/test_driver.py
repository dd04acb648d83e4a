"""The driver pumps a connection over streams that come and go, under a virtual clock."""

import asyncio

import pytest
from support.hostile import HostileAgent
from support.memory_line import MemoryLine
from support.session import session
from support.speed_port import SpeedPort
from support.virtual_time import run_virtual, until

from guardpost.aio.driver import Driver
from guardpost.errors import ChannelReset, GoAwayCode, LineLost, ResetCode
from guardpost.protocol import events
from guardpost.protocol.messages import Accept, GoAway, Message, Open, Welcome


def test_a_session_comes_about_after_listening() -> None:
    async def story() -> None:
        begun = asyncio.get_running_loop().time()
        async with session():
            assert 0.29 < asyncio.get_running_loop().time() - begun < 0.5

    run_virtual(story())


def test_a_line_that_is_pulled_suspends_and_one_that_is_back_resumes() -> None:
    async def story() -> None:
        async with session() as live:
            here, far = await live.open()
            await live.unplug()
            assert any(isinstance(event, events.SessionSuspended) for event in live.events)
            await here.write(b"written while the line was gone")
            await live.plug()
            assert await far.read() == b"written while the line was gone"
            assert any(isinstance(event, events.SessionResumed) for event in live.events)

    run_virtual(story())


def test_a_line_that_stays_away_loses_its_channels_after_the_grace() -> None:
    async def story() -> None:
        async with session() as live:
            here, _ = await live.open()
            await live.unplug()
            with pytest.raises(ChannelReset) as lost:
                await here.read()
            assert lost.value.code is ResetCode.LOST
            with pytest.raises(LineLost):
                await live.console.open("test", b"")

    run_virtual(story())


def test_a_goodbye_reaches_the_other_end() -> None:
    async def story() -> None:
        async with session() as live:
            _, far = await live.open()
            live.console_connection.close(GoAwayCode.DONE, "enough", live.console.now())
            live.console.wake()
            await live.console.flush(1.0)
            with pytest.raises(ChannelReset) as lost:
                await far.read()
            assert lost.value.code is ResetCode.LOST

    run_virtual(story())


def test_a_line_that_takes_nothing_does_not_spin() -> None:
    """What wants to be sent waits for the line; timers go on in their own time."""

    async def story() -> None:
        async with session() as live:
            here, far = await live.open()
            live.line.stuck = "a"
            writing = asyncio.create_task(here.write(bytes(200_000)))
            await asyncio.sleep(2)
            assert not writing.done()
            live.line.unstick()
            live.line.stuck = ""
            received = 0
            while received < 200_000:
                received += len(await far.read())
            await writing

    run_virtual(story())


def test_a_cancelled_open_is_reset_over_there() -> None:
    async def story() -> None:
        async with session() as live:
            opening = asyncio.create_task(live.console.open("test", b"nobody answers"))
            far, service, request = await live.served.get()
            assert (service, request) == ("test", b"nobody answers")
            opening.cancel()
            with pytest.raises(ChannelReset) as reset:
                await far.wait_reset()
            assert reset.value.code is ResetCode.CANCELLED

    run_virtual(story())


def test_a_line_that_takes_nothing_does_not_stop_the_clock() -> None:
    async def story() -> None:
        async with session() as live:
            here, _ = await live.open()
            await asyncio.sleep(600)  # nothing is due for a while
            live.line.stuck = "a"
            await here.write(b"goes nowhere")
            await asyncio.sleep(15)
            assert any(isinstance(event, events.SessionSuspended) for event in live.events)
            live.line.unstick()

    run_virtual(story())


def test_what_came_for_a_refused_channel_leaves_nothing_behind() -> None:
    async def story() -> None:
        async with session() as live:
            live.agent._on_channel = lambda channel, service, request: channel.reset(
                ResetCode.NOT_ALLOWED
            )
            for _ in range(5):
                channel = live.console_connection.open_channel(
                    "test", b"request", live.console.now()
                )
                live.console_connection.write_channel(channel, b"data", live.console.now())
                live.console.wake()
                await asyncio.sleep(0.2)
            assert live.agent._channels == {}
            assert live.console._channels == {}

    run_virtual(story())


def test_a_callback_that_raises_in_a_timer_does_not_stop_the_next() -> None:
    async def story() -> None:
        async with session() as live:
            here, _ = await live.open()
            complaints: list[object] = []
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(context))

            def fail_once(event: events.Event) -> None:
                live.console._on_event = live.events.append
                raise RuntimeError(event)

            live.console._on_event = fail_once
            live.line.stuck = "b"
            await here.write(b"nobody acks")
            with pytest.raises(ChannelReset) as lost:
                await here.read()
            assert lost.value.code is ResetCode.LOST
            assert complaints
            live.line.unstick()

    run_virtual(story())


def test_who_writes_after_the_goodbye_hears_that_the_session_is_lost() -> None:
    async def story() -> None:
        async with session() as live:
            here, _ = await live.open()
            live.console_connection.close(GoAwayCode.DONE, "enough", live.console.now())
            with pytest.raises(ChannelReset) as lost:
                await here.write(b"too late")
            assert lost.value.code is ResetCode.LOST
            here.reset(ResetCode.CANCELLED)
            await here.close()

    run_virtual(story())


def test_both_ports_are_given_the_speed_that_the_ends_agree_on() -> None:
    async def story() -> None:
        ports = {"a": SpeedPort(), "b": SpeedPort(speeds=(460800,))}
        async with session(ports) as live:
            live.console_connection.cable.offer(115200, (921600, 460800), live.console.now())
            live.console.wake()
            await until(lambda: ports["a"].speed == ports["b"].speed == 460800, 2)
            await asyncio.sleep(60)
            assert ports["a"].speed == ports["b"].speed == 460800
            live.console_connection.close(GoAwayCode.DONE, "", live.console.now())
            live.console.wake()
            await until(lambda: ports["a"].speed == ports["b"].speed == 115200, 1)

    run_virtual(story())


def test_a_port_is_at_its_base_speed_within_a_second_though_its_writer_is_stuck() -> None:
    async def story() -> None:
        ports = {"a": SpeedPort(), "b": SpeedPort()}
        async with session(ports) as live:
            here, _ = await live.open()
            live.console_connection.cable.offer(115200, (921600,), live.console.now())
            live.console.wake()
            await until(lambda: live.console_connection.cable.raised == 921600, 2)
            live.line.stuck = "a"
            writing = asyncio.create_task(here.write(bytes(200_000)))
            await asyncio.sleep(1)
            assert ports["a"].speed == ports["b"].speed == 115200
            writing.cancel()
            live.line.unstick()

    run_virtual(story())


@pytest.mark.parametrize(
    "end", [Accept(0, 0), GoAway(GoAwayCode.SHUTTING_DOWN, "bye")], ids=["violation", "goodbye"]
)
def test_a_channel_and_the_end_of_the_session_in_one_packet(end: Message) -> None:
    """An agent opens what no console serves, and the session is over with the same packet."""

    async def story() -> None:
        peer = HostileAgent(now=asyncio.get_running_loop().time())
        peer.enter()
        peer.send(Welcome(b"\x80"))
        line = MemoryLine()
        told: list[events.Event] = []
        driver = Driver(peer.victim.connection, told.append)
        pumping = asyncio.ensure_future(driver.run(await line.open("a")))
        far = await line.open("b")
        await asyncio.sleep(0.1)
        await far.write(peer.packet(Open(1, "test", 0).encode() + end.encode()))
        await asyncio.sleep(0.1)
        assert not pumping.done(), pumping.exception()
        assert [each for each in told if isinstance(each, events.SessionEnded)]
        line.unplug()
        await asyncio.wait([pumping])
        driver.stop()

    run_virtual(story())
