"""Where keys are looked for."""

import sys
from pathlib import Path

import pytest

from guardpost.identity import places

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="other places on Windows")


@posix_only
def test_the_console_follows_xdg() -> None:
    home = {"HOME": "/home/ada"}
    assert places.console_identity(home) == Path("/home/ada/.config/guardpost/identity.key")
    elsewhere = {**home, "XDG_CONFIG_HOME": "/cfg"}
    assert places.console_identity(elsewhere) == Path("/cfg/guardpost/identity.key")
    assert places.known_agents(elsewhere) == Path("/cfg/guardpost/known_agents")


@posix_only
@pytest.mark.parametrize("value", ["", "relative/path"])
def test_xdg_paths_that_are_not_absolute_are_ignored(value: str) -> None:
    environ = {"HOME": "/home/ada", "XDG_CONFIG_HOME": value}
    assert places.console_folder(environ) == Path("/home/ada/.config/guardpost")


@posix_only
def test_the_agent_belongs_to_the_host_not_to_a_user() -> None:
    assert places.agent_identity({"HOME": "/x"}) == Path("/var/lib/guardpost/identity.key")
    assert places.authorized_consoles({}) == Path("/etc/guardpost/authorized_consoles")
