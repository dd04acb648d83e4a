"""What the processes at a line cost: processor time and memory, from /proc (Linux)."""

import json
from dataclasses import dataclass
from pathlib import Path

from support.rig import Rig

__all__ = ["Memory", "cpu_seconds", "memory", "pids"]

_NANOSECOND = 1e-9


@dataclass(frozen=True)
class Memory:
    """In bytes. `proportional` counts a page that n processes share as 1/n of one."""

    resident: int
    proportional: int
    private: int


def cpu_seconds(pid: int) -> float:
    """Time on a processor so far, of all threads, user and kernel.

    From schedstat, which counts nanoseconds; `stat` counts ticks of 10 ms, most of which an
    idle process never meets. Raises FileNotFoundError when there is no such process.
    """
    tasks = list(Path(f"/proc/{pid}/task").iterdir())  # raises when the process has ended
    counted = ((task / "schedstat").read_text() for task in tasks)
    return sum(int(counts.split()[0]) for counts in counted) * _NANOSECOND


def memory(pid: int) -> Memory:
    """Of one process, now."""
    fields: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":")
        fields[name] = int(value.split()[0]) * 1024
    private = fields["Private_Clean"] + fields["Private_Dirty"]
    return Memory(fields["Rss"], fields["Pss"], private)


def pids(made: Rig) -> dict[str, int]:
    """The agent, the owner of the rig's line and the command that uses it."""
    owner = json.loads(made.run("owner", made.here, "check", "--json").stdout)["owner"]
    assert made.agent_process is not None
    return {"agent": made.agent_process.pid, "owner": owner["pid"], "command": owner["users"][0]}
