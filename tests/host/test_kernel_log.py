"""The kernel's console level is lowered for a while and put back."""

from pathlib import Path

import pytest

from guardpost.errors import UsageError
from guardpost.host.kernel_log import KernelLog, tell_kernel_log


@pytest.fixture
def printk(tmp_path: Path) -> Path:
    path = tmp_path / "printk"
    path.write_text("7\t4\t1\t7\n")
    return path


def test_it_is_lowered_and_put_back_as_often_as_wanted(printk: Path) -> None:
    log = KernelLog(str(printk))
    assert printk.read_text().startswith("7"), "nothing before it is asked"
    for _ in range(2):
        log.quiet()
        log.quiet()
        assert printk.read_text() == "1"
        log.restore()
        log.restore()
        assert printk.read_text() == "7"


def test_a_level_that_somebody_chose_meanwhile_stays(printk: Path) -> None:
    log = KernelLog(str(printk))
    log.quiet()
    printk.write_text("5\t4\t1\t7\n")
    log.restore()
    assert printk.read_text().split()[0] == "5"


@pytest.mark.parametrize("text", ["0\t4\t1\t7\n", "1\t4\t1\t7\n", "", "?"])
def test_a_quiet_kernel_and_an_unreadable_level_are_left_alone(printk: Path, text: str) -> None:
    printk.write_text(text)
    log = KernelLog(str(printk))
    log.quiet()
    log.restore()
    assert printk.read_text() == text


def test_where_it_cannot_be_set_the_user_hears_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--quiet-kernel: .*no such file.*run the agent as root"):
        KernelLog(str(tmp_path / "printk"))


def test_a_line_in_the_kernel_s_log_is_one_that_a_quiet_kernel_keeps_from_its_consoles(
    tmp_path: Path,
) -> None:
    log = tmp_path / "kmsg"
    log.write_text("")
    tell_kernel_log("agent on /dev/ttyS1", str(log))
    assert log.read_text() == "<6>guardpost: agent on /dev/ttyS1\n"
    tell_kernel_log("nobody reads this", str(tmp_path / "missing" / "kmsg"))
