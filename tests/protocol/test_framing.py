"""Frames survive a dirty line, and whatever is not a frame comes out as it went in."""

import itertools
import json
import random
import threading

import pytest
from cobs import cobs
from crc32c import crc32c as published_crc32c
from hypothesis import given
from hypothesis import strategies as st
from support import framing_vectors
from support import reference_framing as reference

from guardpost.errors import LocalProtocolError
from guardpost.protocol import framing
from guardpost.protocol.framing import Decoder, Encoder, Profile, Residue

PUBLISHED = 0xFFFFFFFF
OURS, OTHERS = 0x01234567, 0x89ABCDEF
VECTORS = json.loads(framing_vectors.PATH.read_text())
NAMES = {each.name.lower(): each for each in Profile}

every_profile = pytest.mark.parametrize("profile", list(Profile), ids=lambda each: each.name)
stuffed_profile = pytest.mark.parametrize(
    "profile", [Profile.CLEAN, Profile.XONXOFF, Profile.CONSOLE], ids=lambda each: each.name
)


def hold_of(profile: Profile) -> int:
    longest = framing.encoded_max(profile, framing.BODY_MAX_BYTES)
    return longest + longest // 32


def feed_in_pieces(decoder: Decoder, line: bytes, cuts: list[int]) -> list[tuple[int, bytes]]:
    items = []
    for start, end in zip([0, *cuts], [*cuts, len(line)], strict=True):
        items += decoder.feed(line[start:end])
    return items


def name_of(case: dict[str, str]) -> str:
    return f"{case['profile']}: {case['why']}"


# What is on the line.


def test_the_vectors_are_what_the_reference_says() -> None:
    assert framing_vectors.PATH.read_text() == framing_vectors.written()


@pytest.mark.parametrize("case", VECTORS["encode"], ids=name_of)
def test_golden_frames_both_ways(case: dict[str, str]) -> None:
    profile, state = NAMES[case["profile"]], int(case["state"], 16)
    body, frame = bytes.fromhex(case["body"]), bytes.fromhex(case["frame"])
    assert Encoder(profile, state).encode(body) == frame
    assert Decoder(profile, (state,)).feed(frame) == [(0, body)]


@pytest.mark.parametrize("case", VECTORS["decode"], ids=name_of)
def test_golden_lines(case: dict[str, str]) -> None:
    profile, line = NAMES[case["profile"]], bytes.fromhex(case["line"])
    items = [(which, bytes.fromhex(data)) for which, data in case["items"]]
    assert Decoder(profile, (PUBLISHED,)).feed(line) == items
    in_bytes = feed_in_pieces(Decoder(profile, (PUBLISHED,)), line, list(range(1, len(line))))
    assert in_bytes == items


def test_the_crc_is_the_published_one() -> None:
    assert framing.crc32c(b"") == 0
    assert framing.crc32c(b"123456789") == 0xE3069283  # RFC 3720, B.4 and the CRC catalogue
    assert framing.crc32c(bytes(32)) == 0x8A9136AA
    assert framing.crc32c(b"\xff" * 32) == 0x62A8AB43
    assert framing.crc32c(bytes(range(32))) == 0x46DD794E
    data = random.Random(1).randbytes(5000)
    for n in [*range(300), 4095, 5000]:
        assert framing.crc32c(data[:n]) == published_crc32c(data[:n])
        assert framing.crc32c(data[:n], OURS) == reference.crc32c(data[:n], OURS)


def test_a_crc_goes_on_where_it_stopped() -> None:
    whole, state = framing.crc32c(b"guardpost", OURS), OURS
    for piece in (b"gu", b"", b"ardpos", b"t"):
        state = ~framing.crc32c(piece, state) & 0xFFFFFFFF
    assert ~state & 0xFFFFFFFF == whole


def test_clean_is_cobs_bit_for_bit() -> None:
    rng = random.Random(2)
    encoder = Encoder(Profile.CLEAN, PUBLISHED)
    for n in [*range(1, 600), 4096, framing.BODY_MAX_BYTES]:
        body = bytes(rng.choice((rng.randrange(256), 0, 1)) for _ in range(n))
        crc = published_crc32c(body).to_bytes(4, "little")
        assert encoder.encode(body) == cobs.encode(body + crc) + b"\x00"


