"""Every path of the codec that runs here, forced: the same bytes, whatever the bytes."""

import platform
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import reference_framing as reference

from guardpost.errors import LocalProtocolError
from guardpost.protocol import codec_paths, framing
from guardpost.protocol.framing import Decoder, Encoder, Profile

STATE, OTHER = 0x01234567, 0x89ABCDEF


@pytest.fixture(params=codec_paths.paths())
def forced(request: pytest.FixtureRequest) -> Iterator[str]:
    """One path after the other; the best again when the test is over."""
    chosen = codec_paths.path()
    codec_paths.use_path(request.param)
    yield request.param
    codec_paths.use_path(chosen)


every_example_on_it = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

# What each loop finds hard: zeros close together, blocks that fill up, and what it takes for one.
bodies = st.one_of(
    st.binary(min_size=1, max_size=600),
    st.lists(st.sampled_from(b"\0\0\0\x01a"), min_size=1, max_size=600).map(bytes),
    st.lists(
        st.sampled_from([b"a" * 254, b"a" * 83, b"a" * 11, b"\0", b"\x11", b"\xff"]), min_size=1
    )
    .map(b"".join)
    .filter(lambda body: len(body) <= 4000),
)


def test_the_portable_path_is_everywhere_and_the_best_is_taken() -> None:
    found = codec_paths.paths()
    assert found[0] == "portable"
    assert codec_paths.path() == found[-1]
    wanted = {"x86_64": {"sse42", "avx2"}, "AMD64": set(), "aarch64": {"arm64"}}
    assert set(found[1:]) <= wanted.get(platform.machine(), set())


def test_a_path_is_taken_when_asked_for(forced: str) -> None:
    assert codec_paths.path() == forced


def test_a_path_of_other_machines_is_refused() -> None:
    before = codec_paths.path()
    for name in {"sse42", "avx2", "arm64", "sse9"} - set(codec_paths.paths()):
        with pytest.raises(LocalProtocolError, match=name):
            codec_paths.use_path(name)
    assert codec_paths.path() == before


@given(profile=st.sampled_from(Profile), body=bodies)
@every_example_on_it
def test_frames_are_those_of_the_reference(forced: str, profile: Profile, body: bytes) -> None:
    frame = reference.encode(profile, STATE, body)
    encoder = Encoder(profile, STATE)
    assert encoder.encode(body) == frame
    assert encoder.encode_many([body, b"between", body]) == (
        frame + encoder.encode(b"between") + frame
    )
    assert Decoder(profile, (OTHER, STATE)).feed(frame * 2) == [(1, body)] * 2


@given(profile=st.sampled_from(Profile), body=bodies, data=st.data())
@every_example_on_it
def test_damage_is_seen_as_the_reference_sees_it(
    forced: str, profile: Profile, body: bytes, data: st.DataObject
) -> None:
    line = bytearray(reference.encode(profile, STATE, body) * 2)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(line) - 1))
        line[at] = data.draw(st.sampled_from([0, 1, 0x11, 0x1E, 0x7B, 0xFE, 0xFF, line[at] ^ 1]))
    hold = framing.encoded_max(profile, framing.BODY_MAX_BYTES)
    expected = reference.ReferenceDecoder(profile, (STATE,), hold + hold // 32)
    decoder = Decoder(profile, (STATE,))
    cut = data.draw(st.integers(0, len(line)))
    items = decoder.feed(bytes(line[:cut])) + decoder.feed(bytes(line[cut:]))
    assert items == expected.feed(bytes(line))
    assert decoder.pending == len(expected.segment)


@pytest.mark.parametrize("profile", list(Profile), ids=lambda each: each.name)
def test_long_frames_and_flights(forced: str, profile: Profile) -> None:
    rng = random.Random(6)
    flight = [
        bytes(rng.choices((0, 0x11, 65, 66, 255), k=n))
        for n in (
            1,
            framing.BODY_MAX_BYTES,
            1023,
            1024,
            1025,
            1056,
            1057,
            9000,
            16384,
            16384,
            16384,
        )
    ]
    flight += [rng.randbytes(n) for n in (framing.BODY_MAX_BYTES, 16000, 16001, 31, 32, 33)]
    line = Encoder(profile, STATE).encode_many(flight)
    assert Decoder(profile, (STATE,)).feed(line) == [(0, body) for body in flight]
    in_reads = Decoder(profile, (STATE,))
    items = [
        item for at in range(0, len(line), 4095) for item in in_reads.feed(line[at : at + 4095])
    ]
    assert items == [(0, body) for body in flight]


def test_the_crc_is_one_on_all(forced: str) -> None:
    data = random.Random(7).randbytes(20_000)
    for n in [*range(400), 1535, 1536, 1537, 3072, 20_000]:
        expected = reference.crc32c(data[:n], STATE) if n < 400 else None
        whole = framing.crc32c(data[:n], STATE)
        first = framing.crc32c(data[: n // 3], STATE)
        assert framing.crc32c(data[n // 3 : n], ~first & 0xFFFFFFFF) == whole
        assert expected in (whole, None)
