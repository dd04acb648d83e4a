"""What an executable has inside, and that a checkout has nothing."""

import json
import types
import zlib

import pytest

from guardpost import baked


def module(**constants: object) -> types.ModuleType:
    """As build_frozen.py writes one."""
    made = types.ModuleType("guardpost._baked")
    vars(made).update(constants)
    return made


def test_in_a_checkout_nothing_is_baked_in() -> None:
    assert baked.FACTS.variant == baked.FACTS.authorized == ""
    assert baked.FACTS.private_key is None
    assert (baked.FACTS.parts, baked.FACTS.licenses()) == ((), ())


@pytest.mark.parametrize("is_packed", [False, True])
def test_the_licences_come_back_whole(is_packed: bool) -> None:
    written = (("libsodium", "ISC License\n\nCopyright ©"), ("zlib", "…"))
    stored = zlib.compress(json.dumps(written).encode()) if is_packed else written
    assert baked.Facts(module(LICENSES=stored)).licenses() == written


def test_a_key_or_a_password_is_a_secret_and_who_may_come_in_is_none() -> None:
    assert baked.Facts(module(IDENTITY_SEED="ab" * 32)).holds_secrets
    assert baked.Facts(module(PASSWORD_HASHES="root:$argon2id$x\n")).holds_secrets
    assert not baked.Facts(module(AUTHORIZED="a key", POLICY="baud = 9600")).holds_secrets


def test_the_key_is_in_no_text_of_it() -> None:
    facts = baked.Facts(module(IDENTITY_SEED="ab" * 32))
    assert facts.private_key == b"\xab" * 32
    assert "abab" not in repr(facts)
