"""The handshake: Noise XX and XXpsk3 with 25519, ChaChaPoly and BLAKE2s.

A transcription of the Noise Protocol Framework, revision 34; section numbers
below are its own, and its names are kept (`ck`, `h`, `k`, `n`, `e`, `s`, `re`,
`rs`, MixHash, ...). Knows neither frames nor packets nor who may connect: bytes
in, bytes out, two keys at the end.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_decrypt,
    crypto_aead_chacha20poly1305_ietf_encrypt,
    crypto_scalarmult,
    crypto_scalarmult_base,
)
from nacl.exceptions import CryptoError

from guardpost.errors import LocalProtocolError, RemoteProtocolError

__all__ = [
    "MAX_MESSAGE_BYTES",
    "CipherState",
    "Handshake",
    "SymmetricState",
    "KeyPair",
    "decrypt",
    "dh",
    "encrypt",
    "rekey",
]

KEY_BYTES: Final = 32  # DHLEN (4.1), HASHLEN (4.3), cipher keys (4.2) and psks (9.1) alike
TAG_BYTES: Final = 16
MAX_MESSAGE_BYTES: Final = 65535  # section 3
RESERVED_NONCE: Final = 2**64 - 1  # section 5.1: the one nonce REKEY uses

Token = Literal["e", "s", "ee", "es", "se", "psk"]

# Section 7.5 and 9.4. The initiator writes the first message, then they take turns.
XX: Final[tuple[tuple[Token, ...], ...]] = (("e",), ("e", "ee", "s", "es"), ("s", "se"))
XXPSK3: Final[tuple[tuple[Token, ...], ...]] = (*XX[:2], (*XX[2], "psk"))


# Section 12.3 and 4.2: the cipher functions.


def encrypt(k: bytes, n: int, ad: bytes, plaintext: bytes) -> bytes:
    """ENCRYPT(k, n, ad, plaintext): the ciphertext with its 16-byte tag.

    The AEAD nonce is 4 zero bytes and `n` as 64 bits, little endian.
    """
    nonce = bytes(4) + n.to_bytes(8, "little")
    return crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, ad, nonce, k)


def decrypt(k: bytes, n: int, ad: bytes, ciphertext: bytes) -> bytes:
    """DECRYPT(k, n, ad, ciphertext): the plaintext.

    Raises RemoteProtocolError when it does not open.
    """
    # libsodium's binding allocates len - 16 bytes before it looks.
    if len(ciphertext) < TAG_BYTES:
        raise RemoteProtocolError("a sealed field is too short")
    nonce = bytes(4) + n.to_bytes(8, "little")
    try:
        return crypto_aead_chacha20poly1305_ietf_decrypt(ciphertext, ad, nonce, k)
    except CryptoError:
        raise RemoteProtocolError("a sealed field does not open") from None


def rekey(key: bytes) -> bytes:
    """REKEY(k): the first 32 bytes of ENCRYPT(k, maxnonce, zerolen, zeros)."""
    return encrypt(key, RESERVED_NONCE, b"", bytes(32))[:32]


# Section 12.1 and 4.1: the DH functions.


@dataclass(frozen=True, slots=True)
class KeyPair:
    private_key: bytes = field(repr=False)
    public_key: bytes

    @classmethod
    def of(cls, private_key: bytes) -> "KeyPair":
        # The binding would read past the end of a shorter one.
        if len(private_key) != KEY_BYTES:
            raise LocalProtocolError(f"a private key has {KEY_BYTES} bytes")
        return cls(private_key, crypto_scalarmult_base(private_key))


def dh(key_pair: KeyPair, public_key: bytes) -> bytes:
    try:
        return crypto_scalarmult(key_pair.private_key, public_key)
    except CryptoError:
        # All zeros came out: the peer chose a point that makes our key irrelevant (12.1).
        raise RemoteProtocolError("the peer's public key is of low order") from None


# Section 12.4 and 4.3: the hash functions.


def _hash(data: bytes) -> bytes:
    return hashlib.blake2s(data).digest()


def _hmac_hash(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, hashlib.blake2s)


def _hkdf(chaining_key: bytes, input_key_material: bytes) -> tuple[bytes, bytes, bytes]:
    """HKDF with all three outputs; who needs two leaves the third."""
    temp_key = _hmac_hash(chaining_key, input_key_material)
    output1 = _hmac_hash(temp_key, b"\x01")
    output2 = _hmac_hash(temp_key, output1 + b"\x02")
    output3 = _hmac_hash(temp_key, output2 + b"\x03")
    return output1, output2, output3


def _take(message: bytes, count: int) -> tuple[bytes, bytes]:
    if len(message) < count:
        raise RemoteProtocolError("a handshake message is too short")
    return message[:count], message[count:]


class CipherState:
    """A key and a nonce, or no key at all (section 5.1)."""

    def __init__(self) -> None:
        self._k: bytes | None = None
        self._n = 0

    def initialize_key(self, key: bytes) -> None:
        self._k = key
        self._n = 0

    def has_key(self) -> bool:
        return self._k is not None

    def encrypt_with_ad(self, ad: bytes, plaintext: bytes) -> bytes:
        if self._k is None:
            return plaintext
        ciphertext = encrypt(self._k, self._n, ad, plaintext)
        self._n += 1
        return ciphertext

    def decrypt_with_ad(self, ad: bytes, ciphertext: bytes) -> bytes:
        """Raises RemoteProtocolError; `n` then stays as it was."""
        if self._k is None:
            return ciphertext
        plaintext = decrypt(self._k, self._n, ad, ciphertext)
        self._n += 1
        return plaintext


class SymmetricState:
    """A CipherState, the chaining key `ck` and the hash `h` (section 5.2)."""

    def __init__(self, protocol_name: bytes) -> None:
        # Both our names are longer than HASHLEN, so the zero-padded case does not exist.
        self.h = _hash(protocol_name)
        self._ck = self.h
        self._cipher_state = CipherState()

    def has_key(self) -> bool:
        return self._cipher_state.has_key()

    def mix_key(self, input_key_material: bytes) -> None:
        self._ck, temp_k, _ = _hkdf(self._ck, input_key_material)
        self._cipher_state.initialize_key(temp_k)

    def mix_hash(self, data: bytes) -> None:
        self.h = _hash(self.h + data)

    def mix_key_and_hash(self, input_key_material: bytes) -> None:
        self._ck, temp_h, temp_k = _hkdf(self._ck, input_key_material)
        self.mix_hash(temp_h)
        self._cipher_state.initialize_key(temp_k)

    def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        ciphertext = self._cipher_state.encrypt_with_ad(self.h, plaintext)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt_and_hash(self, ciphertext: bytes) -> bytes:
        plaintext = self._cipher_state.decrypt_with_ad(self.h, ciphertext)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[bytes, bytes]:
        """The initiator's and the responder's sending key; whoever takes them counts nonces."""
        temp_k1, temp_k2, _ = _hkdf(self._ck, b"")
        return temp_k1, temp_k2


class Handshake:
    """HandshakeState (section 5.3) of one XX, or XXpsk3 when there is a `psk`.

    The two ends call write_message() and read_message() in turns, the initiator
    first, three messages in all; then `finished`. Any RemoteProtocolError ends
    this handshake for good: throw it away. Calls out of turn, and anything after
    a failure, raise LocalProtocolError.

    `prologue` must be equal at both ends. `static_private` and `psk` are 32
    bytes. `random_bytes(count)` supplies the ephemeral key.
    """

    def __init__(
        self,
        *,
        initiator: bool,
        prologue: bytes,
        static_private: bytes,
        random_bytes: Callable[[int], bytes],
        psk: bytes | None = None,
    ) -> None:
        if psk is not None and len(psk) != KEY_BYTES:
            raise LocalProtocolError(f"a pre-shared key has {KEY_BYTES} bytes")
        pattern = b"XX" if psk is None else b"XXpsk3"
        self._symmetric_state = SymmetricState(b"Noise_" + pattern + b"_25519_ChaChaPoly_BLAKE2s")
        self._symmetric_state.mix_hash(prologue)
        self._initiator = initiator
        self._random_bytes = random_bytes
        self._psk = psk
        self._message_patterns = XX if psk is None else XXPSK3
        self._s = KeyPair.of(static_private)
        self._e: KeyPair | None = None
        self._re: bytes | None = None
        self._rs: bytes | None = None
        self._messages_done = 0
        self._failed = False
        self.remote_static: bytes | None = None
        """The peer's static public key, once a message proved that the peer holds it."""

    @property
    def our_turn(self) -> bool:
        """Whether write_message() comes next."""
        return not self.finished and (self._messages_done % 2 == 0) == self._initiator

    @property
    def finished(self) -> bool:
        """Whether all three messages have passed."""
        return self._messages_done == len(self._message_patterns)

    @property
    def handshake_hash(self) -> bytes:
        """GetHandshakeHash(): 32 bytes that name this session (section 11.2).

        Raises LocalProtocolError before the handshake has finished.
        """
        self._require(self.finished, "there is no handshake hash before the last message")
        return self._symmetric_state.h

    def write_message(self, payload: bytes = b"") -> bytes:
        """WriteMessage(payload): the next message, to be sent as it is.

        Raises RemoteProtocolError when a public key the peer sent is of low order.
        """
        self._require(self.our_turn, "it is not our turn to write a handshake message")
        state = self._symmetric_state
        message = b""
        self._failed = True  # until the end of the message is reached
        for token in self._message_patterns[self._messages_done]:
            if token == "e":
                self._e = KeyPair.of(self._random_bytes(KEY_BYTES))
                message += self._e.public_key
                self._mix_ephemeral(self._e.public_key)
            elif token == "s":
                message += state.encrypt_and_hash(self._s.public_key)
            else:
                self._mix_secret(token)
        message += state.encrypt_and_hash(payload)
        if len(message) > MAX_MESSAGE_BYTES:
            raise LocalProtocolError("the payload of a handshake message is too long")
        self._failed = False
        self._messages_done += 1
        return message

    def read_message(self, message: bytes) -> bytes:
        """ReadMessage(message): its payload.

        Message 1 of a handshake without psk is neither sealed nor authentic when
        it is read; the next messages prove it. Raises RemoteProtocolError when
        `message` is not what the peer must have sent.
        """
        their_turn = not self.finished and not self.our_turn
        self._require(their_turn, "it is not our turn to read a handshake message")
        state = self._symmetric_state
        self._failed = True  # until the end of the message is reached
        if len(message) > MAX_MESSAGE_BYTES:
            raise RemoteProtocolError("a handshake message is too long")
        for token in self._message_patterns[self._messages_done]:
            if token == "e":
                self._re, message = _take(message, KEY_BYTES)
                self._mix_ephemeral(self._re)
            elif token == "s":
                temp, message = _take(message, KEY_BYTES + (TAG_BYTES if state.has_key() else 0))
                self._rs = state.decrypt_and_hash(temp)
            else:
                self._mix_secret(token)
        payload = state.decrypt_and_hash(message)
        self._failed = False
        self._messages_done += 1
        # Not before: only the tag of the payload proves that the peer holds this key.
        self.remote_static = self._rs
        return payload

    def split(self) -> tuple[bytes, bytes]:
        """Split(), seen from our side: (the key we send with, the key we receive with).

        Raises LocalProtocolError before the handshake has finished.
        """
        self._require(self.finished, "there are no session keys before the last message")
        initiators, responders = self._symmetric_state.split()
        return (initiators, responders) if self._initiator else (responders, initiators)

    def _mix_ephemeral(self, public_key: bytes) -> None:
        self._symmetric_state.mix_hash(public_key)
        if self._psk is not None:  # section 9.2
            self._symmetric_state.mix_key(public_key)

    def _mix_secret(self, token: Token) -> None:
        """Process "ee", "es", "se" or "psk": the tokens that send nothing."""
        e, s, re, rs, psk = self._e, self._s, self._re, self._rs, self._psk
        match token, self._initiator:
            case ("ee", _) if e and re:
                self._symmetric_state.mix_key(dh(e, re))
            case ("es", True) | ("se", False) if e and rs:
                self._symmetric_state.mix_key(dh(e, rs))
            case ("es", False) | ("se", True) if re:
                self._symmetric_state.mix_key(dh(s, re))
            case ("psk", _) if psk:
                self._symmetric_state.mix_key_and_hash(psk)
            case _:
                raise LocalProtocolError(f"the pattern names {token} before its keys are known")

    def _require(self, condition: bool, otherwise: str) -> None:
        if self._failed:
            raise LocalProtocolError("this handshake has failed; begin another")
        if not condition:
            raise LocalProtocolError(otherwise)
