"""The services' texts: packaging/ has the same ones, and those who run them find no fault."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.tools import ROOT, need

from guardpost.cli.service_texts import openrc_script, systemd_unit, sysvinit_script

PROGRAM = "/usr/bin/guardpost-agent"
PACKAGING = {
    "systemd/guardpost-agent.service": systemd_unit(PROGRAM),
    "systemd/guardpost-agent@.service": systemd_unit(PROGRAM, template=True),
    "openrc/guardpost-agent": openrc_script(PROGRAM),
    "sysvinit/guardpost-agent": sysvinit_script(PROGRAM),
}


@pytest.mark.parametrize("name", PACKAGING)
def test_packaging_has_what_install_writes(name: str) -> None:
    assert (ROOT / "packaging" / name).read_text() == PACKAGING[name]


def test_systemd_finds_no_fault_with_the_units(tmp_path: Path) -> None:
    analyze = need("systemd-analyze")
    program = tmp_path / "guardpost-agent"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    units = []
    for template, name in ((False, "guardpost-agent"), (True, "guardpost-agent@")):
        unit = tmp_path / f"{name}.service"
        text = systemd_unit(str(program), template=template)
        # Whether the manual page is installed here says nothing of the unit.
        unit.write_text(text.replace("Documentation=man:guardpost-agent(8)\n", ""))
        units.append(str(unit))
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", [openrc_script, sysvinit_script])
def test_a_shell_can_read_the_scripts(script: Callable[[str], str]) -> None:
    text = script("/opt/venv/bin/guardpost agent")
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    assert "agent --wait" in text


def test_the_script_of_sysvinit_knows_its_process_by_a_name_as_the_kernel_has_it() -> None:
    assert "\nNAME=guardpost-agent\n" in sysvinit_script(PROGRAM)
    assert "\nNAME=guardpost\n" in sysvinit_script("/opt/venv/bin/guardpost agent")
    assert "\nNAME=a-much-longer-n\n" in sysvinit_script("/opt/a-much-longer-name agent")


def test_a_console_script_is_started_with_its_word() -> None:
    assert "ExecStart=/opt/venv/bin/guardpost agent --wait\n" in systemd_unit(
        "/opt/venv/bin/guardpost agent"
    )
