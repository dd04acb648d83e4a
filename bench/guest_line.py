"""guardpost through the emulated UART of a virtual machine, beside the raw bytes of the same rig.

QEMU does not pace by baud. So a simulated line of 115200 is what its UART is wired to; "unlimited"
is QEMU's socket, and no line at all between the emulated UART and the console. Raw bytes and
sessions take turns in each round, so that what else the machine does meets both.

python -m bench.guest_line goodput|keystroke|return|probe
"""

import contextlib
import hashlib
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

from support.guest import Guest, guest
from support.guest_agent import agent, start_agent
from support.operator import Operator, operator
from support.ptyline import pty_line
from support.rig import read_line

from bench.ends import connected, press, send
from bench.guest_end import ECHO_PORT, SINK_PORT, SOURCE_PORT, bytes_to_send
from bench.table import Row, percentile
from bench.transfer import Transfer

__all__ = ["ROWS"]

COMMAND = "python -m bench.guest_line"
BAUD = 115200
BULK_BYTES = {True: 60_000, False: 400_000}
"""Five seconds at 115200; without a line as long as it takes."""

ROUNDS = 3
AWAY_SECONDS = 8.0
PROBES = 5
DOWN = "host to console"
UP = "console to host"
UARTS = {"ISA": "isa-serial,index=1", "PCI": "pci-serial"}
PORT = "/dev/ttyS1"
END = {"root/end.py": (Path(__file__).parent / "guest_end.py").read_bytes()}
IDENTITY = ("--identity", "/root/identity.key")


class Rig:
    """A guest, somebody at the console, and the target between them."""

    def __init__(self, machine: Guest, who: Operator, target: str) -> None:
        self.machine = machine
        self.who = who
        self.target = target

    def serve(self) -> None:
        self.machine.check("python3 /root/end.py serve > /root/serving 2>&1 &")
        self.machine.wait_for("grep serving /root/serving")

    @contextlib.contextmanager
    def forward(self, *ports: int) -> Iterator[list[int]]:
        words = [word for port in ports for word in ("-L", f"127.0.0.1:0:127.0.0.1:{port}")]
        with self.who.background("forward", "--trust-new", self.target, *words) as process:
            yield [_port(read_line(process)) for _ in ports]
        self.who.run("owner", self.target, "stop")


def _port(line: str) -> int:
    return int(line.split(" to ")[0].rsplit(":", 1)[1])


@contextlib.contextmanager
def _rig(uart: str, *, paced: bool) -> Iterator[Rig]:
    with contextlib.ExitStack() as stack:
        who = stack.enter_context(operator())
        if paced:
            here, there, _ = stack.enter_context(pty_line(baud=BAUD))
            wired = ["-chardev", f"serial,id=line,path={there}"]
            wired += ["-device", f"{UARTS[uart]},chardev=line"]
            machine = stack.enter_context(guest({}, options=wired, files=END))
            made = Rig(machine, who, here)
        else:
            machine = stack.enter_context(guest({"line": UARTS[uart]}, files=END))
            made = Rig(machine, who, machine.target("line"))
        made.serve()
        yield made


# --- goodput ---


def goodput() -> list[Row]:
    rows = []
    for paced in (True, False):
        for uart in UARTS:
            with _rig(uart, paced=paced) as made:
                rates = [_round(made, BULK_BYTES[paced]) for _ in range(ROUNDS)]
            for name, raw, sealed in ((UP, 0, 2), (DOWN, 1, 3)):
                share = 100 * statistics.median(each[sealed] / each[raw] for each in rates)
                kilo = [statistics.median(each[n] for each in rates) / 1000 for n in (sealed, raw)]
                rows.append(
                    Row(
                        f"bulk through QEMU's {uart} UART, "
                        f"{f'{BAUD} bit/s' if paced else 'no line'}, {name}",
                        f"{kilo[0]:.1f} of {kilo[1]:.1f} kB/s raw: {share:.1f} %",
                        ">= 90 % of raw",
                        share >= 90,
                        f"{COMMAND} goodput",
                    )
                )
    return rows