@every_profile
def test_a_frame_holds_no_forbidden_byte_but_its_end(profile: Profile) -> None:
    frame = Encoder(profile, OURS).encode(bytes(range(256)) * 20)
    assert not set(frame[:-1]) & framing.FORBIDDEN[profile]
    assert frame.endswith(profile.delimiter)
    assert frame.count(profile.delimiter) == 1


@stuffed_profile
def test_the_forbidden_bytes_are_those_of_the_reference(profile: Profile) -> None:
    assert framing.FORBIDDEN[profile] == set(reference.FORBIDDEN[profile])
    assert profile.delimiter == bytes([reference.DELIMITER[profile]])


@every_profile
def test_the_worst_case_is_what_the_reference_says(profile: Profile) -> None:
    for n in [*range(2049), framing.BODY_MAX_BYTES]:
        assert framing.encoded_max(profile, n) == reference.encoded_max(profile, n)


# Encoding.


@every_profile
def test_c_and_reference_encode_alike(profile: Profile) -> None:
    rng = random.Random(3)
    values = [*range(256), *[0, 0x11, 0x1E, 0xFF] * 32]
    bodies = [bytes(rng.choices(values, k=n)) for n in range(1, 330)]
    bodies += [bytes(rng.choices(values, k=rng.randrange(330, 3000))) for _ in range(5)]
    frames = [reference.encode(profile, OURS, body) for body in bodies]
    encoder = Encoder(profile, OURS)
    assert [encoder.encode(body) for body in bodies] == frames
    assert encoder.encode_many(bodies) == b"".join(frames)


@every_profile
def test_many_frames_at_once_fit_in_no_arena(profile: Profile) -> None:
    bodies = [bytes([n & 0xFF]) * (1 + n % 200) for n in range(5000)]
    bodies += [b"\x1e" * framing.BODY_MAX_BYTES] * 9
    line = Encoder(profile, OURS).encode_many(bodies)
    assert Decoder(profile, (OURS,)).feed(line) == [(0, body) for body in bodies]
    assert Encoder(profile, OURS).encode_many([]) == b""


@every_profile
def test_segments_are_numbered_frames(profile: Profile) -> None:
    data = random.Random(4).randbytes(200_003)
    line = Encoder(profile, OURS).encode_segments(b"\x07\xfe\xff\x09", 1, data, 500)
    bodies = [body for _, body in Decoder(profile, (OURS,)).feed(line)]
    assert [body[:4] for body in bodies[:3]] == [
        b"\7\xfe\xff\x09",
        b"\7\xff\xff\x09",
        b"\7\0\0\x09",
    ]
    assert [int.from_bytes(body[1:3], "little") for body in bodies] == [
        (0xFFFE + n) & 0xFFFF for n in range(401)
    ]
    assert b"".join(body[4:] for body in bodies) == data
    assert {len(body) for body in bodies} == {504, 7}


@every_profile
def test_what_cannot_be_a_frame_is_refused(profile: Profile) -> None:
    encoder = Encoder(profile, OURS)
    too_long = bytes(framing.BODY_MAX_BYTES + 1)
    for body in (b"", too_long):
        with pytest.raises(LocalProtocolError):
            encoder.encode(body)
        with pytest.raises(LocalProtocolError):
            encoder.encode_many([b"good", body])
    for header, counter_at, segment in [
        (b"\0\0", 1, 9),
        (b"\0\0", -1, 9),
        (b"\0\0", 0, 0),
        (b"\0\0", 0, framing.BODY_MAX_BYTES),
        (bytes(framing.HEADER_MAX_BYTES + 1), 0, 9),
    ]:
        with pytest.raises(LocalProtocolError):
            encoder.encode_segments(header, counter_at, too_long, segment)
    with pytest.raises(LocalProtocolError):
        framing.encoded_max(profile, framing.BODY_MAX_BYTES + 1)
    with pytest.raises(LocalProtocolError):
        Encoder(profile, 1 << 32)


@every_profile
def test_an_encoder_goes_on_after_a_refusal(profile: Profile) -> None:
    encoder = Encoder(profile, OURS)
    with pytest.raises(LocalProtocolError):
        encoder.encode(b"")
    longest = b"\x00" * framing.BODY_MAX_BYTES
    assert Decoder(profile, (OURS,)).feed(encoder.encode(longest)) == [(0, longest)]


# Decoding.


