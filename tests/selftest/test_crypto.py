"""The published vectors pass, and each of them notices when something else comes out."""

import json
from pathlib import Path

import pytest

from guardpost.selftest import crypto
from guardpost.selftest.check import perform

VECTORS = Path(__file__).parent.parent / "vectors" / "noise_25519_chachapoly_blake2s.json"

WRONG = {
    "Noise XX": "_HANDSHAKE_HASH",
    "ChaCha20-Poly1305": "_AEAD_TAG",
    "X25519": "_PRODUCT",
    "BLAKE2s": "_BLAKE2S_ABC",
}


def test_all_of_them_pass() -> None:
    lines = list[str]()
    assert perform(crypto.checks(), lines.append)
    assert lines == [f"{name}: ok" for name in (*WRONG, "Argon2id")]


@pytest.mark.parametrize(("name", "constant"), WRONG.items())
def test_what_is_not_published_is_noticed(
    name: str, constant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crypto, constant, "00")
    lines = list[str]()
    assert not perform(crypto.checks(), lines.append)
    assert [line for line in lines if not line.endswith(": ok")] == [
        line for line in lines if line.startswith(f"{name}: failed: ValueError")
    ]


def test_a_password_that_is_wrong_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto, "_ARGON2ID", crypto._ARGON2ID[:-1] + b"5")
    lines = list[str]()
    assert not perform(crypto.checks(), lines.append)
    assert lines[-1].startswith("Argon2id: failed")


def test_the_handshake_is_that_of_the_vectors() -> None:
    (vector,) = [
        each
        for each in json.loads(VECTORS.read_text())["vectors"]
        if each["protocol_name"] == "Noise_XX_25519_ChaChaPoly_BLAKE2s"
        and each["source"] == "cacophony"
    ]
    messages = [(bytes.fromhex(each["payload"]), each["ciphertext"]) for each in vector["messages"]]
    assert [*crypto._HANDSHAKE, *crypto._TRANSPORT] == messages[:5]
    assert vector["handshake_hash"] == crypto._HANDSHAKE_HASH
