"""The service `info`: what the agent's host is. The reply is one record."""

import asyncio
from typing import TYPE_CHECKING

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import RemoteProtocolError, ResetCode
from guardpost.services.action import Action
from guardpost.services.records import decode_value, read_record, write_record

if TYPE_CHECKING:
    from guardpost.host import facts

__all__ = [
    "Address",
    "Disk",
    "Info",
    "Memory",
    "host_info",
    "info_action",
    "local_info",
    "serve_info",
]

# More would be no list for a person, and must fit one record.
MAX_ADDRESSES = 256
MAX_DISKS = 256
TEXT_CHARS = 200


class Address(msgspec.Struct, omit_defaults=True):
    """One address of one interface; `prefix` is the length of its network part."""

    interface: str
    address: str
    prefix: int | None = None


class Memory(msgspec.Struct, omit_defaults=True):
    """In bytes. `available` is what can be had without swapping."""

    total: int
    available: int
    swap_total: int = 0
    swap_free: int = 0


class Disk(msgspec.Struct, omit_defaults=True):
    """One mounted local file system, in bytes."""

    mount: str
    device: str
    kind: str
    total: int
    used: int
    free: int


class Info(msgspec.Struct, omit_defaults=True):
    """The host, as guardpost.host.facts.HostFacts; None is what could not be read.

    `uptime` in seconds; `boot_id` is another one after every boot.
    """

    agent_version: str
    name: str | None = None
    system: str | None = None
    kernel: str | None = None
    machine: str | None = None
    cpus: int | None = None
    uptime: float | None = None
    boot_id: str | None = None
    load: list[float] | None = None
    memory: Memory | None = None
    addresses: list[Address] = []
    disks: list[Disk] = []


class InfoRequest(msgspec.Struct, omit_defaults=True):
    """Nothing yet."""


def local_info(agent_version: str) -> Info:
    """What this host is. Blocks for some milliseconds, longer where a disk does not answer."""
    from guardpost.host import facts

    here = facts.read_facts(agent_version)
    return Info(
        agent_version=here.agent_version,
        name=here.name,
        system=here.system,
        kernel=here.kernel,
        machine=here.machine,
        cpus=here.cpus,
        uptime=here.uptime,
        boot_id=here.boot_id,
        load=here.load,
        memory=_memory(here.memory),
        addresses=[
            Address(each.interface[:TEXT_CHARS], each.address, each.prefix)
            for each in here.addresses[:MAX_ADDRESSES]
        ],
        disks=[
            Disk(
                mount=each.mount[:TEXT_CHARS],
                device=each.device[:TEXT_CHARS],
                kind=each.kind[:TEXT_CHARS],
                total=each.total,
                used=each.used,
                free=each.free,
            )
            for each in here.disks[:MAX_DISKS]
        ],
    )


def _memory(memory: "facts.Memory | None") -> Memory | None:
    if memory is None:
        return None
    return Memory(memory.total, memory.available, memory.swap_total, memory.swap_free)


def info_action(request: bytes) -> Action:
    """What `request` wants, for the policy."""
    return Action("monitor")


async def serve_info(channel: Channel, request: bytes, agent_version: str = "") -> None:
    """The agent's half of `info`. Raises ChannelReset when the console went away."""
    try:
        decode_value(request or b"\x80", InfoRequest)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.BAD_REQUEST, str(error))
        return
    channel.accept()
    await write_record(channel, await asyncio.to_thread(local_info, agent_version))
    await channel.write_eof()


async def host_info(opener: Opener) -> Info:
    """What the agent's host is.

    Raises ChannelReset, and RemoteProtocolError when the agent's reply makes no sense.
    """
    channel = await opener.open("info", msgspec.msgpack.encode(InfoRequest()), compress=True)
    try:
        info = await read_record(channel, Info)
    finally:
        await channel.close()
    if info is None:
        raise RemoteProtocolError("the agent ended its reply before it said anything")
    return info
