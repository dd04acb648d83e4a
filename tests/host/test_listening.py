"""What listens: real sockets of this machine."""

import asyncio

import pytest

from guardpost.host.listening import CannotListen, listen_on


def addresses(bind: str) -> set[str]:
    sockets = asyncio.run(listen_on(bind, 0))
    try:
        assert len({each.getsockname()[1] for each in sockets}) == 1
        return {each.getsockname()[0] for each in sockets}
    finally:
        for each in sockets:
            each.close()


def test_loopback_unless_told_otherwise() -> None:
    assert "127.0.0.1" in addresses("") <= {"127.0.0.1", "::1"}
    assert "127.0.0.1" in addresses("localhost") <= {"127.0.0.1", "::1"}
    assert "0.0.0.0" in addresses("*") <= {"0.0.0.0", "::"}
    assert addresses("127.0.0.1") == {"127.0.0.1"}


@pytest.mark.parametrize("bind", ["192.0.2.1", "no-such-host.invalid", "x" * 70])
def test_an_address_that_is_not_ours(bind: str) -> None:
    with pytest.raises(CannotListen, match="choose another address"):
        asyncio.run(listen_on(bind, 0))
