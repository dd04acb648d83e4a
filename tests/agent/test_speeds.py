"""The agent agrees on a cable only: not without speeds, nor where it leads to something else."""

import asyncio

from support.cable import BASE, CablePair
from support.memory_line import MemoryLine
from support.speed_port import SpeedPort

from guardpost.agent.speeds import NO_SPEED, PortJudge
from guardpost.aio.stream import ByteStream


class JudgedPair(CablePair):
    """The agent's answer is a PortJudge's."""

    def __init__(self, stream: ByteStream, reason: str = "") -> None:
        super().__init__()
        self.looks = 0
        self._reason = reason
        self.judge = PortJudge(self._look)
        self.judge.opened(stream)

    def _look(self) -> str:
        self.looks += 1
        return self._reason

    def answer(self) -> None:
        self.judge.answer(self.agent.connection.cable, self.now)


def test_a_port_with_speeds_on_a_cable_agrees() -> None:
    pair = JudgedPair(SpeedPort())
    pair.establish()
    pair.raise_speed()
    assert pair.raised()
    assert pair.both_at == 921600
    assert pair.looks == 1


def test_a_port_that_is_no_cable_refuses_and_the_host_is_looked_at_once() -> None:
    pair = JudgedPair(SpeedPort(), "ttyS4 is Intel AMT's Serial-over-LAN, no cable")
    for _ in range(2):
        pair.establish()
        pair.console.events.clear()
        pair.raise_speed()
        assert pair.run(1.0, until=lambda: bool(pair.told()))
        assert pair.told()[0][1].endswith("Intel AMT's Serial-over-LAN, no cable")
        pair.console.connection.association = None
    assert pair.looks == 1


def test_a_line_without_speeds_refuses() -> None:

    async def memory() -> ByteStream:
        return await MemoryLine().open("b")

    pair = JudgedPair(asyncio.run(memory()))
    pair.establish()
    pair.raise_speed()
    assert pair.run(1.0, until=lambda: bool(pair.told()))
    assert pair.told() == [(BASE, f"the agent refuses: {NO_SPEED}")]
    assert pair.looks == 0
