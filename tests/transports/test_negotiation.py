"""Telnet, in the words of RFC 854, 855, 856 and 1143."""

from hypothesis import given
from hypothesis import strategies as st

from guardpost.transports.telnet.negotiation import (
    BINARY,
    COM_PORT,
    ECHO,
    SUPPRESS_GO_AHEAD,
    TelnetEnd,
)

SE, BRK, SB, WILL, WONT, DO, DONT, IAC = 240, 243, 250, 251, 252, 253, 254, 255


def a_client() -> TelnetEnd:
    end = TelnetEnd(frozenset({BINARY}), frozenset({BINARY, ECHO}))
    assert end.data_to_send() == bytes((IAC, WILL, BINARY, IAC, DO, BINARY, IAC, DO, ECHO))
    return end


def test_an_offer_that_is_taken_needs_no_more_words() -> None:
    end = a_client()
    assert end.receive_data(bytes((IAC, DO, BINARY, IAC, WILL, BINARY, IAC, WONT, ECHO))) == b""
    assert end.data_to_send() == b""
    assert end.we(BINARY)
    assert end.they(BINARY)
    assert not end.they(ECHO)
    assert end.is_settled(ECHO)


def test_what_we_do_not_know_is_refused_once_and_a_no_needs_no_answer() -> None:
    end = a_client()
    end.receive_data(bytes((IAC, DO, 24, IAC, WILL, 5, IAC, WONT, 5, IAC, DONT, 24)))
    assert end.data_to_send() == bytes((IAC, WONT, 24, IAC, DONT, 5))


def test_one_that_asks_and_reads_nothing_piles_up_no_answers() -> None:
    end = TelnetEnd(frozenset({BINARY}), frozenset())
    end.receive_data(bytes((IAC, DO, 24, IAC, DO, BINARY, IAC, DONT, BINARY)) * 10_000)
    assert len(end.data_to_send()) <= 4096
    end.receive_data(bytes((IAC, DO, 24)))
    assert end.data_to_send() == bytes((IAC, WONT, 24))


def test_an_option_that_is_ended_and_wanted_again_is_agreed_to_each_time() -> None:
    end = a_client()
    end.receive_data(bytes((IAC, DO, BINARY)))
    end.receive_data(bytes((IAC, DONT, BINARY)))
    assert end.data_to_send() == bytes((IAC, WONT, BINARY))
    assert not end.we(BINARY)
    end.receive_data(bytes((IAC, DO, BINARY)))
    assert end.data_to_send() == bytes((IAC, WILL, BINARY))
    end.receive_data(bytes((IAC, DO, BINARY)))
    assert end.data_to_send() == b"", "or two ends would answer each other for ever"


def test_data_and_commands_are_told_apart() -> None:
    end = a_client()
    data = b"ab" + bytes((IAC, IAC, IAC, 241)) + b"c" + bytes((IAC, WILL, ECHO)) + b"d"
    assert end.receive_data(data) == b"ab\xffcd"


def test_a_carriage_return_is_never_alone_until_binary_is_agreed() -> None:
    end = a_client()
    assert end.encode(b"a\rb\r\nc\r\xff") == b"a\r\0b\r\nc\r\0\xff\xff"
    assert end.receive_data(b"a\r\0b\r") + end.receive_data(b"\0c\r\nd") == b"a\rb\rc\r\nd"
    end.receive_data(bytes((IAC, DO, BINARY, IAC, WILL, BINARY)))
    assert end.encode(b"a\rb\xff") == b"a\rb\xff\xff"
    assert end.receive_data(b"\r\0") == b"\r\0"


def test_a_subnegotiation_comes_whole_and_its_bytes_undoubled() -> None:
    end = a_client()
    end.subnegotiate(COM_PORT, b"\x01\xff")
    sent = end.data_to_send()
    assert sent == bytes((IAC, SB, COM_PORT, 1, IAC, IAC, IAC, SE))
    found = b"".join(end.receive_data(bytes((octet,))) for octet in b"a" + sent + b"b")
    assert found == b"ab"
    assert list(end.subnegotiations) == [(COM_PORT, b"\x01\xff")]


def test_a_break_is_the_command_of_that_name() -> None:
    end = a_client()
    end.send_break()
    assert end.data_to_send() == bytes((IAC, BRK))


def test_a_subnegotiation_without_end_does_not_hold_the_line_for_ever() -> None:
    end = a_client()
    end.receive_data(bytes((IAC, SB, COM_PORT)) + b"x" * 2000)
    assert end.receive_data(b"data") == b"data"


@given(st.lists(st.binary(max_size=60), max_size=30))
def test_what_is_encoded_arrives_however_it_is_cut(pieces: list[bytes]) -> None:
    near = TelnetEnd(frozenset({BINARY}), frozenset({BINARY}))
    far = TelnetEnd(frozenset({BINARY}), frozenset({BINARY}))
    near.receive_data(far.data_to_send())
    far.receive_data(near.data_to_send())
    assert near.we(BINARY)
    assert far.they(BINARY)
    line = b"".join(map(near.encode, pieces))
    assert b"".join(far.receive_data(line[i : i + 3]) for i in range(0, len(line), 3)) == b"".join(
        pieces
    )


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_no_bytes_are_too_bad_and_no_answer_is_longer_than_what_was_said(
    pieces: list[bytes],
) -> None:
    end = TelnetEnd(frozenset({BINARY, SUPPRESS_GO_AHEAD}), frozenset({BINARY}))
    end.data_to_send()
    data = sum(len(end.receive_data(piece)) for piece in pieces)
    assert data + len(end.data_to_send()) <= sum(map(len, pieces))
