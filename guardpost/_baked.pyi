# Written by build_frozen.py into an executable; guardpost/baked.py reads it, and nobody else.

VARIANT: str
TARGET: str
PARTS: tuple[tuple[str, str], ...]
LICENSES: tuple[tuple[str, str], ...] | bytes
AUTHORIZED: str
POLICY: str
PASSWORD_HASHES: str
IDENTITY_SEED: str
