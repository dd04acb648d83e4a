"""Published vectors of what seals a session and keeps a password."""

import hashlib
from typing import Final

from guardpost.agent.accounts import matches
from guardpost.protocol.handshake import Handshake, KeyPair, decrypt, dh, encrypt
from guardpost.selftest.check import Check

__all__ = ["checks"]

# The vectors of cacophony for Noise_XX_25519_ChaChaPoly_BLAKE2s; snow passes them, too.
_PROLOGUE: Final = b"John Galt"
_STATIC: Final = (
    "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1",
    "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893",
)
_EPHEMERAL: Final = (
    "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
    "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
)
_HANDSHAKE: Final = (
    (
        b"Ludwig von Mises",
        "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944"
        "4c756477696720766f6e204d69736573",
    ),
    (
        b"Murray Rothbard",
        "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843"
        "7c365eb362a1c991b0557fe8a7fb187d99346765d93ec63db6c1b01504ebeec5"
        "5a2298d2dbff80eff034d20595153f63a196a6cead1e11b2bb13e336fa13616d"
        "d3e8b0a070c882ed3f1a78c7c06c93",
    ),
    (
        b"F. A. Hayek",
        "46c3307de83b014258717d97781c1f50936d8b7d50c0722a1739654d10392d41"
        "5b670c114f79b9a4f80541570f77ce88802efa4220cff733e7b5668ba38059ec"
        "904b4b8eef9448085faf51",
    ),
)
_HANDSHAKE_HASH: Final = "6c4c56cf71612f72d05ceb96c0155e6f4ea54a26b504c93de632a2db4a49d200"
_TRANSPORT: Final = (
    (b"Carl Menger", "d5e83adfaac5dc324a68f1862df54549e56d209fba707205f328b2"),
    (b"Jean-Baptiste Say", "d102c9029b1f55c788f561ba7737afbccef9c9f1bf2f238167fd40ba9c1c134867"),
)

# RFC 8439, appendix A.5.
_AEAD_KEY: Final = "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"
_AEAD_NONCE: Final = 0x0807060504030201
_AEAD_DATA: Final = "f33388860000000000004e91"
_AEAD_TEXT: Final = (
    "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, "
    "replaced, or obsoleted by other documents at any time. It is inappropriate to use "
    "Internet-Drafts as reference material or to cite them other than as /“work in progress./”"
)
_AEAD_BEGINS: Final = "64a0861575861af460f062c79be643bd"
_AEAD_TAG: Final = "eead9d67890cbb22392336fea1851f38"

# RFC 7748, section 5.2.
_SCALAR: Final = "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"
_POINT: Final = "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"
_PRODUCT: Final = "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"

# RFC 7693, appendix B.
_BLAKE2S_ABC: Final = "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"

# test.c of the reference implementation of Argon2, version 0x13.
_ARGON2ID: Final = (
    b"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
)


def checks() -> list[Check]:
    return [
        Check("Noise XX", _noise),
        Check("ChaCha20-Poly1305", _aead),
        Check("X25519", _x25519),
        Check("BLAKE2s", _blake2s),
        Check("Argon2id", _argon2id),
    ]


def _expect(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise ValueError(f"{what} is not what is published")


def _handshake(end: int) -> Handshake:
    ephemeral = bytes.fromhex(_EPHEMERAL[end])
    return Handshake(
        initiator=end == 0,
        prologue=_PROLOGUE,
        static_private=bytes.fromhex(_STATIC[end]),
        random_bytes=lambda count: ephemeral[:count],
    )


def _noise() -> None:
    ends = [_handshake(0), _handshake(1)]
    for number, (payload, wanted) in enumerate(_HANDSHAKE, start=1):
        message = ends[0].write_message(payload)
        _expect(message.hex(), wanted, f"message {number}")
        _expect(ends[1].read_message(message), payload, f"what message {number} holds")
        ends.reverse()
    for end in ends:
        _expect(end.handshake_hash.hex(), _HANDSHAKE_HASH, "the handshake hash")
    # The responder sends first, since the initiator sent last.
    keys = ends[0].split()
    for key, (payload, wanted) in zip(keys, _TRANSPORT, strict=True):
        _expect(encrypt(key, 0, b"", payload).hex(), wanted, "what a session key seals")


def _aead() -> None:
    key, data = bytes.fromhex(_AEAD_KEY), bytes.fromhex(_AEAD_DATA)
    text = _AEAD_TEXT.encode()
    sealed = encrypt(key, _AEAD_NONCE, data, text)
    _expect((sealed[:16].hex(), sealed[-16:].hex()), (_AEAD_BEGINS, _AEAD_TAG), "the ciphertext")
    _expect(decrypt(key, _AEAD_NONCE, data, sealed), text, "the plaintext")


def _x25519() -> None:
    ours = KeyPair(bytes.fromhex(_SCALAR), b"")
    _expect(dh(ours, bytes.fromhex(_POINT)).hex(), _PRODUCT, "the product")


def _blake2s() -> None:
    _expect(hashlib.blake2s(b"abc").hexdigest(), _BLAKE2S_ABC, "the hash")


def _argon2id() -> None:
    _expect(matches(_ARGON2ID, "password"), True, "the right password's answer")
    _expect(matches(_ARGON2ID, "passwore"), False, "a wrong password's answer")
