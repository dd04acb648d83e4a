"""Any bytes give messages, or one breach of the protocol that stays; nothing else is raised."""

from hypothesis import given
from hypothesis import strategies as st

from guardpost.errors import RemoteProtocolError
from guardpost.transports.amt.messages import Parser
from guardpost.transports.amt.redirection import Redirection, State

TYPES = st.sampled_from([0x11, 0x14, 0x21, 0x23, 0x24, 0x25, 0x29, 0x2A, 0x2B, 0xF0])
LIKELY = st.builds(lambda kind, rest: bytes([kind]) + rest, TYPES, st.binary(max_size=30))


@given(st.lists(LIKELY | st.binary(max_size=40), max_size=10))
def test_the_parser_survives_anything(pieces: list[bytes]) -> None:
    parser = Parser()
    for piece in pieces:
        parser.feed(piece)
        try:
            while parser.next_message() is not None:
                pass
        except RemoteProtocolError:
            return


@given(st.lists(LIKELY | st.binary(max_size=40), max_size=10))
def test_a_session_takes_anything_and_ends_at_most_once(pieces: list[bytes]) -> None:
    session = Redirection(b"admin", b"pw", random_bytes=bytes, now=0.0)
    events = []
    for now, piece in enumerate(pieces):
        session.receive_data(piece, float(now))
        while (event := session.next_event()) is not None:
            events.append(type(event).__name__)
        session.data_to_send()
    endings = events.count("Refused") + events.count("Ended")
    assert endings == (session.state is State.ENDED)


@given(st.binary(max_size=300))
def test_any_challenge_ends_in_a_proof_or_in_a_refusal(challenge: bytes) -> None:
    session = Redirection(b"admin", b"pw", random_bytes=bytes, now=0.0)
    session.receive_data(bytes.fromhex("11 00 00 00 01 00 0c 00 57 01 00 00 00"), 0.1)
    session.receive_data(bytes.fromhex("14 00 00 00 00 01 00 00 00 04"), 0.2)
    head = bytes.fromhex("14 01 00 00 04") + len(challenge).to_bytes(4, "little")
    session.receive_data(head + challenge, 0.3)
    assert session.state in (State.PROVING, State.ENDED)
