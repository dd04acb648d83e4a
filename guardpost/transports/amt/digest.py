"""HTTP digest authentication (RFC 2617, RFC 2069) as AMT's redirection uses it.

The method is POST and the URI a constant, though no HTTP is spoken. MD5 is what the firmware asks
for; docs/amt.md says what that means for the password.
"""

import hashlib

__all__ = ["METHOD", "URI", "response"]

METHOD = b"POST"
URI = b"/RedirectionService"


def response(
    user: bytes,
    password: bytes,
    realm: bytes,
    nonce: bytes,
    *,
    cnonce: bytes = b"",
    nc: bytes = b"",
    qop: bytes = b"",
    method: bytes = METHOD,
    uri: bytes = URI,
) -> bytes:
    """The request-digest, 32 lower-case hex digits: RFC 2617 section 3.2.2.1, and RFC 2069's
    without `cnonce` and `nc` where there is no `qop`.
    """
    secret = _md5(user, realm, password)
    request = _md5(method, uri)
    if qop:
        return _md5(secret, nonce, nc, cnonce, qop, request)
    return _md5(secret, nonce, request)


def _md5(*parts: bytes) -> bytes:
    return hashlib.md5(b":".join(parts), usedforsecurity=False).hexdigest().encode()
