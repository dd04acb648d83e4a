"""Of PyNaCl's bindings those that the agent uses: fifteen modules less.

guardpost.protocol seals with the first, guardpost.identity and the handshake use the last, and
guardpost.agent.accounts the one between.
"""

from nacl.bindings.crypto_aead import (
    crypto_aead_chacha20poly1305_ietf_decrypt as crypto_aead_chacha20poly1305_ietf_decrypt,
)
from nacl.bindings.crypto_aead import (
    crypto_aead_chacha20poly1305_ietf_encrypt as crypto_aead_chacha20poly1305_ietf_encrypt,
)
from nacl.bindings.crypto_pwhash import (
    crypto_pwhash_ALG_ARGON2ID13 as crypto_pwhash_ALG_ARGON2ID13,
)
from nacl.bindings.crypto_pwhash import crypto_pwhash_str_alg as crypto_pwhash_str_alg
from nacl.bindings.crypto_pwhash import crypto_pwhash_str_verify as crypto_pwhash_str_verify
from nacl.bindings.crypto_scalarmult import crypto_scalarmult as crypto_scalarmult
from nacl.bindings.crypto_scalarmult import crypto_scalarmult_base as crypto_scalarmult_base
from nacl.bindings.sodium_core import sodium_init as sodium_init

sodium_init()
