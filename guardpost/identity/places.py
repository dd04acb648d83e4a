"""Where guardpost keeps what it must remember, when nobody says otherwise.

`environ` is always handed in (os.environ, by the command line): no other module looks there.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["agent_folder", "agent_identity", "agent_settings", "authorized_consoles"]
__all__ += ["console_folder", "console_identity", "known_agents"]


def console_folder(environ: Mapping[str, str]) -> Path:
    r"""The operator's own: ~/.config/guardpost, on Windows %APPDATA%\guardpost.

    XDG_CONFIG_HOME is followed where it is absolute (XDG Base Directory Specification 0.8).
    """
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    if sys.platform == "win32":
        return Path(environ.get("APPDATA") or home / "AppData" / "Roaming") / "guardpost"
    configured = environ.get("XDG_CONFIG_HOME", "")
    base = Path(configured) if configured.startswith("/") else home / ".config"
    return base / "guardpost"


def console_identity(environ: Mapping[str, str]) -> Path:
    return console_folder(environ) / "identity.key"


def known_agents(environ: Mapping[str, str]) -> Path:
    return console_folder(environ) / "known_agents"


def agent_folder(environ: Mapping[str, str]) -> Path:
    r"""The host's own: /var/lib/guardpost, on Windows %PROGRAMDATA%\guardpost."""
    if sys.platform == "win32":
        return Path(environ.get("PROGRAMDATA") or r"C:\ProgramData") / "guardpost"
    return Path("/var/lib/guardpost")


def agent_identity(environ: Mapping[str, str]) -> Path:
    return agent_folder(environ) / "identity.key"


def authorized_consoles(environ: Mapping[str, str]) -> Path:
    r"""Who may connect: /etc/guardpost/authorized_consoles, on Windows beside the agent's key."""
    if sys.platform == "win32":
        return agent_folder(environ) / "authorized_consoles"
    return Path("/etc/guardpost/authorized_consoles")


def agent_settings(environ: Mapping[str, str]) -> Path:
    """The agent's settings: agent.toml, beside authorized_consoles."""
    return authorized_consoles(environ).with_name("agent.toml")
