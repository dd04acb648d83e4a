import asyncio
import errno
import socket

import pytest
from support.tcp import echo, listening, nobody_listens

from guardpost.errors import ResetCode
from guardpost.host import dial

V4, V6 = socket.AF_INET, socket.AF_INET6


def address(family: int, name: str) -> dial.AddressInfo:
    return (family, socket.SOCK_STREAM, 0, "", (name, 80))


def failing(host: str, port: int, timeout: float = 5) -> dial.DialError:
    with pytest.raises(dial.DialError) as caught:
        asyncio.run(dial.connect(host, port, timeout))
    return caught.value


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_name_or_an_address_is_connected(host: str) -> None:
    async def story() -> None:
        async with listening(echo) as port:
            with await dial.connect(host, port, 5) as sock:
                assert sock.getpeername()[1] == port
                assert sock.gettimeout() == 0

    asyncio.run(story())


def test_a_refusal_of_every_address_is_a_refusal() -> None:
    with nobody_listens() as port:
        assert failing("127.0.0.1", port).code is ResetCode.REFUSED
        assert failing("localhost", port).code is ResetCode.REFUSED


def test_no_answer_is_a_timeout() -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        error = failing("127.0.0.1", full.getsockname()[1], timeout=0.05)
    assert (error.code, error.text) == (ResetCode.TIMEOUT, "no answer in 0.05 s")


@pytest.mark.parametrize("host", ["", "a\0b", "ü" * 64, "no-such-host.invalid", "x" * 300])
def test_what_does_not_resolve_is_told_as_such(host: str) -> None:
    assert failing(host, 80).code is ResetCode.NAME_NOT_FOUND


def test_a_family_without_a_route_is_unreachable() -> None:
    # RFC 6666: 100::/64 is routed nowhere; without IPv6 at all it is unreachable as well.
    error = failing("100::1", 80, timeout=0.2)
    assert error.code in (ResetCode.UNREACHABLE, ResetCode.TIMEOUT)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ECONNREFUSED, ResetCode.REFUSED),
        (errno.ENETUNREACH, ResetCode.UNREACHABLE),
        (errno.EHOSTUNREACH, ResetCode.UNREACHABLE),
        (errno.EADDRNOTAVAIL, ResetCode.UNREACHABLE),
        (errno.ETIMEDOUT, ResetCode.TIMEOUT),
        (errno.EACCES, ResetCode.FAILED),
        (errno.EMFILE, ResetCode.FAILED),
    ],
)
def test_errors_are_told_apart(number: int, code: ResetCode) -> None:
    assert dial._told_apart(OSError(number, "words")).code is code


def test_families_take_turns_and_the_first_choice_begins() -> None:
    found = dial._interleaved(
        [address(V6, "a"), address(V6, "b"), address(V6, "c"), address(V4, "d")]
    )
    assert [each[4][0] for each in found] == ["a", "d", "b", "c"]


def test_a_silent_address_does_not_keep_the_next_one_waiting() -> None:
    async def story() -> None:
        with socket.socket() as full, socket.socket() as first, socket.socket() as second:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for each in (first, second):
                each.setblocking(False)
                each.connect_ex(full.getsockname())
            async with listening(echo) as port:
                silent = (V4, socket.SOCK_STREAM, 0, "", full.getsockname())
                answers = (V4, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
                with await asyncio.wait_for(dial._race([silent, answers]), 5) as sock:
                    assert sock.getpeername()[1] == port

    asyncio.run(story())
