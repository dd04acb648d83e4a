"""`guardpost ports`: every serial port of this host, and which one `agent auto` takes, and why."""

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.ports import Candidate, Machine

__all__ = ["configure", "run"]

HEADINGS = ("PORT", "SCORE", "WHAT IT IS", "TAKEN BY")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON on standard output")


def run(args: argparse.Namespace) -> int:
    """Opens no port. Raises nothing."""
    from guardpost import ports

    machine = ports.survey()
    candidates = ports.rank(machine)
    taken = ports.taken_by_auto(candidates)
    if args.json:
        print(as_json(machine, candidates, taken))
    else:
        print("\n".join(as_lines(machine, candidates, taken)))
    return 0


def as_lines(
    machine: "Machine", candidates: "Sequence[Candidate]", taken: "Candidate | None"
) -> list[str]:
    rows = [HEADINGS, *(cells(each) for each in candidates)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADINGS))]
    lines = []
    for at, row in enumerate(rows):
        candidate = candidates[at - 1] if at else None
        mark = "* " if candidate is not None and candidate is taken else "  "
        name, score, *rest = (cell.ljust(size) for cell, size in zip(row, widths, strict=True))
        lines.append(f"{mark}{name}  {score.strip():>{widths[1]}}  {'  '.join(rest)}".rstrip())
        for reason in candidate.reasons if candidate is not None else ():
            points = f"{reason.points:+d}".rjust(2 + widths[0] + 2 + widths[1])
            lines.append(f"{points}  {safe_text(reason.words)}")
    if not candidates:
        lines = ["this host has no serial port"]
    if machine.empty_names:
        lines.append(f"without a UART behind them: {' '.join(machine.empty_names)}")
    lines += [f"not read: {safe_text(each)}" for each in machine.unread]
    if taken is None and machine.wanted:
        lines.append(f"auto waits for guardpost.port={safe_text(machine.wanted)}")
    elif taken is None:
        lines.append("auto takes none, and waits for one")
    else:
        speed = f", {taken.baud} bit/s" if taken.baud else ""
        lines.append(f"auto takes {taken.port.path}{speed}: {safe_text(taken.main_reason)}")
    return lines


def cells(candidate: "Candidate") -> tuple[str, ...]:
    port = candidate.port
    uses = ", ".join(each.words for each in port.uses)
    return port.path, str(candidate.score), safe_text(what(candidate)), safe_text(uses or "-")


def what(candidate: "Candidate") -> str:
    """The hardware in a few words."""
    port = candidate.port
    if port.is_virtio_channel:
        return f"virtio port {port.channel}"
    place = ""
    if port.io_address is not None:
        place = f"at I/O {port.io_address:#x}"
    elif port.memory_address is not None:
        place = f"at memory {port.memory_address:#x}"
    device = (
        str(port.pci) if port.pci is not None else " ".join(filter(None, (port.bus, port.label)))
    )
    return ", ".join(filter(None, (device, place))) or "?"


def as_json(
    machine: "Machine", candidates: "Sequence[Candidate]", taken: "Candidate | None"
) -> str:
    document = {
        "schema": 1,
        "auto": None if taken is None else taken.port.path,
        "ports": [as_object(each) for each in candidates],
        "without_uart": list(machine.empty_names),
        "unread": list(machine.unread),
        "vendor": machine.smbios.vendor or machine.smbios.board_vendor or None,
        "product": machine.smbios.product or machine.smbios.board or None,
        "bmc": machine.has_bmc or bool(machine.smbios.bmc),
    }
    return json.dumps(document)


def as_object(candidate: "Candidate") -> dict[str, object]:
    port = candidate.port
    return {
        "path": port.path,
        "what": what(candidate),
        "score": candidate.score,
        "reasons": [{"points": each.points, "words": each.words} for each in candidate.reasons],
        "taken_by": [{"words": each.words, "getty": each.is_getty} for each in port.uses],
        "barred": candidate.is_barred,
        "baud": candidate.baud,
        "bus": port.bus or None,
        "node": port.node or None,
        "label": port.label or None,
        "pci": None if port.pci is None else f"{port.pci.vendor_id:04x}:{port.pci.device_id:04x}",
        "io_address": port.io_address,
        "memory_address": port.memory_address,
        "channel": port.channel or None,
    }
