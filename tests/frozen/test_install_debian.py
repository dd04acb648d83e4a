"""The .deb in a Debian that systemd runs: its journal, its targets, dpkg, and who upgrades over it.

The stories share one boot of a container, in the order of a service's life.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.debian_container import PORT, Container, debian_container
from support.debian_root import debian_packages
from support.frozen import built, frozen_agent
from support.operator import Operator, operator
from support.packages import NEXT_VERSION, build_package, package
from support.rig import read_line
from support.tools import ROOT

pytestmark = pytest.mark.slow

SECONDS = 120.0
SERVICE = "guardpost-agent"
PLACES = "/etc /var/lib /var/log /usr"
WHOSE = "systemctl show -p ActiveState --value"


@pytest.fixture(scope="module")
def machine(somebody: Operator) -> Iterator[Container]:
    with TemporaryDirectory(prefix="gp-") as folder:
        newer = build_package("deb", frozen_agent(), Path(folder), "--version", NEXT_VERSION)
        files = {"root/it.deb": package("deb").read_bytes(), "root/newer.deb": newer.read_bytes()}
        golden = golden_package(somebody.key, Path(folder, "golden"))
        files["root/golden.deb"] = golden.read_bytes()
    files["root/openrc.sh"] = (ROOT / "packaging/openrc/guardpost-agent").read_bytes()
    for name, data in debian_packages("openrc", "librc1", "libeinfo1").items():
        files[f"root/openrc/{name}"] = data
    with debian_container(files) as booted:
        yield booted


def golden_package(key: str, folder: Path) -> Path:
    """Of an executable that knows its port and its console."""
    folder.mkdir()
    policy = folder / "policy.toml"
    policy.write_text(f'port = "{PORT}"\n')
    program = built(folder / "program", "--authorise", key, "--policy", str(policy))
    program.chmod(0o755)
    return build_package("deb", program, folder)


@pytest.fixture(scope="module")
def somebody() -> Iterator[Operator]:
    with operator() as made:
        yield made


@pytest.fixture
def line(machine: Container, somebody: Operator) -> Iterator[str]:
    """The target; nobody has it open afterwards."""
    yield machine.line
    somebody.run("owner", machine.line, "stop", seconds=SECONDS)


def console(who: Operator, *words: str) -> tuple[int, str]:
    """Exit code and what was said, of a command that has patience."""
    done = who.run(words[0], "--trust-new", "--connect-timeout", "200", *words[1:], seconds=SECONDS)
    return done.returncode, (done.stdout + done.stderr).decode()


def dpkg(machine: Container, *words: str) -> str:
    return machine.check(f"dpkg --force-unsafe-io {' '.join(words)}", SECONDS)


def state(machine: Container, unit: str = SERVICE) -> str:
    return machine.check(f"{WHOSE} {unit}").strip()


def status_says(machine: Container, words: str) -> None:
    machine.wait_for(f"systemctl show -p StatusText {SERVICE} | grep -F '{words}'", SECONDS)


def test_it_is_enabled_and_not_started_while_nobody_could_use_it(machine: Container) -> None:
    machine.check(f"find {PLACES} -xdev | sort >/root/before", SECONDS)
    told = dpkg(machine, "-i", "/root/it.deb")
    assert "enabled, and not started, since nobody could use it yet" in told
    for target in ("multi-user", "rescue", "emergency"):
        machine.check(f"[ -L /etc/systemd/system/{target}.target.wants/{SERVICE}.service ]")
    assert state(machine) == "inactive"
    machine.check(f"systemctl start {SERVICE}", SECONDS)
    assert state(machine) == "inactive", "the unit's condition says so, too"


def test_started_it_serves_tells_systemd_and_writes_its_audit(
    machine: Container, somebody: Operator, line: str
) -> None:
    machine.check(f"echo '{somebody.key} desk' >/etc/guardpost/authorized_consoles")
    machine.check(f"echo 'port = \"{PORT}\"' >/etc/guardpost/agent.toml")
    machine.check(f"systemctl start {SERVICE}", SECONDS)
    assert state(machine) == "active"
    status_says(machine, f"{PORT} (named in /etc/guardpost/agent.toml)")
    assert console(somebody, "exec", line, "--", "sh", "-c", "uname -n; exit 3") == (3, "debian\n")
    status_says(machine, "a session is live")
    audit = machine.check("journalctl -t guardpost -o cat")
    assert "event=session outcome=begin" in audit
    assert "event=channel outcome=end" in audit
    assert "changed the settings" not in machine.check(f"journalctl -u {SERVICE} -o cat")
    somebody.run("owner", line, "stop", seconds=SECONDS)
    status_says(machine, "no session")
    assert machine.check("stat -c %a /var/lib/guardpost /var/lib/guardpost/*").split() == [
        *("700", "600"),
    ]


def test_a_tunnel_leads_to_a_service_of_the_host(
    machine: Container, somebody: Operator, line: str
) -> None:
    """systemd itself is the server: a socket unit whose instances run cat."""
    unit = "[Socket]\\nListenStream=127.0.0.1:7\\nAccept=yes\\n"
    machine.check(f"printf '{unit}' >/run/systemd/system/echo.socket")
    unit = "[Service]\\nExecStart=cat\\nStandardInput=socket\\n"
    machine.check(f"printf '{unit}' >/run/systemd/system/echo@.service")
    machine.check("systemctl daemon-reload; systemctl start echo.socket", SECONDS)
    done = somebody.run_with(b"there and back\n", "nc", line, "127.0.0.1:7", seconds=SECONDS)
    assert done.stdout == b"there and back\n", done


def test_a_stop_is_a_sealed_goodbye_and_the_session_s_programs_end(
    machine: Container, somebody: Operator, line: str
) -> None:
    console(somebody, "exec", line, "--", "true")
    with somebody.background("exec", line, "--", "tail", "-f", "/dev/null") as command:
        machine.wait_for("pidof tail", SECONDS)
        machine.check(f"systemctl restart {SERVICE}", SECONDS)
        said = read_line(command, SECONDS)
        assert "the agent shuts down (the agent is stopped)" in said
        assert command.wait(SECONDS) == 255
    machine.check("! pidof tail")
    assert console(somebody, "exec", line, "--", "echo", "again") == (0, "again\n")


def test_what_was_left_running_on_purpose_goes_on(
    machine: Container, somebody: Operator, line: str
) -> None:
    left = "setsid sleep 8765 >/dev/null 2>&1 </dev/null & echo $!"
    code, pid = console(somebody, "exec", line, "--", "sh", "-c", left)
    assert code == 0
    machine.check(f"systemctl restart {SERVICE}", SECONDS)
    machine.check(f"kill {pid}")


def test_an_upgrade_ends_sessions_with_a_word_and_a_forward_goes_on(
    machine: Container, somebody: Operator, line: str
) -> None:
    console(somebody, "exec", line, "--", "true")
    words = ("forward", "-v", line, "-L", "127.0.0.1:0:127.0.0.1:7")
    with somebody.background(*words) as tunnel:
        assert "forwarding" in read_line(tunnel, SECONDS)
        pid = machine.check(f"systemctl show -p MainPID --value {SERVICE}")
        dpkg(machine, "-i", "/root/newer.deb")
        assert machine.check(f"systemctl show -p MainPID --value {SERVICE}") != pid
        assert state(machine) == "active"
        while "the agent was stopped; waiting" not in (said := read_line(tunnel, SECONDS)):
            assert said
        while "there is a new session" not in (said := read_line(tunnel, SECONDS)):
            assert said
        assert console(somebody, "exec", line, "--", "echo", "again") == (0, "again\n")


def test_an_upgrade_over_the_agent_itself_leaves_the_agent_alone(
    machine: Container, somebody: Operator, line: str
) -> None:
    pid = machine.check(f"systemctl show -p MainPID --value {SERVICE}")
    words = ("dpkg", "--force-unsafe-io", "-i", "/root/it.deb")
    code, said = console(somebody, "exec", line, "--", *words)
    assert code == 0
    assert "systemctl restart guardpost-agent" in said
    assert machine.check(f"systemctl show -p MainPID --value {SERVICE}") == pid
    assert machine.check("dpkg-query -W guardpost-agent").split()[1] != f"{NEXT_VERSION}-1"


@pytest.mark.parametrize("mode", ["rescue", "emergency"])
def test_in_rescue_and_emergency_mode_it_serves(
    machine: Container, somebody: Operator, line: str, mode: str
) -> None:
    console(somebody, "exec", line, "--", "true")
    machine.check(f"systemctl --no-block isolate {mode}.target", SECONDS)
    machine.wait_for(f"systemctl is-active {mode}.target", SECONDS)
    machine.wait_for("! systemctl is-active multi-user.target", SECONDS)
    assert state(machine) == "active"
    assert console(somebody, "exec", line, "--", "echo", mode) == (0, f"{mode}\n")
    machine.check("systemctl --no-block isolate multi-user.target", SECONDS)
    machine.wait_for("systemctl is-active multi-user.target", SECONDS)


def test_the_units_exposure_is_what_the_page_says(machine: Container) -> None:
    said = machine.check(f"systemd-analyze security --no-pager {SERVICE} | tail -1", SECONDS)
    figure = re.search(r"(\d+\.\d) (\w+)", said)
    assert figure is not None
    page = (ROOT / "docs" / "installing.md").read_text()
    assert f"says {figure[1]}, {figure[2]}" in page


def test_the_script_of_sysvinit_starts_and_stops_it(
    machine: Container, somebody: Operator, line: str
) -> None:
    script = f"/etc/init.d/{SERVICE}"
    machine.check(f"systemctl stop {SERVICE}", SECONDS)
    assert machine.run(f"{script} status").status == 3
    machine.check(f"{script} start", SECONDS)
    machine.check(f"{script} status")
    assert console(somebody, "exec", line, "--", "echo", "sysvinit") == (0, "sysvinit\n")
    pid = machine.check("cat /run/guardpost-agent.pid")
    machine.check(f"{script} restart", SECONDS)
    assert machine.check("cat /run/guardpost-agent.pid") != pid
    machine.check(f"{script} stop", SECONDS)
    assert machine.run(f"{script} status").status == 3
    # The pid of one that was killed, and that somebody else has got since.
    stale = "setsid sleep 8766 >/dev/null 2>&1 </dev/null & echo $! >/run/guardpost-agent.pid"
    machine.check(stale)
    assert machine.run(f"{script} status").status == 1
    pid = machine.check("cat /run/guardpost-agent.pid")
    machine.check(f"{script} stop", SECONDS)
    machine.check(f"kill {pid}")
    machine.check(f"systemctl start {SERVICE}", SECONDS)


def test_removed_and_installed_again_it_runs_again(
    machine: Container, somebody: Operator, line: str
) -> None:
    dpkg(machine, "--remove", SERVICE)
    assert machine.run(f"systemctl is-active {SERVICE}").status != 0
    dpkg(machine, "-i", "/root/it.deb")
    assert state(machine) == "active"
    assert console(somebody, "exec", line, "--", "echo", "back") == (0, "back\n")


def test_who_upgrades_over_an_agent_of_sysvinit_is_told_so(machine: Container) -> None:
    """It is a parent of dpkg's; here this shell says that it is the agent."""
    file = "/run/guardpost-agent.pid"
    told = machine.check(f"echo $$ >{file}; dpkg --force-unsafe-io -i /root/it.deb; rm {file}")
    assert "you upgrade over the agent itself" in told


