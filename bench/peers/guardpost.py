"""guardpost: an agent at the far end, one `guardpost forward` with two -L at the near end."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from bench.peers.peer import Peer, Place, Way, tunnels

__all__ = ["GUARDPOST", "PROGRAM", "open_guardpost", "start_agent"]

PROGRAM = (sys.executable, "-m", "guardpost")


def start_agent(place: Place, port: str) -> dict[str, str]:
    """Returns the console's environment."""
    folder = str(place.folder)
    environment = dict(os.environ, XDG_RUNTIME_DIR=folder, XDG_CONFIG_HOME=folder)
    key = subprocess.run([*PROGRAM, "key"], env=environment, capture_output=True, text=True)
    trust = ("--identity", f"{folder}/agent.key", "--allow", key.stdout.strip())
    place.processes.start("far", *PROGRAM, "agent", port, *trust, env=environment)
    return environment


@contextlib.contextmanager
def open_guardpost(place: Place, port: str | None = None) -> Iterator[Way]:
    """`port` is the agent's, where it is not the line's far end itself."""
    environment = start_agent(place, port or place.far)

    def start(bulk: str, key: str) -> None:
        forwards = [
            *("-L", f"127.0.0.1:{bulk}:127.0.0.1:{place.sink_port}"),
            *("-L", f"127.0.0.1:{key}:127.0.0.1:{place.echo_port}"),
        ]
        words = ("forward", "--trust-new", place.near, *forwards)
        place.processes.start("near", *PROGRAM, *words, env=environment)

    yield tunnels(place, start)


GUARDPOST = Peer("guardpost", "**guardpost**, `forward -L` twice", (), open_guardpost)