def dirty_line(profile: Profile, rng: random.Random) -> bytes:
    """Frames of three sessions, guards, text, noise, cuts and what paths insert."""
    line = b""
    marks = bytes([*framing.FORBIDDEN[profile]][:40]) + b"{}"
    for _ in range(rng.randrange(1, 12)):
        body = rng.choice((rng.randbytes, lambda n: bytes(rng.choices(marks, k=n))))(
            rng.randrange(1, 90)
        )
        frame = bytearray(reference.encode(profile, rng.choice((OURS, OTHERS, 5)), body))
        match rng.randrange(8):
            case 0:
                frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
            case 1:
                frame.insert(rng.randrange(len(frame)), rng.choice(marks))
            case 2:
                del frame[rng.randrange(len(frame)) :]
            case 3:
                del frame[: rng.randrange(len(frame))]
            case 4:
                frame[:0] = rng.choice((profile.delimiter * 2, b"login: ", rng.randbytes(30)))
            case _:
                pass
        line += frame
    return line


@every_profile
def test_c_and_reference_decode_alike(profile: Profile) -> None:
    for seed in range(150):
        line = dirty_line(profile, random.Random(seed))
        states = (OURS, OTHERS)
        expected = reference.ReferenceDecoder(profile, states, hold_of(profile))
        items = expected.feed(line)
        whole, in_bytes = Decoder(profile, states), Decoder(profile, states)
        assert whole.feed(line) == items, seed
        assert feed_in_pieces(in_bytes, line, list(range(1, len(line)))) == items, seed
        for decoder in (whole, in_bytes):
            assert decoder.pending == len(expected.segment)
            assert decoder.frames == sum(which >= 0 for which, _ in items)
            assert decoder.bad_frames == sum(which < Residue.NOT_A_FRAME for which, _ in items)
            assert decoder.residue_bytes == sum(len(raw) for which, raw in items if which < 0)


@every_profile
def test_a_line_may_be_cut_at_every_byte(profile: Profile) -> None:
    line = dirty_line(profile, random.Random(profile + 77))
    items = Decoder(profile, (OURS, OTHERS)).feed(line)
    for cut in range(len(line) + 1):
        assert feed_in_pieces(Decoder(profile, (OURS, OTHERS)), line, [cut]) == items


@given(profile=st.sampled_from(Profile), line=st.binary(max_size=300), data=st.data())
def test_any_bytes_come_out_once_and_in_order(
    profile: Profile, line: bytes, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(line)), max_size=5)))
    decoder = Decoder(profile, (OURS,))
    items = feed_in_pieces(decoder, line, cuts)
    expected = reference.ReferenceDecoder(profile, (OURS,), hold_of(profile))
    assert reference.joined(items) == reference.joined(expected.feed(line))
    assert decoder.take_pending() == expected.take_pending()


@given(
    profile=st.sampled_from(Profile),
    bodies=st.lists(st.binary(min_size=1, max_size=400), max_size=8),
)
def test_what_was_encoded_is_what_is_decoded(profile: Profile, bodies: list[bytes]) -> None:
    line = Encoder(profile, OURS).encode_many(bodies)
    assert Decoder(profile, (OTHERS, OURS)).feed(line) == [(1, body) for body in bodies]


@every_profile
def test_what_a_path_inserts_is_dropped_wherever_it_stands(profile: Profile) -> None:
    body = bytes(range(200))
    frame = Encoder(profile, OURS).encode(body)
    inserted = [
        bytes([value])
        for value in sorted(framing.FORBIDDEN[profile] - set(profile.delimiter + b"{}"))
    ]
    start = 1 if profile is Profile.PRINTABLE else 0  # before the brace it is text
    for at in range(start, len(frame)):
        for one in inserted[at % 7 :: 7]:
            line = frame[:at] + one + frame[at:]
            assert Decoder(profile, (OURS,)).feed(line) == [(0, body)]
    frame = Encoder(profile, OURS).encode(b"body")
    everywhere = b"".join(b"".join(inserted) + bytes([each]) for each in frame[start:])
    assert Decoder(profile, (OURS,)).feed(frame[:start] + everywhere) == [(0, b"body")]


@every_profile
def test_the_states_are_tried_in_order_and_may_change(profile: Profile) -> None:
    mine = Encoder(profile, OURS).encode(b"mine")
    theirs = Encoder(profile, OTHERS).encode(b"theirs")
    decoder = Decoder(profile, (OURS,))
    assert [which for which, _ in decoder.feed(mine + theirs)] == [0, Residue.BAD_CRC]
    decoder.set_crc((1, OTHERS, 2, OURS))
    assert decoder.feed(mine + theirs) == [(3, b"mine"), (1, b"theirs")]
    for states in ((), (1, 2, 3, 4, 5), (-1,), (1 << 32,)):
        with pytest.raises(LocalProtocolError):
            decoder.set_crc(states)
    assert decoder.feed(mine) == [(3, b"mine")]


