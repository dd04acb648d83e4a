"""Real counterparts between the console and the agent: a BMC's simulator and console servers.

Every story is the same: a command, a tunnel, 100 kB both ways through it, intact.
"""

import contextlib
import os
import shlex
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest
from support import bmc
from support.console_servers import conserver, ser2net
from support.rig import Rig, read_line, rig

SIZE = 100_000

Through = Callable[[str], contextlib.AbstractContextManager[str]]


class RoundTrip(threading.Thread):
    """Sends SIZE bytes to an echo and has them back: both ways at once."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.sent = os.urandom(SIZE)
        self.came = b""
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=100)
        self.start()

    def run(self) -> None:
        threading.Thread(target=self._connection.sendall, args=(self.sent,), daemon=True).start()
        with self._connection, contextlib.suppress(OSError):
            while len(self.came) < SIZE and (data := self._connection.recv(65536)):
                self.came += data

    def wait_for(self, size: int) -> None:
        for _ in range(5000):
            if len(self.came) >= size or not self.is_alive():
                break
            self.join(0.02)
        assert len(self.came) >= size, f"only {len(self.came)} bytes came back"


@contextlib.contextmanager
def echo_server() -> Iterator[int]:
    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                connection.sendall(data)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]


@contextlib.contextmanager
def tunnelled(made: Rig) -> Iterator[RoundTrip]:
    """A round trip under way, after a command has worked."""
    done = made.console("exec", "echo", "here")
    assert (done.stdout, done.returncode) == (b"here\n", 0), done.stderr
    with echo_server() as port, made.forward(f"0:127.0.0.1:{port}") as (local,):
        yield RoundTrip(local)


def carries_a_session(through: Through, baud: int = 460800) -> None:
    with rig(baud=baud, through=through) as made, tunnelled(made) as trip:
        trip.wait_for(SIZE)
        assert trip.came == trip.sent


# --- IPMI ---

BMC_SECONDS = 120.0
"""pyghmi gives a session up after some twenty seconds; a busy machine takes longer."""


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUARDPOST_PASSWORD", bmc.PASSWORD)


@contextlib.contextmanager
def behind_a_bmc(device: str, found: list[bmc.SimulatedBmc], how: str) -> Iterator[str]:
    with bmc.simulated_bmc(device) as simulated:
        found.append(simulated)
        if how == "ipmi":
            yield simulated.target
        else:
            yield f"exec:{shlex.join(simulated.ipmitool_argv('sol', 'activate'))}"


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("how", ["ipmi", "ipmitool"])
def test_a_session_through_a_bmc_outlives_the_end_of_serial_over_lan(how: str) -> None:
    found: list[bmc.SimulatedBmc] = []
    with (
        rig(baud=230400, through=lambda device: behind_a_bmc(device, found, how)) as made,
        tunnelled(made) as trip,
    ):
        trip.wait_for(SIZE // 3)
        assert "already" not in found[0].deactivate()
        assert len(trip.came) < SIZE, "it came too late to prove anything"
        trip.wait_for(SIZE)
        assert trip.came == trip.sent


@pytest.mark.usefixtures("password")
def test_a_closed_line_is_given_back_to_the_bmc() -> None:
    found: list[bmc.SimulatedBmc] = []
    with rig(through=lambda device: behind_a_bmc(device, found, "ipmi")) as made:
        assert made.console("exec", "--persist", "0", "true").returncode == 0
        made.run("owner", made.here, "stop")
        assert "already de-activated" in found[0].deactivate()


@pytest.mark.usefixtures("password")
def test_a_line_that_another_console_has_is_busy_until_it_is_taken_over() -> None:
    found: list[bmc.SimulatedBmc] = []
    with rig(through=lambda device: behind_a_bmc(device, found, "ipmi")) as made:
        terminal = subprocess.Popen(
            ["script", "-qfc", shlex.join(found[0].ipmitool_argv("sol", "activate")), os.devnull],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            assert terminal.stdout is not None
            assert b"operational" in terminal.stdout.readline()
            refused = made.console("exec", "--no-owner", "true")
            assert refused.returncode == 255
            assert b"line-busy" in refused.stderr
            assert b"take-over=1" in refused.stderr
            taken = made.run("exec", "--trust-new", f"{made.here}?take-over=1", "echo", "ours")
            assert taken.stdout == b"ours\n", taken.stderr
        finally:
            terminal.kill()
            terminal.communicate()


@pytest.mark.usefixtures("password")
def test_a_bmc_that_restarts_is_waited_for_and_said_so() -> None:
    found: list[bmc.SimulatedBmc] = []
    with rig(through=lambda device: behind_a_bmc(device, found, "ipmi")) as made:
        words = ("exec", "-v", "--trust-new", made.here, "sh", "-c", "echo up; sleep 60")
        with made.background(*words) as command:
            assert command.stdout is not None
            assert command.stdout.readline() == b"up\n"
            found[0].stop()
            said = ""
            while "opening it again" not in said:
                said = read_line(command, BMC_SECONDS)
            while "waiting for the line" not in said:
                said = read_line(command, BMC_SECONDS)
            assert "no BMC answers" in said
            found[0].start()
            while "the line is back" not in said:
                said = read_line(command, BMC_SECONDS)
            assert made.console("exec", "echo", "again").stdout == b"again\n"


def test_a_wrong_password_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUARDPOST_PASSWORD", "not it")
    found: list[bmc.SimulatedBmc] = []
    with rig(agent=None, through=lambda device: behind_a_bmc(device, found, "ipmi")) as made:
        done = made.console("exec", "true")
        assert done.returncode == 255
        assert b"not-allowed" in done.stderr
        assert b"check user and password" in done.stderr


# --- console servers ---


@contextlib.contextmanager
def behind_ser2net(device: str, scheme: str) -> Iterator[str]:
    with ser2net(device) as port:
        yield f"{scheme}:127.0.0.1:{port}"


@pytest.mark.parametrize("scheme", ["rfc2217", "telnet"])
def test_a_session_through_ser2net(scheme: str) -> None:
    carries_a_session(lambda device: behind_ser2net(device, scheme))


@contextlib.contextmanager
def behind_conserver(device: str) -> Iterator[str]:
    with conserver(device) as words:
        yield f"exec:{shlex.join(words)}"


def test_the_speed_that_a_console_server_tells_is_shown() -> None:
    with rig(through=lambda device: behind_ser2net(device, "rfc2217")) as made:
        done = made.console("info")
    assert b"speed     115200 bit/s" in done.stdout, done.stderr


def test_a_session_through_conserver() -> None:
    carries_a_session(behind_conserver)