def _round(made: Rig, size: int) -> tuple[float, float, float, float]:
    """Bytes a second: raw up, raw down, the session's up, its down."""
    raw_up, raw_down = _raw_up(made, size), _raw_down(made, size)
    with (
        agent(made.machine, made.who, *IDENTITY),
        made.forward(SINK_PORT, SOURCE_PORT) as (to_sink, to_source),
    ):
        return raw_up, raw_down, _up(to_sink, size), _down(to_source, size)


def _raw_up(made: Rig, size: int) -> float:
    command = f"python3 /root/end.py read {PORT} {size} > /root/read 2> /root/ready &"
    made.machine.check(command)
    made.machine.wait_for("grep ready /root/ready")
    data = os.urandom(size)
    with _opened(made.target) as line:
        _write_all(line, data)
        made.machine.wait_for("grep . /root/read", 120)
    return _told(made.machine.check("cat /root/read"), data)


def _raw_down(made: Rig, size: int) -> float:
    transfer = Transfer(bytes_to_send(size))
    with _opened(made.target) as line:
        made.machine.check(f"python3 /root/end.py write {PORT} {size} > /dev/null 2>&1 &")
        while not transfer.complete:
            transfer.arrived(os.read(line, 65536))
    return _rate(transfer)


@contextlib.contextmanager
def _opened(target: str) -> Iterator[int]:
    """The console's end without guardpost: a descriptor."""
    if target.startswith("unix:"):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(target.removeprefix("unix:"))
            yield line.fileno()
        return
    line_fd = os.open(target, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(line_fd)
        yield line_fd
    finally:
        os.close(line_fd)


def _write_all(line: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(line, left) :]


def _up(port: int, size: int) -> float:
    data = os.urandom(size)
    with connected(port) as connection:
        threading.Thread(target=_send_to_end, args=(connection, data), daemon=True).start()
        return _told(connection.makefile().readline(), data)


def _send_to_end(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def _told(said: str, data: bytes) -> float:
    """Bytes a second, by what the guest's sink says."""
    size, seconds, digest = said.split()
    if digest != hashlib.sha256(data).hexdigest():
        raise AssertionError("the bytes are not intact")
    return int(size) / float(seconds)


def _down(port: int, size: int) -> float:
    transfer = Transfer(bytes_to_send(size))
    with connected(port) as connection:
        connection.sendall(b"%d\n" % size)
        while not transfer.complete and (data := connection.recv(65536)):
            transfer.arrived(data)
    return _rate(transfer)


def _rate(transfer: Transfer) -> float:
    outcome = transfer.wait(seconds=120, patience=30)
    if not outcome.intact:
        raise AssertionError(f"not intact: {outcome}")
    return outcome.bytes_per_second


# --- keystrokes ---


def keystroke() -> list[Row]:
    rows = []
    for uart in UARTS:
        with (
            _rig(uart, paced=True) as made,
            agent(made.machine, made.who, *IDENTITY),
            made.forward(SINK_PORT, ECHO_PORT, SOURCE_PORT) as (to_sink, to_echo, to_source),
            connected(to_echo) as key,
        ):
            idle = press(key, 3)
            send(connected(to_sink), os.urandom(200_000))
            press(key, 2)
            up = press(key, 10)
            time.sleep(8)
            with connected(to_source) as source:
                source.sendall(b"200000\n")
                threading.Thread(target=_drain, args=(source,), daemon=True).start()
                press(key, 2)
                down = press(key, 10)
        rows += [
            Row(
                f"keystroke through QEMU's {uart} UART, {BAUD} bit/s, p50 / p95, {what}",
                f"{percentile(times, 0.5):.0f} / {percentile(times, 0.95):.0f} ms",
                "",
                None,
                f"{COMMAND} keystroke",
            )
            for what, times in (("idle", idle), (f"bulk {UP}", up), (f"bulk {DOWN}", down))
        ]
    return rows


def _drain(source: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while source.recv(65536):
            pass


# --- the line is back ---


class Relay:
    """A unix socket in front of the guest's; `cut` closes both ends, `mend` takes a peer again."""

    def __init__(self, place: str, behind: str) -> None:
        self.place, self._behind = place, behind
        self._ends: list[socket.socket] = []
        self._listener: socket.socket | None = None

    def mend(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.place)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.place)
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._behind)
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_copy, args=(one, other), daemon=True).start()

    def cut(self) -> None:
        assert self._listener is not None
        for each in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._ends.clear()
        os.unlink(self.place)


