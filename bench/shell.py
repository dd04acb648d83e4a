"""Keystrokes in a shell on a line at 115200: idle, beside bulk, and Ctrl-C in a flood.

A real `guardpost shell` in a pty, with the host's shell echoing through readline or the kernel.

python -m bench.shell
"""

import contextlib
import os
import pty
import random
import select
import subprocess
import time
import tty
from collections.abc import Iterator

from support.rig import Rig, rig

from bench.ends import Sink, connected, send, server
from bench.table import Row, percentile
from bench.transfer import Transfer

__all__ = ["ROWS"]

BULK_BYTES = 300_000
LINE_BYTES_PER_SECOND = 11520
PATIENCE_SECONDS = 30.0
KEYS_OF_A_LINE = 40
COMMAND = "python -m bench.shell"


class Keys:
    """A person's terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def types(self, data: bytes) -> None:
        os.write(self._descriptor, data)

    def hears(self, seconds: float = PATIENCE_SECONDS) -> bytes:
        """What comes next; b"" when nothing does."""
        ready = select.select([self._descriptor], [], [], seconds)[0]
        return os.read(self._descriptor, 65536) if ready else b""

    def waits_for(self, text: bytes) -> None:
        heard = b""
        while text not in heard:
            piece = self.hears()
            assert piece, f"no {text!r}, only {heard[-300:]!r}"
            heard = heard[-1000:] + piece

    def press(self, seconds: float) -> list[float]:
        """Milliseconds from each key to its echo; the pauses differ."""
        times: list[float] = []
        chance = random.Random(1)
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if len(times) % KEYS_OF_A_LINE == KEYS_OF_A_LINE - 1:
                self.types(b"\x15")
                while self.hears(0.3):
                    pass
            pressed = time.monotonic()
            self.types(b"k")
            self.waits_for(b"k")
            times.append(1000 * (time.monotonic() - pressed))
            time.sleep(chance.uniform(0.03, 0.13))
        return times


@contextlib.contextmanager
def _shell(made: Rig) -> Iterator[Keys]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    process = subprocess.Popen(
        made.argv("shell", "--trust-new", made.here),
        env={**made.environment, "TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(slave)
    keys = Keys(master)
    try:
        keys.types(b"PS1=; PROMPT_COMMAND=; echo re''ady\r")
        keys.waits_for(b"ready\r\n")
        yield keys
    finally:
        process.terminate()
        process.wait()
        os.close(master)


def shell() -> list[Row]:
    sink = Sink()
    with (
        rig(baud=115200) as made,
        server(sink) as port,
        made.forward(f"0:127.0.0.1:{port}") as (to_sink,),
        _shell(made) as keys,
    ):
        idle = keys.press(4)
        sink.transfer = Transfer(os.urandom(BULK_BYTES))
        send(connected(to_sink), sink.transfer.data)
        sink.transfer.wait_first(10)
        keys.press(1)
        busy = keys.press(20)
        outcome = sink.transfer.wait(seconds=60, patience=10)
        assert outcome.intact, str(outcome)
        share = 100 * outcome.bytes_per_second / LINE_BYTES_PER_SECOND
        floods = [_interrupted(keys, flood) for flood in (b"yes", b"base64 /dev/urandom")]
    p50, p95 = percentile(busy, 0.5), percentile(busy, 0.95)
    return [
        Row(
            "keystroke in a shell on an idle line, p50 / p95",
            f"{percentile(idle, 0.5):.0f} / {percentile(idle, 0.95):.0f} ms",
            "",
            None,
            COMMAND,
        ),
        Row(
            "keystroke in a shell under bulk at 115200, p50 / p95, and the bulk's goodput",
            f"{p50:.0f} / {p95:.0f} ms at {share:.1f} %",
            "<= 50 / 80 ms",
            p50 <= 50 and p95 <= 80,
            COMMAND,
        ),
        Row(
            "Ctrl-C to the next prompt in a flood: `yes`, `base64 /dev/urandom`",
            " / ".join(f"{each:.2f} s" for each in floods),
            "<= 1 s",
            max(floods) <= 1,
            COMMAND,
        ),
    ]


def _interrupted(keys: Keys, flood: bytes) -> float:
    """The median of three, in seconds."""
    times = []
    for _ in range(3):
        keys.types(b"\x15" + flood + b"\r")
        began = time.monotonic()
        while time.monotonic() - began < 2:
            keys.hears()
        pressed = time.monotonic()
        keys.types(b"\x03")
        keys.waits_for(b"^C")
        times.append(time.monotonic() - pressed)
        time.sleep(0.5)
    return sorted(times)[1]


ROWS = {"": shell}


def main() -> None:
    from bench.table import markdown

    print(markdown(shell()), flush=True)


if __name__ == "__main__":
    main()
