"""--install and --uninstall on a host that is a folder, whose init system notes what it is told."""

import argparse
import os
import stat
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest

from guardpost.baked import Facts
from guardpost.cli import agent_install, main
from guardpost.cli.agent_install import BAKED_IN, HEAD, Installation, allowed_lines
from guardpost.errors import ServiceError, UsageError
from guardpost.host.init_systems import INIT_SYSTEMS, InitSystem
from guardpost.identity import ephemeral

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has services of its own")

KEY = ephemeral(lambda count: b"k" * count).public_key
NOTHING_BAKED_IN = Facts(None)
PROGRAM = "/usr/local/bin/guardpost-agent"
UNIT = "/etc/systemd/system/guardpost-agent.service"
KEYS = "etc/guardpost/authorized_consoles"


def golden(**constants: str) -> Facts:
    """Of an executable into which these were baked."""
    made = types.ModuleType("guardpost._baked")
    vars(made).update(constants)
    return Facts(made)


class Host:
    """`told` is what its systemd was told, a word each."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._log = root / "told"
        self.init = replace(
            INIT_SYSTEMS["systemd"],
            enable=(self._notes("enable"),),
            restart=self._notes("restart"),
            disable=(self._notes("disable"),),
            forget=(self._notes("forget"),),
        )

    def _notes(self, word: str) -> tuple[str, ...]:
        return ("sh", "-c", f"echo {word} >> {self._log}")

    @property
    def told(self) -> list[str]:
        return self._log.read_text().split() if self._log.exists() else []

    def install(
        self,
        *allow: str,
        settings: str = "",
        init: InitSystem | None = None,
        facts: Facts = NOTHING_BAKED_IN,
    ) -> None:
        installation = Installation(init or self.init, self.root, facts)
        installation.make(PROGRAM, b"\x7fELF", settings, allowed_lines(allow))

    def uninstall(self) -> None:
        Installation(self.init, self.root).unmake()

    def files(self) -> set[str]:
        found = (each for each in self.root.rglob("*") if each.is_file() and each != self._log)
        return {str(each.relative_to(self.root)) for each in found}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_service_is_made_and_unmade_without_a_trace(host: Host) -> None:
    host.install(KEY, settings='port = "/dev/ttyS1"\n')
    assert host.files() == {
        *("usr/local/bin/guardpost-agent", "etc/systemd/system/guardpost-agent.service"),
        *("etc/guardpost/agent.toml", KEYS, "var/lib/guardpost/installed.json"),
    }
    unit = (host.root / "etc/systemd/system/guardpost-agent.service").read_text()
    assert f"ExecStart={PROGRAM} --wait\n" in unit
    assert 'port = "/dev/ttyS1"' in (host.root / "etc/guardpost/agent.toml").read_text()
    assert os.access(host.root / "usr/local/bin/guardpost-agent", os.X_OK)
    assert host.told == ["enable", "restart"]
    host.uninstall()
    assert host.files() == set()
    assert not (host.root / "etc/guardpost").exists()
    assert host.told == ["enable", "restart", "disable", "forget"]


def test_an_executable_with_secrets_is_for_root_alone(host: Host) -> None:
    host.install(KEY)
    program = host.root / PROGRAM.lstrip("/")
    assert stat.S_IMODE(program.stat().st_mode) == 0o755
    host.install(facts=golden(IDENTITY_SEED="ab" * 32))
    assert stat.S_IMODE(program.stat().st_mode) == 0o700


def test_what_was_there_and_what_was_changed_stays(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    (host.root / "etc/guardpost").mkdir(parents=True)
    (host.root / KEYS).write_text("# mine\n")
    (host.root / KEYS).chmod(0o600)
    host.install(f"{KEY} desk", settings="baud = 19200\n")
    assert (host.root / KEYS).read_text() == f"# mine\n{KEY} desk\n"
    settings = host.root / "etc/guardpost/agent.toml"
    settings.write_text("baud = 9600\n")
    (host.root / "var/lib/guardpost/identity.key").write_text("secret")
    host.uninstall()
    assert host.files() == {KEYS, "etc/guardpost/agent.toml", "var/lib/guardpost/identity.key"}
    assert stat.S_IMODE((host.root / KEYS).stat().st_mode) == 0o600
    said = capsys.readouterr().err
    assert said.count("kept /etc/guardpost/agent.toml") == 1
    assert "kept /etc/guardpost/agent.toml: it was changed since --install" in said
    assert "kept /var/lib/guardpost/identity.key" in said
    assert "kept /etc/guardpost/authorized_consoles" in said


def test_installed_again_it_is_a_newer_one_with_the_settings_of_before(host: Host) -> None:
    file = host.root / "etc/guardpost/agent.toml"
    host.install(KEY, settings='psk = "/srv/psk"\nbaud = 9600\n')
    first = file.read_text()
    host.install()
    assert file.read_text() == first
    assert (host.root / KEYS).read_text() == f"{KEY}\n"
    host.install(settings='baud = 19200\nport = "/dev/ttyS1"\n')
    assert file.read_text() == f'{HEAD}psk = "/srv/psk"\nbaud = 19200\nport = "/dev/ttyS1"\n'
    host.uninstall()
    assert host.files() == set()


def test_settings_that_somebody_wrote_are_not_overwritten(host: Host) -> None:
    (host.root / "etc/guardpost").mkdir(parents=True)
    (host.root / "etc/guardpost/agent.toml").write_text("baud = 9600\n")
    with pytest.raises(UsageError, match=r"agent\.toml is there; set port, take-over in it"):
        host.install(KEY, settings='port = "x"\ntake-over = true\n')
    assert host.told == []
    assert host.files() == {"etc/guardpost/agent.toml"}


def test_where_nothing_is_to_be_set_there_is_no_file_that_could_hide_what_is_baked_in(
    host: Host,
) -> None:
    facts = golden(POLICY="[roles.web]")
    host.install(KEY, facts=facts)
    assert "etc/guardpost/agent.toml" not in host.files()
    with pytest.raises(UsageError, match="with port would replace the policy that is baked in"):
        host.install(KEY, settings='port = "x"\n', facts=facts)
    assert "etc/guardpost/agent.toml" not in host.files()


@pytest.mark.parametrize("name", [UNIT, PROGRAM])
def test_a_unit_or_a_program_of_somebody_else_is_left_alone(host: Host, name: str) -> None:
    theirs = host.root / name.lstrip("/")
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    with pytest.raises(UsageError, match="is there, and not as --install makes it"):
        host.install(KEY)
    assert host.files() == {name.lstrip("/")}
    assert theirs.read_text() == "theirs"
    assert host.told == []


def test_a_service_that_nobody_could_use_is_not_made(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    """The agent's own question: comments let nobody in, nor passwords without a prompt."""
    comments = host.root / "comments"
    comments.write_text("# nobody\n")
    comments.chmod(0o600)
    words = ("--install", "--no-prompt", "--allow", str(comments))
    assert main.main(["agent", *words]) == 255
    assert "nobody could use this agent; give --allow KEY" in capsys.readouterr().err


