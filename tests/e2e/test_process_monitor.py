"""Real processes: a list and a watch that go on over an agent that dies, and a role's bounds."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from support.rig import Rig, read_line, rig

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at real processes")


@contextlib.contextmanager
def child(mark: str) -> "Iterator[subprocess.Popen[bytes]]":
    with subprocess.Popen(["sh", "-c", f": {mark}; read x; exit 7"], stdin=-1) as process:
        yield process
        process.communicate(b"\n")


def event(watching: "subprocess.Popen[bytes]") -> dict[str, object]:
    assert watching.stdout is not None
    found: dict[str, object] = json.loads(watching.stdout.readline())
    return found


def restarted(made: Rig) -> None:
    assert made.agent_process is not None
    made.agent_process.kill()
    made.agent_process.wait()
    made.start_agent()


def test_a_watch_goes_on_with_an_agent_that_was_restarted() -> None:
    mark = f"guardpost-e2e-{os.getpid()}"
    with rig() as made:
        words = ("watch", "--trust-new", "--json", "--filter", f": {mark}", made.here)
        with made.background(*words) as watching:
            while "the kernel tells" not in (said := read_line(watching)):
                if "once a second" in said:
                    break
            with child(mark) as first:
                assert event(watching)["pid"] == first.pid
            assert event(watching)["event"] == "ended"
            restarted(made)
            missed = event(watching)
            assert missed["event"] == "missed"
            assert "restarted" in str(missed["reason"])
            assert float(str(missed["since"])) <= float(str(missed["time"]))
            with child(mark) as second:
                found = event(watching)
                assert (found["event"], found["pid"]) == ("started", second.pid)


def test_a_line_that_is_pulled_out_is_waited_for_and_nothing_is_missed() -> None:
    mark = f"guardpost-plug-{os.getpid()}"
    with rig() as made:
        words = ("watch", "--trust-new", "--json", "--filter", f": {mark}", made.here)
        listing = ("top", "--trust-new", "--json", "-d", "0.3", made.here)
        with made.background(*words) as watching, made.background(*listing) as top:
            read_line(watching)
            first = event(top)
            with child(mark) as process:
                assert event(watching)["event"] == "started"
                made.control("unplug")
            made.control("plug")
            ended = event(watching)
            assert (ended["event"], ended["pid"]) == ("ended", process.pid)
            for _ in range(3):
                found = event(top)
            assert float(str(found["time"])) > float(str(first["time"]))


def test_a_role_may_look_and_not_touch_and_only_as_long_as_it_may(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"

    def configure(permit: str) -> None:
        config.write_text(f'[roles.web]\npermit = "{permit}"')
        config.chmod(0o600)

    with rig(agent=None) as made:
        configure("monitor")
        made.start_agent("--config", str(config), permit="role=web")
        words = ("--trust-new", "--json", "--filter", str(os.getpid()), made.here)
        with made.background("top", *words) as listing:
            shown = cast(list[dict[str, object]], event(listing)["processes"])
            assert os.getpid() in [each["pid"] for each in shown]
            assert len(shown) < 20
            before = os.getpriority(os.PRIO_PROCESS, os.getpid())
            refused = made.console("nice", str(5 if before != 5 else 6), str(os.getpid()))
            assert refused.returncode == 255
            assert b"admin is not permitted" in refused.stderr
            assert os.getpriority(os.PRIO_PROCESS, os.getpid()) == before
            configure("exec=/bin/true")
            _, said = listing.communicate(timeout=60)
            assert listing.returncode == 255
            assert b"monitor is not permitted" in said
