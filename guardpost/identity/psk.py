"""The pre-shared key of both ends (`--psk FILE`): one more secret in the handshake (XXpsk3).

The file has one line, `guardpost-psk-1:` and 32 bytes in base64 (44 characters); lines that
begin with # are ignored. docs/security.md shows how one is made.
"""

import base64
import binascii
from pathlib import Path

from guardpost.errors import KeyFileError
from guardpost.identity import keyfile

__all__ = ["PSK_BYTES", "read_psk"]

PSK_BYTES = 32
_MARK = "guardpost-psk-1:"


def read_psk(path: Path) -> bytes:
    """The 32 bytes in `path`. Raises KeyFileError: missing, readable by others, malformed."""
    try:
        text = keyfile.read_secret(path)
    except FileNotFoundError:
        raise KeyFileError(f"{path}: no such file; both ends need the same one") from None
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if len(lines) == 1 and lines[0].startswith(_MARK):
        try:
            psk = base64.b64decode(
                lines[0].removeprefix(_MARK).strip().encode("ascii"), validate=True
            )
        except (binascii.Error, UnicodeEncodeError):
            psk = b""
        if len(psk) == PSK_BYTES:
            return psk
    # Nothing of the content is shown: it may be a secret all the same.
    raise KeyFileError(
        f"{path} is no pre-shared key: one line, {_MARK} and 32 bytes in base64; make one with: "
        f"(umask 077; (printf {_MARK}; head -c 32 /dev/urandom | base64) >FILE)"
    )
