"""Transports: all that can carry a line. Each opens a ByteStream; none knows what it carries.

Modules are imported when their scheme is first opened: a command that only parses
a target pays for nothing else.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping

from guardpost.aio.stream import ByteStream
from guardpost.errors import UsageError
from guardpost.transports.target import Target, parse_target

__all__ = ["LOGINS", "SCHEMES", "Password", "check_installed", "open_target", "open_url"]

Password = Callable[[], Awaitable[str]]
"""Finds the password of a line; raises UsageError where it cannot."""


async def open_url(text: str) -> ByteStream:
    """The line that `text` names (see `target`), opened.

    A listening target waits for its first peer.
    Raises UsageError, NoSuchTarget, LineBusy or another TransportError.
    """
    return await open_target(parse_target(text))


def check_installed(target: Target) -> None:
    """Raises UsageError where a line needs what this guardpost came without."""
    if target.scheme != "ipmi":
        return
    from importlib.util import find_spec

    if find_spec("pyghmi") is None:
        if getattr(sys, "frozen", False):
            other = "exec:ipmitool -I lanplus -H HOST -U USER -f FILE sol activate"
            raise UsageError(f"this executable has no IPMI; install ipmitool, and use '{other}'")
        raise UsageError(f"{target} needs pyghmi; pip install 'guardpost-sol[ipmi]'")


async def open_target(target: Target, password: Password | None = None) -> ByteStream:
    """As open_url; `password` is for the lines of LOGINS, and they need it.

    Raises AuthenticationError also, when the far end does not like it, or we not the far end.
    """
    if login := LOGINS.get(target.scheme):
        if password is None:
            raise UsageError(
                f"{target}: a line with a password is one for the console, not for the agent"
            )
        return await login(target, password)
    return await SCHEMES[target.scheme](target)


async def _serial(target: Target) -> ByteStream:
    from guardpost.transports.serial import open_serial

    return await open_serial(target)


async def _connect(target: Target) -> ByteStream:
    from guardpost.transports.sockets import connect

    return await connect(target)


async def _listen(target: Target) -> ByteStream:
    from guardpost.transports.sockets import listen_once

    return await listen_once(target)


async def _exec(target: Target) -> ByteStream:
    from guardpost.transports.stdio import run_command

    return await run_command(target)


async def _telnet(target: Target) -> ByteStream:
    from guardpost.transports.telnet.stream import open_telnet

    return await open_telnet(target)


async def _rfc2217(target: Target) -> ByteStream:
    from guardpost.transports.telnet.stream import open_rfc2217

    return await open_rfc2217(target)


SCHEMES: Mapping[str, Callable[[Target], Awaitable[ByteStream]]] = {
    "serial": _serial,
    "tcp": _connect,
    "unix": _connect,
    "tcp-listen": _listen,
    "unix-listen": _listen,
    "exec": _exec,
    "telnet": _telnet,
    "rfc2217": _rfc2217,
}


async def _amt(target: Target, password: Password) -> ByteStream:
    from guardpost.transports.amt.stream import open_amt

    return await open_amt(target, password)


async def _ipmi(target: Target, password: Password) -> ByteStream:
    from guardpost.transports.ipmi.stream import open_ipmi

    return await open_ipmi(target, password)


LOGINS: Mapping[str, Callable[[Target, Password], Awaitable[ByteStream]]] = {
    "amt": _amt,
    "amts": _amt,
    "ipmi": _ipmi,
}
