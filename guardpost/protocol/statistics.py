"""Statistics: the figures of one session, as they are at a moment."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardpost.protocol.limits import FRAME_START_BYTES

if TYPE_CHECKING:
    from guardpost.protocol.association import Association

__all__ = ["Statistics", "statistics_of"]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures of one session. Rates in bytes a second, times in seconds."""

    rate: float | None
    round_trip: float | None
    packets_sent: int
    packets_lost: int
    packets_opened: int
    frames: int
    bad_frames: int
    noise_bytes: int
    refused: int
    duplicates: int
    frame_bytes: int
    queued_seconds: float
    channels: int
    state: str


def statistics_of(association: "Association", now: float) -> Statistics:
    line = association.recovery.line
    return Statistics(
        rate=line.rate,
        round_trip=association.recovery.round_trip.smoothed,
        packets_sent=association.recovery.packets_sent,
        packets_lost=association.recovery.packets_lost,
        packets_opened=association.packets_opened,
        frames=association.framer.decoder.frames,
        bad_frames=association.framer.decoder.bad_frames,
        noise_bytes=association.framer.decoder.residue_bytes,
        refused=association.session.refused,
        duplicates=association.session.duplicates,
        frame_bytes=association.recovery.frame.bytes_at(line.rate, now) or FRAME_START_BYTES,
        queued_seconds=line.queued_seconds(now),
        channels=len(association.mux),
        state=association.state.value,
    )
