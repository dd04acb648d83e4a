"""`guardpost agent --recovery`: a rescue system, whose kernel command line says who may come in.

Nothing is kept there, so the key is a new one unless one is baked in; and what an administrator
should know goes to the kernel's log as well, which is read where nothing else is.
"""

from guardpost.agent.admission import NOTHING_ASKED, Admission, admission
from guardpost.ports.kernel_arguments import own_arguments

__all__ = ["COMMAND_LINE", "asked_by_the_kernel"]

COMMAND_LINE = "/proc/cmdline"
MAX_BYTES = 1 << 16


def asked_by_the_kernel(path: str = COMMAND_LINE) -> Admission:
    """Whom the kernel command line lets in: nobody where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(MAX_BYTES)
    except OSError as error:
        why = f"{path}: {(error.strerror or str(error)).lower()}; nothing on it counts"
        return NOTHING_ASKED._replace(warnings=(why,))
    own = own_arguments(text)
    return admission(own.allow, own.role, own.login)
