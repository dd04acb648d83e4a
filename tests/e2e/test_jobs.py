"""`exec --detach` and `jobs` with real processes: what goes on when its console has gone."""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from support.rig import Rig, rig

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs POSIX programs")


@pytest.fixture(scope="module")
def line() -> Iterator[Rig]:
    with rig() as made:
        yield made


def detached(line: Rig, script: str, *options: str) -> str:
    done = line.console("exec", "--detach", *options, "--", "sh", "-c", script)
    assert done.returncode == 0, done
    return done.stdout.decode().split()[1]


def listed(line: Rig, job: str) -> dict[str, object]:
    done = line.console("jobs", "--json")
    found = json.loads(done.stdout)
    assert found["schema"] == 1
    (row,) = [each for each in found["jobs"] if each["job"] == int(job)]
    assert isinstance(row, dict)
    return row


def test_a_job_outlives_its_owner_and_its_line(line: Rig) -> None:
    go = line.folder / "go"
    script = f"until [ -e {go} ]; do sleep 0.05; done; seq 2000; echo err >&2; exit 7"
    job = detached(line, script)
    owner = json.loads(line.run("owner", "--json", line.here, "check").stdout)["owner"]
    os.kill(owner["pid"], signal.SIGKILL)
    line.control("unplug")
    line.control("plug")
    assert listed(line, job)["status"] is None
    go.touch()
    done = line.console("jobs", "attach", job)
    everything = "".join(f"{n}\n" for n in range(1, 2001)).encode()
    assert (done.returncode, done.stderr) == (7, b"err\n")
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(everything).digest()
    again = line.console("jobs", "output", job)
    assert (again.returncode, again.stdout) == (0, everything)
    assert listed(line, job)["status"] == 7
    assert line.console("jobs", "forget", job).returncode == 0
    assert b"there is no job" in line.console("jobs", "output", job).stderr


def test_it_is_signalled_by_its_number_and_listed_for_people(line: Rig) -> None:
    job = detached(line, "exec sleep 1000")
    table = line.console("jobs").stdout.decode()
    last = table.splitlines()[-1].split()
    assert [*last[:2], *last[-2:]] == [job, "running", "sleep", "1000"]
    assert line.console("jobs", "kill", job, "USR1").returncode == 0
    assert line.console("jobs", "attach", job).returncode == 128 + signal.SIGUSR1
    assert line.console("jobs", "kill", job).returncode == 255


def test_a_timeout_needs_no_console(line: Rig) -> None:
    job = detached(line, "exec sleep 1000", "--timeout", "0.3")
    assert line.console("jobs", "attach", job).returncode == 124


def test_as_another_user(line: Rig) -> None:
    if os.geteuid() != 0:
        done = line.console("exec", "--user", "daemon", "--", "id")
        assert b"the agent is not root" in done.stderr
        return
    done = line.console("exec", "--user", "daemon", "--cwd", "/", "--", "sh", "-c", "id -un; pwd")
    assert done.stdout == b"daemon\n/\n", done
    unknown = line.console("exec", "--user", "nobody-at-all", "--", "id")
    assert (unknown.returncode, unknown.stderr.count(b"no such user")) == (255, 1)


def test_jobs_end_with_the_agent(line: Rig) -> None:
    job = detached(
        line,
        "trap 'rm -f " + str(line.folder / "alive") + "' EXIT; trap 'exit' TERM;"
        f" touch {line.folder / 'alive'}; while :; do sleep 0.05; done",
    )
    pid = listed(line, job)["pid"]
    assert isinstance(pid, int)
    line.stop_agent()
    assert not os.path.exists(f"/proc/{pid}")
    assert not (line.folder / "alive").exists()
    line.start_agent()