@every_profile
def test_held_text_can_be_taken_and_a_frame_may_follow(profile: Profile) -> None:
    decoder = Decoder(profile, (OURS,))
    assert decoder.take_pending() == b""
    assert decoder.feed(b"logi") + decoder.feed(b"n: ") == []
    assert decoder.pending == 7
    assert decoder.take_pending() == b"login: "
    assert decoder.pending == 0
    assert decoder.feed(Encoder(profile, OURS).encode(b"body")) == [(0, b"body")]
    assert decoder.residue_bytes == 7


@every_profile
@pytest.mark.parametrize("piece", [1, 1000, 70_000, 10**6])
def test_endless_text_comes_out_whole_in_bounded_memory(profile: Profile, piece: int) -> None:
    text = (b"no delimiter in it, ever; " * 6000)[: 120_000 if piece == 1 else None]
    decoder = Decoder(profile, (OURS,))
    items, most = [], 0
    for start in range(0, len(text), piece):
        items += decoder.feed(text[start : start + piece])
        most = max(most, decoder.pending)
    assert most <= hold_of(profile)
    assert {which for which, _ in items} == {Residue.OVERLONG}
    assert b"".join(raw for _, raw in items) + decoder.take_pending() == text
    assert decoder.bad_frames == 1
    assert decoder.feed(Encoder(profile, OURS).encode(b"body")) == [(0, b"body")]


@every_profile
@pytest.mark.parametrize("over", [-1, 0, 1, 2])
@pytest.mark.parametrize("piece", [777, 10**6])
def test_an_overlong_segment_ends_at_its_delimiter(profile: Profile, over: int, piece: int) -> None:
    segment = b"a" * (hold_of(profile) + over)
    frame = Encoder(profile, OURS).encode(b"body")
    # In PRINTABLE the '{' of the next frame ends it as well.
    ends = [profile.delimiter, b""] if profile is Profile.PRINTABLE else [profile.delimiter]
    for end in ends:
        line = segment + end + frame
        expected = reference.ReferenceDecoder(profile, (OURS,), hold_of(profile)).feed(line)
        items = feed_in_pieces(
            Decoder(profile, (OURS,)), line, list(range(piece, len(line), piece))
        )
        assert reference.joined(items) == reference.joined(expected)
        assert items[-1] == (0, b"body")


@every_profile
def test_a_frame_that_carries_too_much_is_not_one(profile: Profile) -> None:
    body = b"a" * (framing.BODY_MAX_BYTES + 1)
    frame = reference.encode(profile, OURS, body)
    items = reference.joined(Decoder(profile, (OURS,)).feed(frame))
    text = profile.delimiter if profile is Profile.PRINTABLE else b""
    assert items == [(Residue.OVERLONG, frame[:-1] + text)]


# Runs.

HEADER_BYTES, COUNTER_AT = 5, 2


def taken_apart(run: framing.Run) -> list[tuple[int, bytes]]:
    """The bodies of a run whose frames have one byte of payload each, or what stands alone."""
    if run.frames < 2:
        return [(run.which, run.header + run.payload)]
    counter = int.from_bytes(run.header[COUNTER_AT : COUNTER_AT + 2], "little")
    return [
        (
            run.which,
            run.header[:COUNTER_AT]
            + ((counter + n) & 0xFFFF).to_bytes(2, "little")
            + run.header[COUNTER_AT + 2 :]
            + run.payload[n : n + 1],
        )
        for n in range(run.frames)
    ]


def goes_on(before: tuple[int, bytes], after: tuple[int, bytes]) -> bool:
    """Whether two items of `feed` belong in one run: the rule once more, by itself."""
    (which, first), (next_which, second) = before, after
    if not which == next_which >= 0 or min(len(first), len(second)) < HEADER_BYTES:
        return False
    end = COUNTER_AT + 2
    counter = int.from_bytes(first[COUNTER_AT:end], "little") + 1
    wanted = first[:COUNTER_AT] + (counter & 0xFFFF).to_bytes(2, "little") + first[end:HEADER_BYTES]
    return second[:HEADER_BYTES] == wanted


