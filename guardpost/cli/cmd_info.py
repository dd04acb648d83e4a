"""`guardpost info TARGET`: what the agent's host is, and how the line does."""

import argparse
from typing import TYPE_CHECKING

from guardpost.cli import opening
from guardpost.cli.json_text import json_text
from guardpost.cli.options import add_console_options
from guardpost.cli.quantities import bytes_text, duration_text
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.console.figures import Figures
    from guardpost.console.line import Session
    from guardpost.services.info import Info

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser, json=True)
    parser.add_argument("target", metavar="TARGET")


def run(args: argparse.Namespace) -> int:
    async def work(session: "Session") -> int:
        from guardpost.services import info

        found = await info.host_info(session)
        figures = await session.figures()
        if args.json:
            print(as_json(found, figures))
        else:
            print("\n".join(as_lines(found) + (line_lines(figures) if figures else [])))
        return 0

    return opening.run_with(args, work)


def as_json(info: "Info", figures: "Figures | None" = None) -> str:
    import dataclasses

    import msgspec

    fields = {name: getattr(info, name) for name in info.__struct_fields__}
    line = dataclasses.asdict(figures) if figures is not None else None
    return json_text({"schema": 1, "host": msgspec.to_builtins(fields), "line": line})


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


def line_lines(figures: "Figures") -> list[str]:
    """The line since its session began, seen from here."""
    sent, lost = figures.packets_sent, figures.packets_lost
    share = f" ({100 * lost / sent:.1f} %)" if sent else ""
    there, back = figures.profile_to_agent, figures.profile_to_console
    rows: list[tuple[str, str | None]] = [
        ("session", figures.state),
        ("profile", there if there == back else f"{there} to the agent, {back} to the console"),
        ("path", figures.path or None),
        ("speed", None if figures.bits_per_second is None else f"{figures.bits_per_second} bit/s"),
        ("rate", None if figures.rate is None else f"{figures.rate:.0f} bytes/s to the agent"),
        ("rtt", None if figures.round_trip is None else f"{figures.round_trip * 1000:.0f} ms"),
        ("sent", f"{sent} packets, {lost} lost{share}"),
        ("received", f"{figures.packets_opened} packets in {figures.frames} frames"),
        ("damaged", f"{figures.bad_frames} frames, {figures.noise_bytes} bytes of text or noise, "
         f"{figures.duplicates} duplicates"),
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