def test_an_instance_is_restarted_by_an_upgrade_and_no_other_agent_started(
    machine: Container, somebody: Operator, line: str
) -> None:
    """It is enabled until the purge, which leaves nothing of it."""
    unit = f"{SERVICE}@{Path(PORT).name}"
    machine.check(f"systemctl stop {SERVICE}; systemctl enable --now {unit}", SECONDS)
    pid = machine.check(f"systemctl show -p MainPID --value {unit}")
    dpkg(machine, "-i", "/root/newer.deb")
    assert (state(machine, unit), state(machine)) == ("active", "inactive")
    assert machine.check(f"systemctl show -p MainPID --value {unit}") != pid
    assert console(somebody, "exec", line, "--", "echo", "instance") == (0, "instance\n")


def test_purged_it_leaves_nothing(machine: Container) -> None:
    dpkg(machine, "--purge", SERVICE)
    machine.check("rm -f /run/systemd/system/echo*")
    machine.check(f"find {PLACES} -xdev | sort >/root/after", SECONDS)
    own = "-e /var/lib/dpkg -e /var/lib/systemd -e /etc/.*\\.cache"
    own += " -e /var/log/dpkg -e /var/log/journal"
    left = machine.run(f"diff /root/before /root/after | grep '^[<>]' | grep -v {own}", SECONDS)
    assert left.output == ""
    assert machine.run(f"systemctl cat {SERVICE}").status != 0
    assert "guardpost" not in machine.check("ls -R /etc /var/lib/systemd", SECONDS)


