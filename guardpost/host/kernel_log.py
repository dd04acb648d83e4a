"""The kernel's log (Linux): a line of ours in it, and how much of it goes to the consoles.

printk of Documentation/admin-guide/sysctl/kernel.rst, and Documentation/ABI/testing/dev-kmsg.
"""

from guardpost.errors import UsageError

__all__ = ["KernelLog", "tell_kernel_log"]

KMSG = "/dev/kmsg"
INFORMATION = 6
"""What a kernel that was told to be quiet does not write to its consoles."""

PRINTK = "/proc/sys/kernel/printk"
"""Four numbers; the first is the level below which a message goes to the consoles."""

QUIET = 1
"""Emergencies alone, as `dmesg -n 1`."""


def tell_kernel_log(text: str, path: str = KMSG) -> None:
    """One line, of printable text, to where whoever looks for a rescue system's messages looks.

    Where that cannot be done it is not.
    """
    try:
        with open(path, "wb", buffering=0) as log:
            log.write(f"<{INFORMATION}>guardpost: {text}\n".encode())
    except OSError:
        pass


class KernelLog:
    """quiet() and restore() as often as wanted; nothing is changed before."""

    def __init__(self, path: str = PRINTK) -> None:
        """Raises UsageError where this process may not change the level."""
        self._path = path
        self._found: int | None = None
        try:
            with open(path, "r+", encoding="ascii"):
                pass
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise UsageError(
                f"--quiet-kernel: {path}: {why}; run the agent as root on Linux, or leave it out"
            ) from None

    def quiet(self) -> None:
        level = self._level()
        if self._found is None and level is not None and level > QUIET:
            self._found = level
            self._set(QUIET)

    def restore(self) -> None:
        """Put the old level back, unless somebody has chosen another one meanwhile."""
        found, self._found = self._found, None
        if found is not None and self._level() == QUIET:
            self._set(found)

    def _level(self) -> int | None:
        try:
            with open(self._path, encoding="ascii") as file:
                return int(file.read().split()[0])
        except (OSError, IndexError, ValueError):
            return None

    def _set(self, level: int) -> None:
        try:
            with open(self._path, "w", encoding="ascii") as file:
                file.write(str(level))
        except OSError:
            pass  # it could be opened at the start; the line is loud, and works
