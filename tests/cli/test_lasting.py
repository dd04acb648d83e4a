import asyncio
import contextlib
from argparse import Namespace

import pytest

from guardpost.cli import lasting, opening
from guardpost.errors import AgentRestarted, AgentSilent, LineLost, NotAllowed


class Line:
    """A line on which sessions come or do not come, as a story wants it."""

    def __init__(self, *sessions: Exception | None) -> None:
        self.sessions = [*sessions]
        self.worked: list[int] = []
        self.lost: list[str] = []
        self.told: list[str] = []

    @contextlib.asynccontextmanager
    async def connect(self, args, tell=None):
        self.tell = tell
        error = self.sessions.pop(0)
        if error is not None:
            raise error
        yield self

    async def run(self, *ends: Exception | int) -> int:
        results = [*ends]

        async def work(session) -> int:
            self.worked.append(len(self.sessions))
            end = results.pop(0)
            if isinstance(end, Exception):
                raise end
            return end

        return await lasting.keep_on(Namespace(), work, self.lost.append, self.told.append)


@pytest.fixture
def line_with(monkeypatch: pytest.MonkeyPatch):
    def make(*sessions: Exception | None) -> Line:
        line = Line(*sessions)
        monkeypatch.setattr(opening, "connect", line.connect)
        monkeypatch.setattr(lasting, "RETRY_SECONDS", 0.001)
        return line

    return make


def test_it_goes_on_in_a_new_session(line_with) -> None:
    line = line_with(None, AgentSilent("nobody"), AgentSilent("nobody"), None)
    assert asyncio.run(line.run(AgentRestarted("restarted"), 7)) == 7
    assert line.worked == [3, 0]
    assert line.tell == line.told.append
    assert line.lost == [str(AgentRestarted("restarted")), str(AgentSilent("nobody"))]


def test_without_a_first_session_there_is_nothing_to_wait_for(line_with) -> None:
    with pytest.raises(AgentSilent):
        asyncio.run(line_with(AgentSilent("nobody")).run())


def test_a_refusal_is_no_lost_line(line_with) -> None:
    line = line_with(None, None)
    with pytest.raises(NotAllowed):
        asyncio.run(line.run(LineLost("gone"), NotAllowed("no")))
    assert line.lost == [str(LineLost("gone"))]
