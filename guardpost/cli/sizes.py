"""Sizes as people give them on a command line."""

__all__ = ["size"]

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def size(text: str) -> int:
    """Bytes: "4096", "500M", "1.5g", "2GiB"; units of 1024. Raises ValueError."""
    number = text.upper().removesuffix("B").removesuffix("I")
    unit = number[-1:] if number[-1:] in _UNITS else ""
    value = float(number.removesuffix(unit) if unit else number) * _UNITS[unit]
    if not 0 <= value < 1 << 62:
        raise ValueError(text)
    return int(value)
