"""`--recovery`: what the kernel command line says, read where it can be."""

from pathlib import Path

from guardpost.agent.admission import NOTHING_ASKED
from guardpost.cli.recovery import asked_by_the_kernel
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