def test_a_golden_package_serves_without_a_file_of_the_host(
    machine: Container, somebody: Operator, line: str
) -> None:
    dpkg(machine, "-i", "/root/golden.deb")
    assert state(machine) == "active"
    status_says(machine, f"{PORT} (baked in)")
    somebody.forget(line)
    assert console(somebody, "exec", line, "--", "echo", "golden") == (0, "golden\n")
    dpkg(machine, "--purge", SERVICE)
    assert "guardpost" not in machine.check("ls -R /etc /var/lib/systemd", SECONDS)


def test_install_makes_a_service_and_uninstall_unmakes_it(
    machine: Container, somebody: Operator, line: str
) -> None:
    machine.check("dpkg-deb -x /root/it.deb /root/unpacked", SECONDS)
    program = "/root/unpacked/usr/bin/guardpost-agent"
    said = machine.check(f"{program} {PORT} --allow '{somebody.key}' --install 2>&1", SECONDS)
    assert "the agent runs, and does so at each boot (systemd)" in said
    assert state(machine) == "active"
    machine.check(f"[ $(systemctl is-enabled {SERVICE}) = enabled ]")
    somebody.forget(line)
    assert console(somebody, "exec", line, "--", "echo", "installed") == (0, "installed\n")
    code, said = console(somebody, "exec", line, "--", "guardpost-agent", "--uninstall")
    assert code == 255
    assert "you are here through that agent" in said
    said = machine.check("/usr/local/bin/guardpost-agent --uninstall 2>&1", SECONDS)
    assert "kept /var/lib/guardpost/identity.key" in said
    machine.check("rm -r /var/lib/guardpost")
    assert "guardpost" not in machine.check("ls -R /etc /usr/local /var/lib", SECONDS)


