"""A BMC of OpenIPMI's simulator (ipmi_sim), whose Serial over LAN is wired to a device."""

import contextlib
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from support.tools import need

__all__ = ["PASSWORD", "USER", "SimulatedBmc", "simulated_bmc"]

USER, PASSWORD = "admin", "adminpw"

# From the manual page ipmi_lan(5). Of the RMCP+ suites the simulator knows 0 to 3.
CONFIGURATION = """
name "guardpost"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  sol "{device}" 115200
  user 1 true "" "" user 10 none md2 md5 straight
  user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
"""
COMMANDS = """
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""


class SimulatedBmc:
    """`target` is what guardpost calls it; its own processes can be ended and started again."""

    def __init__(self, folder: Path, device: str) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        # The simulator locks a device by the last part of its name, for all of this machine, and
        # one that is killed leaves its lock behind.
        name = f"bmc-{self.port}"
        (folder / name).symlink_to(device)
        self._device = str(folder / name)
        self._lock = Path("/var/lock", f"LCK..{name}")

    @property
    def target(self) -> str:
        return f"ipmi:{USER}@127.0.0.1:{self.port}"

    def start(self) -> None:
        (self._folder / "lan.conf").write_text(
            CONFIGURATION.format(port=self.port, device=self._device, user=USER, password=PASSWORD)
        )
        (self._folder / "sim.cmds").write_text(COMMANDS)
        state = self._folder / "state"
        state.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [need("ipmi_sim"), "-n", "-c", "lan.conf", "-f", "sim.cmds", "-s", state.name],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._lock.unlink(missing_ok=True)

    def ipmitool_argv(self, *words: str) -> list[str]:
        return [
            *(need("ipmitool"), "-C", "3", "-I", "lanplus", "-H", "127.0.0.1"),
            *("-p", str(self.port), "-U", USER, "-P", PASSWORD, *words),
        ]

    def deactivate(self) -> str:
        """End Serial over LAN, whoever has it; what ipmitool says of it."""
        done = subprocess.run(
            self.ipmitool_argv("sol", "deactivate"), capture_output=True, timeout=30, text=True
        )
        return done.stdout + done.stderr


@contextlib.contextmanager
def simulated_bmc(device: str) -> Iterator[SimulatedBmc]:
    with tempfile.TemporaryDirectory(prefix="bmc-") as folder:
        bmc = SimulatedBmc(Path(folder), device)
        bmc.start()
        try:
            yield bmc
        finally:
            bmc.stop()
