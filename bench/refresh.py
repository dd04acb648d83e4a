"""What one refresh of `guardpost top` costs the line and the host: 200 processes, quiet host.

python -m bench.refresh           (root, Linux: it makes a process namespace of its own, so that
                                  the processes of this machine do not count)
python -m bench.refresh --beside  keystrokes through a tunnel while a list is refreshed
"""

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.memory_line import MemoryLine
from support.rig import rig
from support.session import session

from bench.ends import connected, echo, press, server
from bench.table import percentile
from guardpost.services import top
from guardpost.services.table_delta import Table

PROCESSES = 200
ACTIVE = 10
"""Of them, as many do 20 ms of work every second, as the daemons of a quiet host do."""
REFRESHES = 40
SECONDS = 1.0
WORK = """
import time
while True:
    end = time.process_time() + 0.02
    while time.process_time() < end:
        pass
    time.sleep(1)
"""


def beside(baud: int) -> None:
    """Keystrokes there and back: alone, and while `top` asks as often as it may."""
    with (
        rig(baud=baud) as made,
        server(echo) as port,
        made.forward(f"0:127.0.0.1:{port}") as (local,),
        connected(local) as person,
    ):
        press(person, 2)
        alone = press(person, 12)
        with made.background("top", "--trust-new", made.here, "--json", "-d", "0.5") as listing:
            threading.Thread(target=listing.stdout.read, daemon=True).start()  # type: ignore[union-attr]
            press(person, 12)  # the first table
            during = press(person, 20)
    for name, times in (("alone", alone), ("beside top", during)):
        shown = f"{percentile(times, 0.5):.0f} / {percentile(times, 0.95):.0f} ms"
        print(f"{baud} baud, {name}: p50 / p95 {shown}, most {max(times):.0f} ms")


def main() -> None:
    if "--beside" in sys.argv:
        beside(115200)
        beside(9600)
        return
    if "--inside" not in sys.argv:
        command = [sys.executable, "-m", "bench.refresh", "--inside"]
        subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", *command], check=True)
        return
    idle = [subprocess.Popen(["sleep", "1000"]) for _ in range(PROCESSES - ACTIVE)]
    active = [subprocess.Popen([sys.executable, "-c", WORK]) for _ in range(ACTIVE)]
    try:
        time.sleep(2.0)
        asyncio.run(wire())
        reading()
    finally:
        for each in (*idle, *active):
            each.kill()


async def wire() -> None:
    """Bytes on the line, both ways, everything sealed and framed."""
    line = MemoryLine()
    async with session(line=line) as made:
        opening = asyncio.create_task(top.Follower.open(_Opener(made.console)))
        channel, _, request = await made.served.get()
        serving = asyncio.create_task(top.serve(channel, request))
        follower = await opening
        sizes: list[float] = []
        parts: list[float] = []
        for _ in range(REFRESHES + 2):
            before = dict(line.written)
            await follower.refresh()
            await asyncio.sleep(SECONDS)
            parts.append(line.written["b"] - before["b"])
            sizes.append(sum(line.written.values()) - sum(before.values()))
        await follower.close()
        serving.cancel()
    print(f"{len(follower.table.rows)} processes; the first table: {sizes[0]} bytes on the line")
    print(
        f"a refresh, both ways with its acknowledgements: median {percentile(sizes[2:], 0.5)}, "
        f"p95 {percentile(sizes[2:], 0.95)}, most {max(sizes[2:])} bytes; "
        f"of the agent alone: median {percentile(parts[2:], 0.5)}"
    )


class _Opener:
    def __init__(self, console: object) -> None:
        self.open = console.open  # type: ignore[attr-defined]


def reading() -> None:
    """Processor time of the agent for one refresh: reading, differences, msgpack."""
    from guardpost.services.records import encode_record

    read, table = top.host_reader(), Table()
    list(table.deltas(*read(), 0))
    before = time.process_time()
    rounds = 50
    for _ in range(rounds):
        for each in table.deltas(*read(), 100):
            encode_record(each)
    spent = (time.process_time() - before) / rounds
    print(f"the agent's processor time for a refresh: {spent * 1e3:.1f} ms")
    print(f"resident: {_resident() / 1e6:.1f} MB (this bench, not the agent)")


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
