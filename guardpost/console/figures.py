"""What `guardpost info` shows of a line: the figures of its session, as any process sees them."""

from dataclasses import dataclass

__all__ = ["Figures"]


@dataclass(frozen=True, slots=True)
class Figures:
    """How a session's line does. Rates in bytes a second, times in seconds, counts since its start.

    None where it is not known yet.
    """

    profile_to_agent: str
    profile_to_console: str
    rate: float | None
    round_trip: float | None
    packets_sent: int
    packets_lost: int
    packets_opened: int
    frames: int
    bad_frames: int
    noise_bytes: int
    duplicates: int
    channels: int
    state: str
    path: str = ""
    """What the path does to bytes, where a survey has found something."""
    bits_per_second: int | None = None
    """The speed of the line as whatever carries it tells; `rate` is what was measured."""
