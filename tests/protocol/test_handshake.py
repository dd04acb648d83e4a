"""The handshake against the published vectors, and against everything a line or an enemy can do."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult_base
from support.tools import ROOT

from guardpost.errors import LocalProtocolError, RemoteProtocolError
from guardpost.protocol.handshake import MAX_MESSAGE_BYTES, Handshake, decrypt, encrypt, rekey

VECTORS = [
    vector
    for vector in json.loads(
        (ROOT / "tests/vectors/noise_25519_chachapoly_blake2s.json").read_text(encoding="ascii")
    )["vectors"]
    if vector["protocol_name"].split("_")[1] in ("XX", "XXpsk3")
]

PROLOGUE = b"hello" * 16
CONSOLE_KEY, AGENT_KEY, PSK = bytes([1] * 32), bytes([2] * 32), bytes([3] * 32)

P = 2**255 - 19
LOW_ORDER = [
    number.to_bytes(32, "little")
    for number in (
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        P - 1,
        P,
        P + 1,
    )
]
# The top bit of a u-coordinate is ignored (RFC 7748 section 5).
LOW_ORDER += [point[:31] + bytes([point[31] | 0x80]) for point in LOW_ORDER]


def counting(start: int) -> Callable[[int], bytes]:
    """A source of "random" bytes that is the same each time."""
    return lambda count: bytes((start + i) % 256 for i in range(count))


def console(psk: bytes | None = None, prologue: bytes = PROLOGUE) -> Handshake:
    return Handshake(
        initiator=True,
        prologue=prologue,
        static_private=CONSOLE_KEY,
        random_bytes=counting(7),
        psk=psk,
    )


def agent(psk: bytes | None = None, prologue: bytes = PROLOGUE) -> Handshake:
    return Handshake(
        initiator=False,
        prologue=prologue,
        static_private=AGENT_KEY,
        random_bytes=counting(99),
        psk=psk,
    )


def reader_of(
    number: int, psk: bytes | None = None, their_psk: bytes | None = None
) -> tuple[Handshake, bytes]:
    """The end that is about to read message `number` (1 to 3), and that message."""
    ends = console(psk), agent(their_psk if their_psk is not None else psk)
    message = b""
    for turn in range(number):
        writer, reader = ends[turn % 2], ends[1 - turn % 2]
        message = writer.write_message()
        if turn < number - 1:
            reader.read_message(message)
    return reader, message


def answer(reader: Handshake, message: bytes) -> bytes:
    """What `reader` says to `message`."""
    reader.read_message(message)
    return reader.write_message()


def vector_handshake(vector: dict[str, Any], role: str) -> Handshake:
    ephemeral = bytes.fromhex(vector[f"{role}_ephemeral"])
    psks = vector.get(f"{role}_psks")
    return Handshake(
        initiator=role == "init",
        prologue=bytes.fromhex(vector[f"{role}_prologue"]),
        static_private=bytes.fromhex(vector[f"{role}_static"]),
        random_bytes=lambda count: ephemeral,
        psk=bytes.fromhex(psks[0]) if psks else None,
    )


def test_there_are_vectors_of_both_patterns() -> None:
    assert len(VECTORS) == 3
    assert {vector["protocol_name"].split("_")[1] for vector in VECTORS} == {"XX", "XXpsk3"}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['source']}-{v['protocol_name']}")
def test_published_vector(vector: dict[str, Any]) -> None:
    ends = vector_handshake(vector, "init"), vector_handshake(vector, "resp")
    steps = [
        (bytes.fromhex(m["payload"]), bytes.fromhex(m["ciphertext"])) for m in vector["messages"]
    ]
    for turn, (payload, ciphertext) in enumerate(steps[:3]):
        writer, reader = ends[turn % 2], ends[1 - turn % 2]
        assert writer.write_message(payload) == ciphertext
        assert reader.read_message(ciphertext) == payload
    initiator, responder = ends
    if "handshake_hash" in vector:
        assert initiator.handshake_hash == bytes.fromhex(vector["handshake_hash"])
    assert initiator.handshake_hash == responder.handshake_hash
    assert initiator.split() == responder.split()[::-1]
    keys = initiator.split()
    assert len(steps) > 3
    # Transport messages go on in turns: the fourth message of all is the responder's first.
    for turn, (payload, ciphertext) in enumerate(steps[3:], start=3):
        key, nonce = keys[turn % 2], (turn - 3) // 2
        assert encrypt(key, nonce, b"", payload) == ciphertext
        assert decrypt(key, nonce, b"", ciphertext) == payload


@pytest.mark.parametrize("psk", [None, PSK], ids=["XX", "XXpsk3"])
def test_both_ends_learn_each_other_and_agree(psk: bytes | None) -> None:
    left, right = console(psk), agent(psk)
    assert right.read_message(left.write_message()) == b""
    assert (left.remote_static, right.remote_static) == (None, None)
    assert left.read_message(right.write_message(b"ephemeral")) == b"ephemeral"
    assert left.remote_static == crypto_scalarmult_base(AGENT_KEY)
    assert not left.finished
    assert right.read_message(left.write_message(b"alice")) == b"alice"
    assert right.remote_static == crypto_scalarmult_base(CONSOLE_KEY)
    assert left.finished
    assert right.finished
    assert left.split() == right.split()[::-1]
    assert left.split()[0] != left.split()[1]
    assert len(left.handshake_hash) == 32


def test_fresh_ephemerals_give_fresh_keys() -> None:
    def keys() -> tuple[bytes, bytes]:
        ends = [
            Handshake(
                initiator=initiator,
                prologue=b"",
                static_private=CONSOLE_KEY,
                random_bytes=os.urandom,
            )
            for initiator in (True, False)
        ]
        for turn in range(3):
            ends[1 - turn % 2].read_message(ends[turn % 2].write_message())
        return ends[0].split()

    assert len({*keys(), *keys()}) == 4


@pytest.mark.parametrize("psk", [None, PSK], ids=["XX", "XXpsk3"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_truncation_is_refused(number: int, psk: bytes | None) -> None:
    _, message = reader_of(number, psk)
    for length in range(len(message)):
        reader, _ = reader_of(number, psk)
        with pytest.raises(RemoteProtocolError):
            reader.read_message(message[:length])
        assert reader.remote_static is None


@pytest.mark.parametrize("psk", [None, PSK], ids=["XX", "XXpsk3"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_changed_byte_is_found(number: int, psk: bytes | None) -> None:
    """In message 1 of XX nothing is sealed: the change is found by the reader of message 2.

    The top bit of a public key does not count on the curve (RFC 7748), but does in the hash.
    """
    _, message = reader_of(number, psk)
    for index in range(len(message)):
        changed = bytearray(message)
        changed[index] ^= 0x80
        if number == 1:
            left, right = console(psk), agent(psk)
            left.write_message()
            with pytest.raises(RemoteProtocolError):
                left.read_message(answer(right, bytes(changed)))
        else:
            reader, _ = reader_of(number, psk)
            with pytest.raises(RemoteProtocolError):
                reader.read_message(bytes(changed))
            assert reader.remote_static is None


@pytest.mark.parametrize("psk", [None, PSK], ids=["XX", "XXpsk3"])
def test_bytes_too_many_are_found(psk: bytes | None) -> None:
    for number in (2, 3):
        reader, message = reader_of(number, psk)
        with pytest.raises(RemoteProtocolError):
            reader.read_message(message + b"\0")
    left, right = console(psk), agent(psk)
    with pytest.raises(RemoteProtocolError):
        left.read_message(answer(right, left.write_message() + b"\0"))


def test_a_message_beyond_the_limit_is_refused_both_ways() -> None:
    longest = bytes(MAX_MESSAGE_BYTES - 32)
    left, right = console(), agent()
    assert right.read_message(left.write_message(longest)) == longest
    with pytest.raises(RemoteProtocolError, match="too long"):
        agent().read_message(bytes(MAX_MESSAGE_BYTES + 1))
    with pytest.raises(LocalProtocolError, match="too long"):
        console().write_message(longest + b"\0")


@pytest.mark.parametrize("point", LOW_ORDER, ids=bytes.hex)
def test_low_order_points_end_the_handshake_not_the_process(point: bytes) -> None:
    """As ephemeral of the console: found at the first use, which is writing message 2."""
    reader = agent()
    reader.read_message(point)
    with pytest.raises(RemoteProtocolError, match="low order"):
        reader.write_message()
    with pytest.raises(LocalProtocolError, match="failed"):
        reader.write_message()


@pytest.mark.parametrize("point", LOW_ORDER, ids=bytes.hex)
def test_a_low_order_ephemeral_of_the_agent_is_refused(point: bytes) -> None:
    left = console()
    left.write_message()
    with pytest.raises(RemoteProtocolError, match="low order"):
        left.read_message(point + bytes(64))


def test_a_low_order_static_key_is_refused() -> None:
    """A peer that seals a low-order point as its static key, and does the rest right."""
    left, right = console(), agent()
    right.read_message(left.write_message())
    left.read_message(right.write_message())
    sealed_zero = left._symmetric_state.encrypt_and_hash(bytes(32))
    with pytest.raises(RemoteProtocolError, match="low order"):
        right.read_message(sealed_zero + bytes(16))
    assert right.remote_static is None


@pytest.mark.parametrize("theirs", [bytes([4] * 32), PSK[:-1] + b"\0"])
def test_another_psk_fails(theirs: bytes) -> None:
    """XXpsk3 mixes the psk in with message 3, so the agent finds it there."""
    reader, message = reader_of(3, PSK, theirs)
    with pytest.raises(RemoteProtocolError):
        reader.read_message(message)


@pytest.mark.parametrize("psks", [(PSK, None), (None, PSK)])
def test_a_psk_at_one_end_only_fails(psks: tuple[bytes | None, bytes | None]) -> None:
    left, right = console(psks[0]), agent(psks[1])
    with pytest.raises(RemoteProtocolError):
        left.read_message(answer(right, left.write_message()))


def test_another_prologue_fails() -> None:
    left, right = console(prologue=b"one"), agent(prologue=b"two")
    right.read_message(left.write_message())
    with pytest.raises(RemoteProtocolError):
        left.read_message(right.write_message())


def test_our_own_echo_is_no_answer() -> None:
    left = console()
    with pytest.raises(RemoteProtocolError):
        left.read_message(left.write_message())


def test_calls_out_of_turn_are_our_own_fault() -> None:
    left, right = console(), agent()
    assert left.our_turn
    assert not right.our_turn
    with pytest.raises(LocalProtocolError, match="turn"):
        right.write_message()
    with pytest.raises(LocalProtocolError, match="turn"):
        left.read_message(bytes(32))
    for early in (left.split, right.split, lambda: left.handshake_hash):
        with pytest.raises(LocalProtocolError, match="last message"):
            early()
    for turn in range(3):
        writer, reader = (left, right) if turn % 2 == 0 else (right, left)
        message = writer.write_message()
        with pytest.raises(LocalProtocolError, match="turn"):
            writer.write_message()
        reader.read_message(message)
    for end in (left, right):
        with pytest.raises(LocalProtocolError, match="turn"):
            end.write_message()
        with pytest.raises(LocalProtocolError, match="turn"):
            end.read_message(b"")


def test_nothing_goes_on_after_a_failure() -> None:
    reader, message = reader_of(2)
    with pytest.raises(RemoteProtocolError):
        reader.read_message(bytes(len(message)))
    with pytest.raises(LocalProtocolError, match="failed"):
        reader.read_message(message)
    with pytest.raises(LocalProtocolError, match="failed"):
        reader.split()


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_of_another_length_are_our_own_fault(length: int) -> None:
    for keys in ({"static_private": bytes(length)}, {"psk": bytes(length)}):
        with pytest.raises(LocalProtocolError, match="32 bytes"):
            Handshake(
                **{
                    "initiator": True,
                    "prologue": b"",
                    "static_private": CONSOLE_KEY,
                    "random_bytes": os.urandom,
                    **keys,
                }
            )


def test_private_keys_stay_out_of_representations() -> None:
    left = console()
    left.write_message()
    shown = repr(vars(left))
    assert repr(CONSOLE_KEY) not in shown
    assert repr(counting(7)(32)) not in shown


def test_rekey_is_the_head_of_a_sealed_zero_block() -> None:
    key = bytes(range(32))
    assert rekey(key) == encrypt(key, 2**64 - 1, b"", bytes(32))[:32]
    assert len(rekey(key)) == 32
    assert rekey(rekey(key)) != rekey(key) != key


@given(st.binary(max_size=48))
def test_a_field_that_was_not_sealed_does_not_open(noise: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decrypt(PSK, 0, b"", noise)


@given(st.lists(st.binary(max_size=160), min_size=3, max_size=3), st.sampled_from([None, PSK]))
def test_any_bytes_end_in_a_remote_protocol_error(messages: list[bytes], psk: bytes | None) -> None:
    """Nobody without the keys gets either end through a handshake."""
    left, right = console(psk), agent(psk)
    left.write_message()
    with pytest.raises(RemoteProtocolError):
        left.read_message(messages[0])
    with pytest.raises(RemoteProtocolError):
        answer(right, messages[1]) and right.read_message(messages[2])
