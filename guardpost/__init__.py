"""guardpost: a sealed, loss-proof session, and a text prompt, on a serial line."""

__version__ = "0.1.0"
