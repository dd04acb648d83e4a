"""What commands print with --json: JSON as RFC 8259 has it, which knows no infinity."""

import json
import math

__all__ = ["json_text"]


def json_text(value: object) -> str:
    """One line; a number that is none, or endless (an agent may say so), is null."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
