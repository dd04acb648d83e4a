"""Numbers of bytes and of seconds, short enough for a column."""

import math

__all__ = ["bytes_text", "duration_text"]


def bytes_text(count: int) -> str:
    """Three digits and a unit of 1024: 512, 4.0K, 17M."""
    amount = float(count)
    for unit in ("", "K", "M", "G", "T"):
        # What would round up to 1024 belongs to the next unit.
        if amount < 1023.5:
            return f"{amount:.1f}{unit}" if unit and amount < 9.95 else f"{amount:.0f}{unit}"
        amount /= 1024
    return f"{amount:.0f}P"


def duration_text(seconds: float) -> str:
    """Minutes and seconds, or hours, or days: 0:07, 12:34, 3:04:05, 12d 3:04; endless is `-`."""
    if not math.isfinite(seconds):
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}:{minutes:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
