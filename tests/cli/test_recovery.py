"""`--recovery`: what the kernel command line says, read where it can be."""

from pathlib import Path

import pytest

from guardpost.agent.admission import NOTHING_ASKED
from guardpost.baked import WHERE
from guardpost.cli.recovery import asked_by_the_kernel, of_the_host
from guardpost.errors import UsageError
from guardpost.identity import ephemeral

KEY = ephemeral(lambda count: b"k" * count).public_key


def test_the_command_line_lets_in_whom_it_names(tmp_path: Path) -> None:
    line = tmp_path / "cmdline"
    line.write_text(f"quiet guardpost.allow={KEY} guardpost.role=monitor guardpost.login=none\n")
    asked = asked_by_the_kernel(str(line))
    assert [each.role for each in asked.consoles.entries] == ["monitor"]
    assert asked.nobody_logs_in
    assert asked.was_asked


def test_bytes_of_any_kind_allow_nobody(tmp_path: Path) -> None:
    line = tmp_path / "cmdline"
    line.write_bytes(b"guardpost.allow=\xff\xfe guardpost.role=\x00\n")
    asked = asked_by_the_kernel(str(line))
    assert asked.consoles.entries == []
    assert len(asked.consoles.warnings) == 1


def test_without_proc_nothing_is_asked_and_that_is_told(tmp_path: Path) -> None:
    asked = asked_by_the_kernel(str(tmp_path / "cmdline"))
    (warning,) = asked.warnings
    assert warning.endswith("cmdline: no such file or directory; nothing on it counts")
    assert asked._replace(warnings=()) == NOTHING_ASKED


def test_of_the_hosts_own_settings_only_those_count_that_fit(tmp_path: Path) -> None:
    line = tmp_path / "cmdline"
    line.write_text("quiet guardpost.port=ttyS1\n")
    host = {"prompt": False, "take-over": True, "quiet-kernel": True, "raise-baud": False}
    place = {"port": "/dev/ttyS0", "baud": 9600}
    fit = {"prompt": False, "raise-baud": False}
    assert of_the_host({**host, **place}, "agent.toml", str(line)) == fit
    line.write_text("quiet\n")
    assert of_the_host({**host, **place}, "agent.toml", str(line)) == {**fit, **place}


def test_a_key_of_the_host_counts_only_where_its_file_is(tmp_path: Path) -> None:
    key = tmp_path / "identity.key"
    assert of_the_host({"identity": str(key)}, "agent.toml") == {}
    key.touch()
    assert of_the_host({"identity": str(key)}, "agent.toml") == {"identity": str(key)}


def test_no_agent_does_without_the_psk_that_the_host_demands(tmp_path: Path) -> None:
    psk = tmp_path / "psk"
    with pytest.raises(UsageError, match=r"agent.toml: psk .*psk is not in this image"):
        of_the_host({"psk": str(psk)}, "agent.toml")
    with pytest.raises(UsageError, match=r"baked in: psk .*, or build without it$"):
        of_the_host({"psk": str(psk)}, WHERE)
    psk.touch()
    assert of_the_host({"psk": str(psk)}, "agent.toml") == {"psk": str(psk)}