@pytest.mark.parametrize("fact", ["AUTHORIZED", "PASSWORD_HASHES"])
def test_where_only_the_executable_lets_somebody_in_the_units_condition_holds(
    host: Host, fact: str
) -> None:
    host.install(facts=golden(**{fact: "somebody"}))
    assert (host.root / KEYS).read_text() == f"{BAKED_IN}\n"
    host.install(KEY)
    assert (host.root / KEYS).read_text() == f"{BAKED_IN}\n{KEY}\n"
    host.uninstall()
    assert host.files() == set()


def test_what_failed_half_way_can_be_undone(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    failing = replace(host.init, enable=(("sh", "-c", "echo no such unit >&2; exit 1"),))
    with pytest.raises(ServiceError, match="no such unit"):
        host.install(KEY, init=failing)
    stubborn = replace(host.init, forget=(("false",),))
    with pytest.raises(ServiceError, match="false"):
        Installation(stubborn, host.root).unmake()
    assert f"removed {PROGRAM}" in capsys.readouterr().err
    host.uninstall()
    assert host.files() == set()


def test_who_is_here_through_that_agent_neither_restarts_nor_removes_it(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    (host.root / "run").mkdir()
    (host.root / "run/guardpost-agent.pid").write_text(f"{os.getppid()}\n")
    host.install(KEY)
    assert host.told == ["enable"]
    assert "you are here through that agent, so the old one goes on" in capsys.readouterr().err
    with pytest.raises(UsageError, match="you are here through that agent; come another way"):
        host.uninstall()


def test_nothing_is_unmade_where_nothing_was_made(host: Host) -> None:
    with pytest.raises(UsageError, match="--install has made nothing here"):
        host.uninstall()


def test_beside_a_package_nothing_is_made(host: Host) -> None:
    (host.root / "usr/bin").mkdir(parents=True)
    (host.root / "usr/bin/guardpost-agent").touch()
    with pytest.raises(UsageError, match="/usr/bin/guardpost-agent is there, from a package"):
        Installation(host.init, host.root).refuse_beside_a_package()


def test_where_dpkg_could_still_purge_nothing_is_made(host: Host) -> None:
    (host.root / "var/lib/dpkg/info").mkdir(parents=True)
    (host.root / "var/lib/dpkg/info/guardpost-agent.list").touch()
    with pytest.raises(UsageError, match="first: apt purge guardpost-agent"):
        Installation(host.init, host.root).refuse_beside_a_package()


def test_keys_come_from_words_and_files(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# mine\n\nrole=monitor {KEY} phone\n")
    file.chmod(0o600)
    assert allowed_lines([f"{KEY} desk", str(file)]) == [
        *(f"{KEY} desk", f"role=monitor {KEY} phone"),
    ]
    with pytest.raises(UsageError, match="no such file, and no key"):
        allowed_lines(["nonsense"])


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="is told to others first")
def test_where_no_init_system_runs_it_is_said_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_install.init_systems, "here", lambda: None)
    for option in ("--install", "--uninstall"):
        assert main.main(["agent", option, "--allow", KEY]) == 255
        said = capsys.readouterr().err
        assert f"usage: {option}: neither systemd, OpenRC nor sysvinit runs here" in said


def test_options_that_name_other_files_have_no_place_in_a_service(
    monkeypatch: pytest.MonkeyPatch, host: Host
) -> None:
    monkeypatch.setattr(agent_install, "_init_system", lambda option: host.init)
    args = argparse.Namespace(config=None, accounts=None, ephemeral=True, recovery=False)
    with pytest.raises(UsageError, match="leave --ephemeral out"):
        agent_install.install(args)