def _copy(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for each in (one, other):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def line_returns() -> list[Row]:
    """From "line is back" to the first byte that goes there and back."""
    with _rig("PCI", paced=False) as made, tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/line"
        relay = Relay(place, made.machine.far_end("line"))
        relay.mend()
        made.target = f"unix:{place}"
        start_agent(made.machine, made.who, *IDENTITY)
        with made.forward(ECHO_PORT) as (local,):
            with connected(local) as key:
                press(key, 2)
                relay.cut()
                time.sleep(AWAY_SECONDS)
                relay.mend()
                reopened = _until(lambda: _answers(key))
            rebooted = _reboot(made, local)
        made.who.run("owner", made.target, "stop")
    return [
        Row(f"through QEMU: {what}", f"{seconds:.2f} s", "<= 3 s", seconds <= 3, command)
        for command in [f"{COMMAND} return"]
        for what, seconds in (
            (f"its socket away for {AWAY_SECONDS:.0f} s; from its return until it works", reopened),
            ("host rebooted; from the agent's first word until a new session works", rebooted),
        )
    ]


def _reboot(made: Rig, local: int) -> float:
    identity = made.machine.check("cat /root/identity.key")
    made.machine.reset()
    for line in identity.splitlines():
        made.machine.check(f"umask 077; echo '{line}' >> /root/identity.key")
    made.serve()
    start_agent(made.machine, made.who, *IDENTITY)

    def works() -> bool:
        with connected(local) as key:
            return _answers(key, 10.0)

    return _until(works)


def _answers(key: socket.socket, patience: float = 60.0) -> bool:
    return bool(press(key, 0, patience=patience))


def _until(works: Callable[[], bool]) -> float:
    """Seconds, of at most 90."""
    begun = time.monotonic()
    while not works():
        if time.monotonic() - begun > 90:
            raise AssertionError("no session came back")
        time.sleep(0.1)
    return time.monotonic() - begun


# --- probing ---


def probe() -> list[Row]:
    """Two lines of 115200 into one guest: one is clean, the other eats XON and XOFF."""
    times: dict[str, list[float]] = {"clean": [], "eats": []}
    with (
        operator() as who,
        pty_line(baud=BAUD) as (clean, clean_there, _),
        pty_line("--eat", "11,13", baud=BAUD) as (eats, eats_there, _),
    ):
        targets = {"clean": clean, "eats": eats}
        wired = ["-chardev", f"serial,id=clean,path={clean_there}"]
        wired += ["-device", f"{UARTS['ISA']},chardev=clean"]
        wired += ["-chardev", f"serial,id=eats,path={eats_there}"]
        wired += ["-device", f"{UARTS['PCI']},chardev=eats"]
        with guest({}, options=wired) as machine:
            for port in ("ttyS1", "ttyS2"):
                words = f"guardpost agent /dev/{port} --ephemeral --allow {who.key}"
                machine.check(f"{words} > /root/{port} 2>&1 &")
                machine.wait_for(f"grep words /root/{port}")
            for _ in range(PROBES):
                for name, target in targets.items():
                    times[name].append(_session(who, target))
    clean_s, eats_s = (statistics.median(times[name]) for name in ("clean", "eats"))
    return [
        Row(
            f"probing a path that eats XON and XOFF, QEMU's UART, {BAUD} bit/s",
            f"{eats_s - clean_s:.2f} s more than the {clean_s:.2f} s of `exec true` on a clean one",
            "<= 1 s",
            eats_s - clean_s <= 1,
            f"{COMMAND} probe",
        )
    ]


def _session(who: Operator, target: str) -> float:
    """Seconds of a command with a session of its own."""
    begun = time.monotonic()
    done = who.run("exec", "--no-owner", "--trust-new", target, "--", "true")
    if done.returncode:
        raise AssertionError(done.stderr.decode())
    return time.monotonic() - begun


ROWS = {"goodput": goodput, "keystroke": keystroke, "return": line_returns, "probe": probe}


def main() -> None:
    from bench.table import markdown

    for name in sys.argv[1:] or ROWS:
        print(markdown(ROWS[name]()), flush=True)


if __name__ == "__main__":
    main()
