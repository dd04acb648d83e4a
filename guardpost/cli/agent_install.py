"""`guardpost agent --install` and `--uninstall`: a service on a host without a package of us.

What is installed is this very program: the executable is copied, a Python's console script is
pointed at. --uninstall removes the files that --install made, and nothing else.
"""

import argparse
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from guardpost.agent.authorized import AuthorizedConsoles, parse_line
from guardpost.baked import FACTS, Facts
from guardpost.cli import agent_config, service_texts
from guardpost.cli.made_files import MadeFiles
from guardpost.errors import UsageError
from guardpost.host import init_systems
from guardpost.host.init_systems import InitSystem
from guardpost.identity import keyfile
from guardpost.termsafe import safe_text

__all__ = ["Installation", "install", "uninstall"]

LIST = Path("/var/lib/guardpost/installed.json")
SETTINGS = Path("/etc/guardpost/agent.toml")
CONSOLES = Path("/etc/guardpost/authorized_consoles")
ACCOUNTS = Path("/etc/guardpost/accounts")
LOGS = (Path("/var/log/guardpost-agent.log"), Path("/var/log/guardpost"))
PROGRAMS = Path("/usr/local/bin")

# Where a package has what we would make, too.
PACKAGED = (
    Path("/usr/bin/guardpost-agent"),
    Path("/usr/lib/systemd/system/guardpost-agent.service"),
    Path("/lib/systemd/system/guardpost-agent.service"),
)
# What dpkg has of a package that was removed, and whose purge would take our files with it.
REMOVED = Path("/var/lib/dpkg/info/guardpost-agent.list")

# The service starts only where authorized_consoles or accounts has something in it.
BAKED_IN = "# Who may come in is baked into the executable: see `guardpost-agent --version -v`."
HEAD = "# The agent of this host; `--dump-config` shows what counts (docs/installing.md).\n"

TEXTS = {
    "systemd": service_texts.systemd_unit,
    "OpenRC": service_texts.openrc_script,
    "sysvinit": service_texts.sysvinit_script,
}


def install(args: argparse.Namespace) -> None:
    """For who knows that somebody could use this agent.

    Raises UsageError where it cannot be, ServiceError where it fails half-way.
    """
    installation = Installation(_init_system("--install"), Path("/"))
    for option in ("config", "accounts", "ephemeral", "recovery"):
        if getattr(args, option):
            raise UsageError(
                f"--install: leave --{option} out; the service goes by the files of /etc/guardpost"
            )
    installation.refuse_beside_a_package()
    command, executable = this_program()
    installation.make(
        command, executable, agent_config.as_settings(args), allowed_lines(args.allow)
    )


def uninstall() -> None:
    """Raises as install()."""
    Installation(_init_system("--uninstall"), Path("/")).unmake()


