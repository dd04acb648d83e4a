"""`guardpost agent --recovery`: a rescue system, whose kernel command line says who may come in.

Nothing is kept there, so the key is a new one unless one is baked in; and what an administrator
should know goes to the kernel's log as well, which is read where nothing else is.
"""

from collections.abc import Mapping
from pathlib import Path

from guardpost.agent.admission import NOTHING_ASKED, Admission, admission
from guardpost.agent.settings import Value
from guardpost.baked import WHERE
from guardpost.errors import UsageError
from guardpost.ports.kernel_arguments import own_arguments, wanted_port

__all__ = ["COMMAND_LINE", "asked_by_the_kernel", "of_the_host"]

COMMAND_LINE = "/proc/cmdline"
MAX_BYTES = 1 << 16


def asked_by_the_kernel(path: str = COMMAND_LINE) -> Admission:
    """Whom the kernel command line lets in: nobody where it cannot be read."""
    try:
        text = command_line(path)
    except OSError as error:
        why = f"{path}: {(error.strerror or str(error)).lower()}; nothing on it counts"
        return NOTHING_ASKED._replace(warnings=(why,))
    own = own_arguments(text)
    return admission(own.allow, own.role, own.login, own.unknown)


def of_the_host(
    starting: Mapping[str, Value], source: str, path: str = COMMAND_LINE
) -> Mapping[str, Value]:
    """Of the settings in `source`, the host's agent.toml or what is baked in, those that fit here.

    Raises UsageError where a psk is demanded that is not there: without it the sessions would be
    weaker than the host's owner wanted.
    """
    unfit = {"take-over", "quiet-kernel"}  # the one would stop the rescue shell
    try:
        port, _ = wanted_port(command_line(path))
    except OSError:
        port = ""
    if port:
        unfit |= {"port", "baud"}
    if "identity" in starting and not Path(str(starting["identity"])).exists():
        unfit |= {"identity"}  # it would be made, and be gone after this boot
    if "psk" in starting and not Path(str(starting["psk"])).exists():
        without = "build without it" if source == WHERE else "leave agent.toml out"
        raise UsageError(
            f"{source}: psk {starting['psk']} is not in this image, and without it nobody may come "
            f"in; take it into the image (TAKE in recovery.conf), or {without}"
        )
    return {name: value for name, value in starting.items() if name not in unfit}


def command_line(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(MAX_BYTES)
