"""Who we are to the other side: static keys, how they are kept, and how people compare them."""

from guardpost.identity.keys import (
    KEY_BYTES,
    Identity,
    ephemeral,
    fingerprint,
    load_or_make,
    parse_public_key,
    public_key_text,
    words,
)

__all__ = [
    "KEY_BYTES",
    "Identity",
    "ephemeral",
    "fingerprint",
    "load_or_make",
    "parse_public_key",
    "public_key_text",
    "words",
]
