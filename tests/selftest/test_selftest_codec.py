"""The codec's vectors are those of the slow codec, and a wrong one is noticed."""

import hashlib

import pytest
from support import reference_framing as reference

from guardpost.protocol import codec_paths
from guardpost.protocol.framing import Profile
from guardpost.selftest import codec
from guardpost.selftest.check import perform


@pytest.mark.parametrize("profile", Profile)
def test_the_digests_are_those_of_the_reference(profile: Profile) -> None:
    frames = [reference.encode(profile, codec.CRC_STATE, body) for body in codec.bodies()]
    assert hashlib.blake2s(b"".join(frames)).hexdigest() == codec.DIGESTS[profile]


def test_every_path_is_proved_and_the_best_is_in_use_afterwards() -> None:
    before, lines = codec_paths.path(), list[str]()
    assert perform(codec.checks(), lines.append)
    assert lines == [f"codec {path}: ok (4 profiles)" for path in codec_paths.paths()]
    assert codec_paths.path() == before


def test_another_byte_on_the_line_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codec.DIGESTS, Profile.CONSOLE, "0" * 64)
    lines = list[str]()
    assert not perform(codec.checks(), lines.append)
    assert "console: the frames are not as they must be" in lines[0]
