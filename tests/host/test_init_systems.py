"""Which of systemd, OpenRC and sysvinit a host runs, by trees of files; and commands that fail."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from guardpost.errors import ServiceError
from guardpost.host.init_systems import INIT_SYSTEMS, here, is_above_us

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has services of its own")


def program(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o755)


def test_what_runs_counts_and_not_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "usr/bin"))
    program(tmp_path, "usr/bin/systemctl")
    assert here(tmp_path) is None, "it is only installed"
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/inittab").touch()
    program(tmp_path, "usr/sbin/update-rc.d", "sbin/start-stop-daemon")
    assert here(tmp_path) is INIT_SYSTEMS["sysvinit"]
    (tmp_path / "run/openrc").mkdir(parents=True)
    assert here(tmp_path) is INIT_SYSTEMS["OpenRC"]
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert here(tmp_path) is INIT_SYSTEMS["systemd"]


def test_busybox_alone_is_no_init_system_of_ours(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/inittab").touch()
    assert here(tmp_path) is None


def test_an_agent_that_is_a_parent_is_above_us_and_one_that_is_gone_is_not(tmp_path: Path) -> None:
    assert not is_above_us(tmp_path)
    (tmp_path / "run").mkdir()
    for text, above in ((f"{os.getppid()}\n", True), (f"{os.getpid()}\n", False), ("", False)):
        (tmp_path / "run/guardpost-agent.pid").write_text(text)
        assert is_above_us(tmp_path) is above


def test_a_command_that_fails_is_named_with_what_it_said() -> None:
    init = replace(INIT_SYSTEMS["sysvinit"], restart=("sh", "-c", "echo a; echo why >&2; exit 3"))
    with pytest.raises(ServiceError, match=r"exit 3: why$"):
        init.run(init.restart)
    with pytest.raises(ServiceError, match=r"status 1$"):
        init.run(("false",))
    with pytest.raises(ServiceError, match="no-such-program-here: "):
        init.run(("true",), ("no-such-program-here",), ("touch", os.devnull))
