"""A static key pair, the file it lives in, and the three ways of showing a public key.

The private half leaves this module only as `Identity.private`, for the handshake.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from guardpost.errors import KeyFileError, UsageError
from guardpost.identity import keyfile
from guardpost.identity.wordlist import WORDS

__all__ = ["KEY_BYTES", "Identity", "ephemeral", "fingerprint", "load_or_make"]
__all__ += ["parse_public_key", "public_key_text", "words"]

KEY_BYTES = 32
SPOKEN_WORDS = 6
_MARK = "guardpost-key-1:"

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are: an X25519 key pair. `private` (32 bytes) is in no representation."""

    private: bytes = field(repr=False)
    is_ephemeral: bool = False
    """Whether it lives only as long as this process, and must not be remembered by a peer."""
    public: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.private) != KEY_BYTES:
            raise UsageError(f"a private key has {KEY_BYTES} bytes, not {len(self.private)}")
        # A tenth of a second, which whoever only asks for names and places does not spend.
        from nacl.bindings import crypto_scalarmult_base

        object.__setattr__(self, "public", crypto_scalarmult_base(self.private))

    @property
    def public_key(self) -> str:
        """The public key as people write it: 44 characters."""
        return public_key_text(self.public)

    def __repr__(self) -> str:
        return f"Identity({self.public_key}{', ephemeral' if self.is_ephemeral else ''})"


def ephemeral(random_bytes: RandomBytes) -> Identity:
    """A new identity that is written nowhere."""
    return Identity(random_bytes(KEY_BYTES), is_ephemeral=True)


def load_or_make(path: Path, random_bytes: RandomBytes) -> Identity:
    """The identity in `path`, made there on first use (file 0600, folder 0700).

    Of several first users at once one makes it and all load the same. Raises
    KeyFileError when others can read the file, when it is malformed, or when it
    can neither be read nor made.
    """
    try:
        return _parse(path, keyfile.read_secret(path))
    except FileNotFoundError:
        pass
    keyfile.make_folder(path.parent)
    made = Identity(random_bytes(KEY_BYTES))
    if keyfile.create(path, _format(made)):
        return made
    try:
        return _parse(path, keyfile.read_secret(path))
    except FileNotFoundError:
        raise KeyFileError(f"{path} points to a file that is missing; remove it") from None


def _format(identity: Identity) -> str:
    return (
        f"# The private key of {identity.public_key}. Whoever can read this line can be it.\n"
        f"{_MARK}{_base64(identity.private)}\n"
    )


def _parse(path: Path, text: str) -> Identity:
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    private = None
    if len(lines) == 1 and lines[0].startswith(_MARK):
        private = _key_bytes(lines[0].removeprefix(_MARK))
    if private is None:
        # Nothing of the content is shown: it may be a secret all the same.
        raise KeyFileError(
            f"{path} is not a guardpost identity; move it away, and a new one is made"
        )
    return Identity(private)


def public_key_text(public: bytes) -> str:
    """32 bytes as 44 characters (RFC 4648 section 4)."""
    return _base64(public)


def parse_public_key(text: str) -> bytes:
    """The 32 bytes of a public key of 44 characters. Raises UsageError."""
    public = _key_bytes(text.strip())
    if public is None:
        shown = text.strip() if len(text) <= 60 else text.strip()[:60] + "..."
        raise UsageError(f"{shown!r} is no public key; `guardpost key` prints one (44 characters)")
    return public


def fingerprint(public: bytes) -> str:
    """`SHA256:` and 43 characters, for eyes that know ssh's."""
    return "SHA256:" + _base64(hashlib.sha256(public).digest()).rstrip("=")


def words(public: bytes) -> str:
    """Six words to read out over a telephone: the first six bytes of the SHA-256.

    They catch a mix-up and make an attack dear (some 2^48 keys to try), no more;
    who must be certain compares the key itself.
    """
    return " ".join(WORDS[byte] for byte in hashlib.sha256(public).digest()[:SPOKEN_WORDS])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _key_bytes(text: str) -> bytes | None:
    """Exactly what `_base64` wrote: one key has one spelling, so that texts can be compared."""
    try:
        key = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    return key if len(key) == KEY_BYTES and _base64(key) == text else None
