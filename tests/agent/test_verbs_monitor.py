"""top and nice; ps, kill, run and the figures of the host are in test_prompt.py."""

import os
import subprocess
import sys

import pytest
from support.prompt_stories import logged_in
from support.terminal import Person

from guardpost.agent.prompt_state import PromptState
from guardpost.services.processes import Process


def test_top_shows_screens_until_q() -> None:
    async def story(person: Person) -> None:
        person.host.table = [
            Process(1, name="idle", started=1.0, cpu_seconds=5.0, rss_bytes=10),
            Process(2, name="evil\x1b[2J", started=1.0, cpu_seconds=0.0, rss_bytes=20),
        ]
        person.types(b"top\r")
        await person.until(lambda: b"[idle]" in person.seen)
        assert b"2 processes" in person.seen
        assert b"\x1b" not in person.seen
        person.types(b"q")
        await person.until(lambda: person.prompt.state is PromptState.USER)
        person.types(b"top\r")
        await person.until(lambda: person.seen.count(b"[idle]") == 2)
        person.types(b"\x03")
        await person.until(lambda: person.prompt.state is PromptState.USER)

    logged_in(story)


@pytest.mark.skipif(sys.platform == "win32", reason="priorities of POSIX")
def test_nice_changes_a_real_process() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:

        async def story(person: Person) -> None:
            shown = await person.does(b"nice 7 %d" % process.pid)
            assert b"has the nice value 7" in shown
            assert os.getpriority(os.PRIO_PROCESS, process.pid) == 7
            assert b"usage: nice" in await person.does(b"nice x 1")
            assert b"nice-refused: 20 is no nice value" in await person.does(b"nice 20 1")
            assert b"no-such-process: " in await person.does(b"nice 1 999999999")
            assert b"no-such-process: " in await person.does(b"nice 1 " + b"9" * 30)
            before = os.getpriority(os.PRIO_PROCESS, 0)
            for many in (b"0", b"-1"):  # to the system these are the agent, and everybody
                assert b"nice-refused: " in await person.does(b"nice 7 " + many)
            assert os.getpriority(os.PRIO_PROCESS, 0) == before

        logged_in(story)
        process.kill()
