"""`guardpost info TARGET`: what the agent's host is."""

import argparse
import json
from typing import TYPE_CHECKING

from guardpost.cli import opening
from guardpost.cli.options import add_console_options
from guardpost.cli.quantities import bytes_text, duration_text
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.aio.channel import Opener
    from guardpost.services.info import Info

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser, json=True)
    parser.add_argument("target", metavar="TARGET")


def run(args: argparse.Namespace) -> int:
    async def work(opener: "Opener") -> int:
        from guardpost.services import info

        found = await info.host_info(opener)
        print(as_json(found) if args.json else "\n".join(as_lines(found)))
        return 0

    return opening.run_with(args, work)


def as_json(info: "Info") -> str:
    import msgspec

    fields = {name: getattr(info, name) for name in info.__struct_fields__}
    return json.dumps({"schema": 1, "host": msgspec.to_builtins(fields)})


def as_lines(info: "Info") -> list[str]:
    """`name  value`, a line each; what the host could not read is left out."""
    rows: list[tuple[str, str | None]] = [
        ("name", info.name),
        ("system", info.system),
        ("kernel", info.kernel),
        ("machine", info.machine),
        ("cpus", None if info.cpus is None else str(info.cpus)),
        ("load", None if info.load is None else " ".join(f"{each:.2f}" for each in info.load)),
        ("uptime", None if info.uptime is None else duration_text(info.uptime)),
        ("boot id", info.boot_id),
        *memory_rows(info),
        *(("address", f"{each.address}{prefix(each.prefix)} {each.interface}")
          for each in info.addresses),
        *(("disk", f"{each.mount} {bytes_text(each.free)} of {bytes_text(each.total)} free "
           f"({each.kind} on {each.device})") for each in info.disks),
        ("agent", info.agent_version),
    ]  # fmt: skip
    return [f"{name:<8}  {safe_text(value)}" for name, value in rows if value]


def memory_rows(info: "Info") -> list[tuple[str, str | None]]:
    memory = info.memory
    if memory is None:
        return []
    rows: list[tuple[str, str | None]] = [
        ("memory", f"{bytes_text(memory.available)} of {bytes_text(memory.total)} available")
    ]
    if memory.swap_total:
        rows.append(
            ("swap", f"{bytes_text(memory.swap_free)} of {bytes_text(memory.swap_total)} free")
        )
    return rows


def prefix(length: int | None) -> str:
    return "" if length is None else f"/{length}"
