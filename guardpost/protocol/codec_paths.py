"""Which loops the codec runs: those of this processor, or others, for tests and measurements.

native/paths.h is the manual. The paths give the same bytes and differ in speed alone, so nobody
has to choose one, and nothing but what compares them does.
"""

from guardpost._framing import ffi, lib
from guardpost.errors import LocalProtocolError

__all__ = ["path", "paths", "use_path"]


def paths() -> list[str]:
    """The ways of running the codec that this machine has, the slowest first.

    On x86-64 some of portable, sse42, avx2; on AArch64 portable and mostly arm64.
    """
    return [_name(number) for number in range(lib.GP_PATHS) if lib.gp_has_path(number)]


def path() -> str:
    """The one in use: the best, unless another was asked for."""
    return _name(lib.gp_path_in_use())


def use_path(name: str) -> None:
    """Make every codec of this process take that path: for tests and measurements.

    Raises LocalProtocolError when this machine does not have it.
    """
    for number in range(lib.GP_PATHS):
        if _name(number) == name and lib.gp_use_path(number):
            return
    raise LocalProtocolError(f"the codec cannot take the path {name!r} here; it has {paths()}")


def _name(number: int) -> str:
    return ffi.string(lib.gp_path_name(number)).decode("ascii")
