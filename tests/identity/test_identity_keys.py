"""An identity is made once, kept to ourselves, and shown in three ways."""

import base64
import hashlib
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult_base

from guardpost.errors import KeyFileError, UsageError
from guardpost.identity import (
    Identity,
    ephemeral,
    fingerprint,
    load_or_make,
    parse_public_key,
    public_key_text,
    words,
)
from guardpost.identity.wordlist import WORDS

PRIVATE = bytes(range(32))
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")


def private_text(private: bytes = PRIVATE) -> str:
    return base64.b64encode(private).decode()


def write_key(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_made_on_first_use_and_the_same_ever_after(tmp_path: Path) -> None:
    path = tmp_path / "config" / "guardpost" / "identity.key"
    made = load_or_make(path, os.urandom)
    assert load_or_make(path, lambda count: pytest.fail("made again")) == made
    assert not made.is_ephemeral
    assert [each.name for each in path.parent.iterdir()] == ["identity.key"]


@posix_only
def test_file_and_folder_are_for_us_alone_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "config" / "guardpost" / "identity.key"
    umask = os.umask(0)
    try:
        load_or_make(path, os.urandom)
    finally:
        os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.parent.parent.stat().st_mode & 0o777 == 0o700


def test_the_file_names_the_public_key_and_holds_the_private_one(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    identity = load_or_make(path, lambda count: PRIVATE)
    comment, key = path.read_text().splitlines()
    assert comment.startswith("# ")
    assert identity.public_key in comment
    assert key == f"guardpost-key-1:{private_text()}"
    assert identity.public == crypto_scalarmult_base(PRIVATE)


def test_first_users_at_once_get_the_same_identity(tmp_path: Path) -> None:
    path = tmp_path / "new" / "identity.key"
    start = threading.Barrier(8)
    found: list[Identity] = []

    def first_use() -> None:
        start.wait()
        found.append(load_or_make(path, os.urandom))

    users = [threading.Thread(target=first_use) for _ in range(8)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert len(found) == 8
    assert len({each.private for each in found}) == 1
    assert [each.name for each in path.parent.iterdir()] == ["identity.key"]


@posix_only
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660, 0o601, 0o777])
def test_a_file_others_can_use_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = write_key(tmp_path / "my key", f"guardpost-key-1:{private_text()}\n", mode)
    with pytest.raises(KeyFileError) as refused:
        load_or_make(path, os.urandom)
    assert f"chmod 600 '{path}'" in str(refused.value)
    assert f"{mode:04o}" in str(refused.value)
    path.chmod(0o400)
    assert load_or_make(path, os.urandom) == Identity(PRIVATE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment\n",
        "guardpost-key-1:\n",
        f"guardpost-key-2:{private_text()}\n",
        f"{private_text()}\n",
        f"guardpost-key-1:{private_text(PRIVATE[:-1])}\n",
        f"guardpost-key-1:{private_text(PRIVATE + b'x')}\n",
        f"guardpost-key-1:{private_text()[:-2]}9=\n",  # bits beyond the last byte
        f"guardpost-key-1:{private_text()}\nguardpost-key-1:{private_text()}\n",
        f"guardpost-key-1: {private_text()}\n",
        "guardpost-key-1:" + "é" * 44,
        "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        "\0" * 64,
    ],
)
def test_a_malformed_file_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = write_key(tmp_path / "identity.key", text)
    with pytest.raises(KeyFileError) as refused:
        load_or_make(path, os.urandom)
    assert str(path) in str(refused.value)
    assert private_text() not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert path.read_text() == text


def test_windows_line_ends_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    path.write_bytes(b"\r\n# mine\r\n  guardpost-key-1:" + private_text().encode() + b" \r\n\r\n")
    path.chmod(0o600)
    assert load_or_make(path, os.urandom) == Identity(PRIVATE)


@posix_only
def test_a_link_to_nowhere_is_not_taken_for_a_first_use(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    path.symlink_to(tmp_path / "unmounted" / "identity.key")
    with pytest.raises(KeyFileError, match="points to a file that is missing"):
        load_or_make(path, os.urandom)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match="file"):
        load_or_make(tmp_path / "file" / "guardpost" / "identity.key", os.urandom)


def test_an_ephemeral_identity_says_so() -> None:
    identity = ephemeral(lambda count: PRIVATE[:count])
    assert identity.is_ephemeral
    assert identity.private == PRIVATE
    assert "ephemeral" in repr(identity)


def test_the_private_key_is_in_no_representation() -> None:
    identity = Identity(PRIVATE)
    for shown in (repr(identity), str(identity), f"{identity}", repr([identity])):
        assert identity.public_key in shown
        assert private_text() not in shown
        assert repr(PRIVATE) not in shown


def test_a_private_key_has_32_bytes() -> None:
    with pytest.raises(UsageError, match="32 bytes"):
        Identity(PRIVATE[:-1])


@given(st.binary(min_size=32, max_size=32))
def test_public_keys_travel_as_44_characters(public: bytes) -> None:
    text = public_key_text(public)
    assert len(text) == 44
    assert parse_public_key(text) == public
    assert parse_public_key(f" {text}\n") == public


@given(st.text(max_size=80))
def test_whatever_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_public_key(text)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("change", ["-", "_", "=", " ", "9"])
def test_a_key_has_one_spelling(change: str) -> None:
    text = public_key_text(bytes([255] * 32))
    with pytest.raises(UsageError):
        parse_public_key(text[:-2] + change + text[-1:])
    with pytest.raises(UsageError):
        parse_public_key(text + "=")


def test_fingerprint_and_words_are_those_of_the_sha256() -> None:
    public = Identity(PRIVATE).public
    digest = hashlib.sha256(public).digest()
    assert fingerprint(public) == "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    assert words(public).split() == [WORDS[byte] for byte in digest[:6]]
    assert len(words(public)) < 60
