"""What clients of SOCKS say, byte by byte, and what they are told."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.errors import ResetCode
from guardpost.services.socks import LONGEST_BYTES, SocksError, SocksServer

V5_HELLO = b"\x05\x02\x00\x02"
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1") if hasattr(socket, "inet_pton") else b""

REQUESTS = [
    (V5_HELLO + b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50", ("127.0.0.1", 80)),
    (V5_HELLO + b"\x05\x01\x00\x03\x07web.lan\x01\xbb", ("web.lan", 443)),
    (V5_HELLO + b"\x05\x01\x00\x04" + V6 + b"\x00\x16", ("2001:db8::1", 22)),
    (b"\x04\x01\x00\x50\x0a\x00\x00\x01user\x00", ("10.0.0.1", 80)),
    (b"\x04\x01\x00\x50\x00\x00\x00\x07user\x00web.lan\x00", ("web.lan", 80)),
]


@pytest.mark.parametrize(("said", "destination"), REQUESTS)
def test_a_request_is_understood_whole_and_byte_by_byte(
    said: bytes, destination: tuple[str, int]
) -> None:
    for pieces in ([said + b"GET"], [said[n : n + 1] for n in range(len(said))]):
        server = SocksServer()
        answer = b"".join(map(server.feed, pieces))
        assert server.destination == destination
        assert answer == (b"\x05\x00" if said[0] == 5 else b"")
        assert server.rest == (b"GET" if len(pieces) == 1 else b"")
        granted = server.granted()
        assert granted[1] == (0 if said[0] == 5 else 90)
        assert len(granted) == (10 if said[0] == 5 else 8)


@pytest.mark.parametrize(
    ("code", "reply"),
    [
        (ResetCode.REFUSED, 5),
        (ResetCode.UNREACHABLE, 4),
        (ResetCode.NAME_NOT_FOUND, 4),
        (ResetCode.TIMEOUT, 6),
        (ResetCode.NOT_ALLOWED, 2),
        (ResetCode.FAILED, 1),
        (ResetCode.LOST, 1),
    ],
)
def test_a_refusal_says_why_as_far_as_the_version_can(code: ResetCode, reply: int) -> None:
    server = SocksServer()
    server.feed(REQUESTS[0][0])
    assert server.refused(code)[1] == reply
    server = SocksServer()
    server.feed(REQUESTS[3][0])
    assert server.refused(code)[:2] == b"\x00\x5b"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"\x05\x01\x02", b"\x05\xff"),  # only with a login
        (V5_HELLO + b"\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50", b"\x05\x07"),  # BIND
        (V5_HELLO + b"\x05\x03\x00\x01\x7f\x00\x00\x01\x00\x50", b"\x05\x07"),  # UDP ASSOCIATE
        (V5_HELLO + b"\x05\x01\x00\x09\x7f\x00\x00\x01\x00\x50", b"\x05\x08"),
        (V5_HELLO + b"\x04\x01\x00\x01\x7f\x00\x00\x01\x00\x50", b"\x05\x01"),
        (V5_HELLO + b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x00", b"\x05\x01"),  # port 0
        (V5_HELLO + b"\x05\x01\x00\x03\x00\x00\x50", b"\x05\x01"),  # no name
        (b"\x04\x02\x00\x50\x0a\x00\x00\x01user\x00", b"\x00\x5b"),
        (b"GET / HTTP/1.0\r\n\r\n", b""),
    ],
)
def test_what_is_not_served_is_told(said: bytes, answer: bytes) -> None:
    with pytest.raises(SocksError) as caught:
        SocksServer().feed(said)
    assert caught.value.answer[: len(answer)] == answer
    assert bool(caught.value.answer) == bool(answer)


@given(st.lists(st.binary(max_size=300), max_size=12))
def test_anything_is_a_destination_an_error_or_bounded_waiting(pieces: list[bytes]) -> None:
    server = SocksServer()
    fed = 0
    for piece in pieces:
        try:
            answer = server.feed(piece)
        except SocksError:
            return
        fed += len(piece)
        assert len(answer) <= 2
        if server.destination is not None:
            host, port = server.destination
            assert host
            assert 1 <= port <= 65535
            return
        assert fed <= LONGEST_BYTES + 300
