"""Of msgspec.structs what the agent uses."""

from ._core import replace as replace