def test_the_script_of_openrc_supervises_it(
    machine: Container, somebody: Operator, line: str
) -> None:
    """OpenRC's own programs, on a host that systemd has started."""
    # /lib is a link here, which `dpkg-deb -x` would put a folder in the place of.
    unpack = "dpkg-deb --fsys-tarfile $each | tar -x -C / --keep-directory-symlink"
    machine.check(f"for each in /root/openrc/*.deb; do {unpack}; done", SECONDS)
    folders = "exclusive started starting stopping inactive failed daemons options tmp"
    machine.check(f"cd /run; mkdir -p openrc; touch openrc/softlevel; cd openrc; mkdir {folders}")
    # systemd has mounted the file systems; on OpenRC's own host this service does.
    machine.check("printf '#!/sbin/openrc-run\\nstart() { :; }\\n' >/etc/init.d/localmount")
    machine.check("chmod +x /etc/init.d/localmount; touch /etc/insserv.conf")
    machine.check("cp /root/unpacked/usr/bin/guardpost-agent /usr/bin")
    machine.check("cp /root/openrc.sh /etc/init.d/guardpost-agent")
    conf = "/etc/conf.d/guardpost-agent"
    machine.check(f"mkdir -p /etc/conf.d; echo guardpost_args={PORT} >{conf}")
    machine.check("rm -f /etc/guardpost/authorized_consoles")
    refused = machine.run(f"rc-service {SERVICE} start", SECONDS)
    assert refused.status != 0
    assert "nobody could use it" in refused.output
    machine.check(
        f"mkdir -p /etc/guardpost; echo {somebody.key} >/etc/guardpost/authorized_consoles"
    )
    machine.check(f"rc-service {SERVICE} start", SECONDS)
    somebody.forget(line)
    assert console(somebody, "exec", line, "--", "echo", "openrc") == (0, "openrc\n")
    machine.check(f"rc-service {SERVICE} status", SECONDS)
    somebody.run("owner", line, "stop", seconds=SECONDS)  # it would wait for the old session
    pid = machine.check("pidof guardpost-agent").strip()
    machine.check(f"kill -9 {pid}")
    machine.wait_for(f"now=$(pidof guardpost-agent); [ $now -ne {pid} ]", SECONDS)
    assert console(somebody, "exec", line, "--", "echo", "again") == (0, "again\n")
    machine.check(f"rc-service {SERVICE} stop", SECONDS)
    assert machine.run(f"rc-service {SERVICE} status", SECONDS).status == 3
