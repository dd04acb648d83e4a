"""The prompt's commands for the network: what a host whose network is gone needs first."""

import contextlib
import ipaddress
import os
from pathlib import Path
from typing import Final

from guardpost.agent.verb import Context, NotHere, has_program, run_program
from guardpost.errors import ServiceError, UsageError
from guardpost.identity import keyfile

__all__ = ["ip", "ping"]

_RESOLV_CONF: Final = Path("/etc/resolv.conf")

_IP_HELP: Final = (
    "ip                    addresses, links, routes, name servers",
    "ip DEV ADDR/BITS      give it an address            ip DEV del ADDR/BITS",
    "ip DEV up|down        its link",
    "ip route GATEWAY      the default route             ip route del",
    "ip dns ADDR [ADDR]    the name servers (/etc/resolv.conf)",
)
_IP_USAGE: Final = "no such form of ip; see: ip help"


async def ip(context: Context, args: list[str]) -> None:
    match args:
        case []:
            await _show(context)
        case ["help"]:
            for row in _IP_HELP:
                await context.pager.line(row)
        case ["dns", *addresses] if addresses:
            await _set_dns(context, addresses)
        case _:
            await run_program(context, "ip", *words_of_ip(args))


def words_of_ip(args: list[str]) -> list[str]:
    """What the ip program (iproute2's, or busybox's) is told. Raises UsageError."""
    match args:
        case ["route", "del"]:
            return ["route", "del", "default"]
        case ["route", gateway]:
            return ["route", "replace", "default", "via", str(_address(gateway))]
        case [device, "up" | "down" as state]:
            return ["link", "set", "dev", _device(device), state]
        case [device, "del", address]:
            return ["address", "del", _interface(address), "dev", _device(device)]
        case [device, address]:
            # busybox has no `replace`, and an address that is there already is told as such.
            return ["address", "add", _interface(address), "dev", _device(device)]
    raise UsageError(_IP_USAGE)


def _device(name: str) -> str:
    if not name or name.startswith("-") or len(name) > 15 or "/" in name:
        raise UsageError(f"{name[:20]!r} is no network device; see: ip")
    return name


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise UsageError(f"{text[:40]!r} is no address") from None


def _interface(text: str) -> str:
    try:
        if "/" not in text:
            raise ValueError
        return str(ipaddress.ip_interface(text))
    except ValueError:
        raise UsageError(f"{text[:40]!r} is no address with its bits: 10.0.0.2/24") from None


async def _show(context: Context) -> None:
    if has_program("ip"):
        await run_program(context, "ip", "address")
        await run_program(context, "ip", "route")
    else:
        for each in context.host.info().addresses:
            await context.pager.line(f"{each.interface}: {each.address}")
    for row in name_servers(_text(_RESOLV_CONF)):
        await context.pager.line(row)


def name_servers(text: str) -> list[str]:
    """The lines of /etc/resolv.conf that say something (resolv.conf(5))."""
    words = ("nameserver", "search", "domain", "options")
    return [line.strip() for line in text.splitlines() if line.partition(" ")[0] in words]


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text("utf-8", "replace")[:65536]
    return ""


async def _set_dns(context: Context, addresses: list[str]) -> None:
    servers = [str(_address(each)) for each in addresses]
    if _RESOLV_CONF.is_symlink():
        target = os.readlink(_RESOLV_CONF)
        raise ServiceError(
            f"{_RESOLV_CONF} is a link to {target}, which somebody else writes; "
            "use: run resolvectl dns DEV ADDR"
        )
    kept = [each for each in name_servers(_text(_RESOLV_CONF)) if not each.startswith("nameserver")]
    lines = [*(f"nameserver {each}" for each in servers), *kept]
    keyfile.replace(_RESOLV_CONF, "\n".join(lines) + "\n")
    os.chmod(_RESOLV_CONF, 0o644)
    await context.pager.line(f"{_RESOLV_CONF} has {', '.join(servers)}")


async def ping(context: Context, args: list[str]) -> None:
    count = args[1] if len(args) > 1 else "4"
    if not (count.isascii() and count.isdigit() and 0 < int(count[:6]) <= 10_000):
        raise UsageError(f"{count[:20]!r} is no number of tries")
    host = args[0]
    if host.startswith("-"):
        raise UsageError(f"{host[:40]!r} is no host")
    if not has_program("ping"):
        raise NotHere("this host has no program ping")
    await run_program(context, "ping", "-c", str(int(count)), host, quiet=True)
