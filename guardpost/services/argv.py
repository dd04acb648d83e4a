"""What no operating system could start, and no console need ask for: said once for both ends."""

from collections.abc import Mapping, Sequence

from guardpost.errors import RemoteProtocolError

__all__ = ["check_argv", "check_environment", "check_words"]


def check_words(*words: bytes) -> None:
    """Raises RemoteProtocolError for a NUL, where the word would end for the kernel."""
    if any(b"\0" in word for word in words):
        raise RemoteProtocolError("a NUL in the request")


def check_argv(argv: Sequence[bytes]) -> None:
    """Raises RemoteProtocolError also for one that names no program."""
    if not argv or not argv[0]:
        raise RemoteProtocolError("the request names no program")
    check_words(*argv)


def check_environment(env: Mapping[bytes, bytes]) -> None:
    """Raises RemoteProtocolError also for a name that putenv(3) would take apart."""
    if any(not name or b"=" in name for name in env):
        raise RemoteProtocolError("a variable's name is empty or holds =")
    check_words(*env, *env.values())