class Installation:
    """The service on one host, whose file system is at `root`; `facts` are the executable's."""

    def __init__(self, init: InitSystem, root: Path, facts: Facts = FACTS) -> None:
        self._init = init
        self._root = root
        self._facts = facts
        self._made = MadeFiles(self._there(LIST), root)

    def refuse_beside_a_package(self) -> None:
        for path in PACKAGED:
            if self._there(path).exists():
                raise UsageError(
                    f"--install: {path} is there, from a package; "
                    "remove that first, or only edit /etc/guardpost"
                )
        if self._there(REMOVED).exists():
            raise UsageError(
                "--install: a removed package has left its settings here, and a later purge would "
                "take the agent's key; first: apt purge guardpost-agent"
            )

    def make(
        self, command: str, executable: bytes | None, settings: str, allow: Sequence[str]
    ) -> None:
        """The service, enabled and started. `executable` is copied to where `command` is.

        `settings` are lines for agent.toml, `allow` for authorized_consoles.
        """
        program = Path(command.partition(" ")[0])
        self._refuse_to_replace(self._init.script, *([] if executable is None else [program]))
        consoles = self._consoles(allow)
        settings = self._settings(settings)
        script = TEXTS[self._init.name](command)
        if executable is not None:
            self._write(program, executable, 0o700 if self._facts.holds_secrets else 0o755)
        if settings:
            self._write(SETTINGS, settings.encode(), self._mode_of(SETTINGS))
        if consoles is not None:
            self._write(CONSOLES, consoles.encode(), self._mode_of(CONSOLES))
        self._write(self._init.script, script.encode(), self._init.mode)
        self._init.run(*self._init.enable)
        if init_systems.is_above_us(self._root):
            _say("you are here through that agent, so the old one goes on; when all else is done:")
            _say(f"  {' '.join(self._init.restart)}")
        else:
            self._init.run(self._init.restart)
            _say(f"the agent runs, and does so at each boot ({self._init.name})")

    def unmake(self) -> None:
        if not self._made:
            raise UsageError(f"--uninstall: there is no {LIST}; --install has made nothing here")
        if init_systems.is_above_us(self._root):
            raise UsageError("--uninstall: you are here through that agent; come another way")
        if self._init.script in self._made and self._there(self._init.script).exists():
            self._init.run(*self._init.disable)
        removed, changed = self._made.remove_all()
        for path in removed:
            _say(f"removed {path}")
        for path in changed:
            _say(f"kept {path}: it was changed since --install")
        self._init.run(*self._init.forget)
        self._made.remove_list()
        for path in self._tidy():
            if path not in changed:
                _say(f"kept {path}")

    def _refuse_to_replace(self, *paths: Path) -> None:
        for path in paths:
            if os.path.lexists(self._there(path)) and not self._made.is_as_made(path):
                raise UsageError(
                    f"--install: {path} is there, and not as --install makes it; "
                    "move it elsewhere first"
                )

    def _settings(self, asked: str) -> str:
        """agent.toml with these lines in place of ours before; "": it stays as it is."""
        names = [each.partition(" ")[0] for each in asked.splitlines()]
        if not names:
            return ""
        there = self._there(SETTINGS)
        if there.exists() and not self._made.is_as_made(SETTINGS):
            raise UsageError(
                f"--install: {SETTINGS} is there; set {', '.join(names)} in it instead"
            )
        if self._facts.policy:
            raise UsageError(
                f"--install: a {SETTINGS} with {', '.join(names)} would replace the policy that is "
                "baked in; leave that out, or bake it in"
            )
        before = there.read_text(encoding="utf-8") if there.exists() else HEAD
        kept = [each for each in before.splitlines(True) if each.partition(" ")[0] not in names]
        return "".join(kept) + asked

    def _consoles(self, allow: Sequence[str]) -> str | None:
        """authorized_consoles with these lines; None: it stays as it is."""
        there = self._there(CONSOLES)
        before = there.read_text(encoding="utf-8") if there.exists() else ""
        new = [each for each in allow if each not in before.splitlines()]
        if not (new or before or self._is_filled(ACCOUNTS)):
            new = [BAKED_IN]
        if not new:
            return None
        end_of_line = "" if before.endswith("\n") or not before else "\n"
        return before + end_of_line + "".join(f"{each}\n" for each in new)

    def _write(self, path: Path, content: bytes, mode: int) -> None:
        self._made.write(path, content, mode)
        _say(f"wrote {path}")

    def _is_filled(self, path: Path) -> bool:
        there = self._there(path)
        return there.exists() and there.stat().st_size > 0

    def _mode_of(self, path: Path) -> int:
        there = self._there(path)
        return stat.S_IMODE(there.stat().st_mode) if there.exists() else 0o644

    def _tidy(self) -> list[Path]:
        """Folders that are empty now were for our files. Returns what stays: keys, passwords, …"""
        left = [each for each in LOGS if self._there(each).exists()]
        for folder in (SETTINGS.parent, LIST.parent):
            there = self._there(folder)
            if there.is_dir():
                inside = sorted(each.name for each in there.iterdir())
                left += [folder / each for each in inside]
                if not inside:
                    there.rmdir()
        return left

    def _there(self, path: Path) -> Path:
        return self._root / path.relative_to("/")


def allowed_lines(allow: Sequence[str]) -> list[str]:
    """For authorized_consoles, what --allow means: keys, and those in files. Raises UsageError."""
    AuthorizedConsoles(allow)  # which raises for what is neither
    lines: list[str] = []
    for source in allow:
        try:
            parse_line(source, "--allow")
            lines.append(source.strip())
        except UsageError:
            lines += keyfile.read_unforged(Path(source)).splitlines()
    return [each for each in lines if each.strip() and not each.startswith("#")]


def this_program() -> tuple[str, bytes | None]:
    """The command that runs an agent when all is done, and the executable to copy there."""
    if FACTS.variant:
        running = Path(os.readlink("/proc/self/exe"))
        name = "guardpost-agent" if FACTS.variant == "agent" else "guardpost"
        target = PROGRAMS / name
        words = "" if FACTS.variant == "agent" else " agent"
        content = None if running == target else running.read_bytes()
        return f"{target}{words}", content
    script = Path(sys.argv[0]).absolute()
    if script.name != "guardpost" or not os.access(script, os.X_OK):
        raise UsageError("--install: start this by the installed script guardpost, not by python")
    if any(each in str(script) for each in " %\"'\\$"):
        raise UsageError(f"--install: no unit can name {script}; install guardpost elsewhere")
    return f"{script} agent", None


def _init_system(option: str) -> InitSystem:
    if sys.platform != "linux":
        raise UsageError(f"{option} is for Linux")
    if os.geteuid() != 0:
        raise UsageError(f"{option}: only root can")
    found = init_systems.here()
    if found is None:
        raise UsageError(
            f"{option}: neither systemd, OpenRC nor sysvinit runs here; "
            "have what starts programs here start: guardpost agent --wait"
        )
    return found


def _say(text: str) -> None:
    print(f"guardpost: {safe_text(text)}", file=sys.stderr)