numbered = st.tuples(
    st.sampled_from([b"ab", b"ab", b"ab", b"xy"]),
    st.sampled_from([0, 0, 0, 0, 1, 0xFFFF]),  # how far the counter jumps
    st.sampled_from([b"!", b"!", b"!", b"?"]),
    st.sampled_from([OURS, OURS, OURS, OTHERS, 5]),
    st.sampled_from(["", "", "", "", "text", "short"]),
)


@given(
    profile=st.sampled_from(Profile),
    start=st.sampled_from([0, 0xFFFD]),
    frames=st.lists(numbered, max_size=12),
    data=st.data(),
)
def test_runs_are_the_frames_of_feed_joined(
    profile: Profile,
    start: int,
    frames: list[tuple[bytes, int, bytes, int, str]],
    data: st.DataObject,
) -> None:
    line, counter = b"", start
    for front, jump, back, state, besides in frames:
        counter = (counter + 1 + jump) & 0xFFFF
        body = front + counter.to_bytes(2, "little") + back + data.draw(st.binary(max_size=1))
        line += Encoder(profile, state).encode(body)
        if besides == "text":
            line += b"login: " + profile.delimiter
        elif besides == "short":
            line += Encoder(profile, state).encode(body[:3])
    states = (OURS, OTHERS)
    plain, joining = Decoder(profile, states), Decoder(profile, states)
    items = plain.feed(line)
    runs = joining.feed_runs(line, HEADER_BYTES, COUNTER_AT)
    whole = [len(body) for _, body in items if len(body) != HEADER_BYTES + 1] == []
    if whole:  # then a byte of payload is a frame, and runs can be taken apart again
        assert [item for run in runs for item in taken_apart(run)] == items
    at = 0
    for run in runs:
        mine = items[at : at + max(run.frames, 1)]
        assert {which for which, _ in mine} == {run.which}
        assert all(goes_on(*pair) for pair in itertools.pairwise(mine))
        assert at == 0 or run.frames == 0 or not goes_on(items[at - 1], mine[0])
        assert (run.frames > 0) == (run.which >= 0)
        if run.frames:
            assert run.header == mine[0][1][:HEADER_BYTES]
            assert run.payload == b"".join(body[HEADER_BYTES:] for _, body in mine)
        else:
            assert (run.header, run.payload) == (b"", mine[0][1])
        at += len(mine)
    assert at == len(items)
    assert (joining.frames, joining.bad_frames) == (plain.frames, plain.bad_frames)
    assert joining.residue_bytes == plain.residue_bytes
    assert joining.take_pending() == plain.take_pending()


@every_profile
@pytest.mark.parametrize("segment", [1, 40, 500, 4096])
def test_segments_come_back_as_they_were(profile: Profile, segment: int) -> None:
    data = random.Random(5).randbytes(90_003 if segment > 1 else 3000)
    header = b"\7\xf0\xff\x09"
    line = Encoder(profile, OURS).encode_segments(header, 1, data, segment)
    decoder = Decoder(profile, (OTHERS, OURS))
    runs = [
        run
        for at in (0, len(line) // 2)
        for run in decoder.feed_runs(line[at : at + len(line) // 2] if at == 0 else line[at:], 4, 1)
    ]
    assert b"".join(run.payload for run in runs) == data
    assert sum(run.frames for run in runs) == -(-len(data) // segment)
    assert {run.which for run in runs} == {1}
    assert runs[0].header == header
    assert len(runs) <= 2 + len(line) // 30_000


@every_profile
def test_a_counter_has_to_lie_in_the_header(profile: Profile) -> None:
    decoder = Decoder(profile, (OURS,))
    most = framing.HEADER_MAX_BYTES
    for header_bytes, counter_at in [(1, 0), (2, 1), (2, -1), (0, 0), (most + 1, 0)]:
        with pytest.raises(LocalProtocolError):
            decoder.feed_runs(b"login: ", header_bytes, counter_at)
    assert decoder.pending == 0
    assert decoder.feed_runs(b"", most, most - 2) == []


def test_decoders_in_several_threads_do_not_mix() -> None:
    wrong = []

    def run(seed: int) -> None:
        bodies = [bytes([seed]) * (1 + n % 300) for n in range(400)]
        line = Encoder(Profile.CONSOLE, seed).encode_many(bodies)
        for _ in range(10):
            if Decoder(Profile.CONSOLE, (seed,)).feed(line) != [(0, body) for body in bodies]:
                wrong.append(seed)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []
