"""Hellos: 41 characters that are frozen for ever, found wherever they stand."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tools import ROOT

from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import (
    HELLO_BYTES,
    Hello,
    HelloScanner,
    epoch,
    handshake_states,
    known_profile,
)

PAIRS = json.loads((ROOT / "tests" / "vectors" / "hello.json").read_text(encoding="utf-8"))["pairs"]

HELLOS = st.builds(
    Hello,
    st.just(False),
    st.integers(0, 2**64 - 1),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 99),
)
CONSOLE = Hello(False, 4711, 2, 2).encode()


def name_of(pair: dict[str, Any]) -> str:
    return str(pair["name"])


@pytest.mark.parametrize("pair", PAIRS, ids=name_of)
def test_golden_pairs_both_ways(pair: dict[str, Any]) -> None:
    console, agent = pair["console"].encode(), pair["agent"].encode()
    asked = Hello(agent=False, **pair["console_fields"])
    answered = Hello(agent=True, **pair["agent_fields"])
    assert asked.encode() == console
    assert answered.encode(answers=console) == agent
    assert Hello.decode(console) == asked
    assert Hello.decode(agent, answers=console) == answered
    assert epoch(console, agent).hex() == pair["epoch"]


def test_an_answer_belongs_to_one_question() -> None:
    other = Hello(False, 4712, 2, 2).encode()
    answer = Hello(True, 1, 2, 2).encode(answers=CONSOLE)
    assert Hello.decode(answer, answers=CONSOLE) is not None
    assert Hello.decode(answer, answers=other) is None
    assert Hello.decode(answer) is None


def test_the_states_of_the_handshake_come_from_the_epoch() -> None:
    assert handshake_states(bytes(range(32))) == (0x03020100, 0x07060504)


@pytest.mark.parametrize("number", range(10))
def test_a_profile_we_do_not_have_is_printable(number: int) -> None:
    known = number in set(Profile)
    assert known_profile(number) == (Profile(number) if known else Profile.PRINTABLE)


@given(HELLOS)
def test_a_hello_is_41_printable_characters(hello: Hello) -> None:
    raw = hello.encode()
    assert len(raw) == HELLO_BYTES
    assert raw[1:-1].isdigit()
    assert (raw[:1], raw[-1:]) == (b"#", b"#")
    assert Hello.decode(raw) == hello


@given(HELLOS, st.integers(0, 40), st.integers(0, 255))
def test_a_changed_character_is_found(hello: Hello, at: int, octet: int) -> None:
    raw = bytearray(hello.encode())
    if raw[at] != octet:
        raw[at] = octet
        assert Hello.decode(bytes(raw)) is None


@given(st.binary(max_size=60))
def test_any_bytes_are_no_hello(raw: bytes) -> None:
    assert Hello.decode(raw) is None
    assert Hello.decode(b"#7180" + raw) is None


def test_a_nonce_beyond_64_bits_is_refused() -> None:
    raw = Hello(False, 2**64, 0, 0).encode()
    assert len(raw) == HELLO_BYTES
    assert Hello.decode(raw) is None


# --- the scanner ---


def scan(data: bytes, cuts: list[int]) -> tuple[bytes, list[bytes], bytes]:
    """(text, candidates, what is held at the end) of `data` read in pieces."""
    scanner, text, found, done = HelloScanner(), b"", list[bytes](), 0
    for cut in [*sorted(cuts), len(data)]:
        for before, candidate in scanner.feed(data[done:cut]):
            text += before
            if candidate is not None:
                found.append(candidate)
        done = max(done, cut)
    return text, found, scanner.release()


@given(
    st.lists(
        st.one_of(
            st.just(CONSOLE),
            st.just(CONSOLE[:17]),
            st.just(b"#7180"),
            st.just(b"##"),
            st.binary(max_size=12),
        ),
        max_size=8,
    ),
    st.lists(st.integers(0, 300), max_size=8),
)
def test_a_line_may_be_cut_anywhere(pieces: list[bytes], cuts: list[int]) -> None:
    line = b"".join(pieces)
    cuts = [cut for cut in cuts if cut < len(line)]
    assert scan(line, cuts) == scan(line, [])
    text, found, held = scan(line, cuts)
    assert len(text) + sum(map(len, found)) + len(held) == len(line)
    if all(piece == CONSOLE or b"#" not in piece for piece in pieces):
        assert found == [CONSOLE] * pieces.count(CONSOLE)
        assert held == b""


def test_a_hello_is_found_between_other_bytes_and_at_every_cut() -> None:
    line = b"login: " + CONSOLE + b"\r\n" + CONSOLE + b"#71"
    for cut in range(len(line)):
        assert scan(line, [cut]) == (b"login: \r\n", [CONSOLE, CONSOLE], b"#71")


def test_text_without_a_mark_passes_at_once() -> None:
    scanner = HelloScanner()
    assert scanner.feed(b"hello") == [(b"hello", None)]
    assert not scanner.held


def test_what_may_become_a_hello_is_held_until_it_cannot() -> None:
    scanner = HelloScanner()
    assert scanner.feed(b"a#71") == [(b"a", None)]
    assert scanner.held
    assert scanner.feed(b"x") == [(b"#71x", None)]
    assert not scanner.held


def test_what_was_held_can_be_had_back_once() -> None:
    scanner = HelloScanner()
    scanner.feed(b"#7180")
    assert (scanner.release(), scanner.release()) == (b"#7180", b"")
    assert not scanner.held


def test_a_broken_hello_does_not_hide_the_next() -> None:
    assert scan(CONSOLE[:20] + CONSOLE, [])[1] == [CONSOLE]
    assert scan(b"#7180" * 3 + CONSOLE, [])[1] == [CONSOLE]
