"""Any bytes as a request give an action to judge or a refusal, of every service there is."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.errors import RemoteProtocolError
from guardpost.services import SERVICES
from guardpost.services.action import Action

# The fields that requests have, so that a few of the maps get past the first look.
FIELDS = (
    *("host", "port", "path", "paths", "argv", "cwd", "env", "timeout", "user", "detach", "job"),
    *("do", "signal", "targets", "nice", "to", "names", "pids", "number", "links", "rows", "term"),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.binary(max_size=40),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner)
)
MAPS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8).map(msgspec.msgpack.encode)

BOMBS = {
    "an array of 4 thousand million": b"\xdd\xff\xff\xff\xff",
    "a map of 4 thousand million": b"\xdf\xff\xff\xff\xff",
    "a string that is not there": b"\xdb\xff\xff\xff\xff",
    "arrays in arrays": b"\x91" * 60000,
    "maps in maps": b"\x81\xa1a" * 20000,
    "a name in arrays": b"\x81\xa4argv" + b"\x91" * 60000,
}


def judged(service: str, request: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        action = SERVICES[service]().action(request)
        assert isinstance(action, Action)
        assert action.verb


@pytest.mark.parametrize("service", SERVICES)
@given(st.binary(max_size=200) | MAPS)
def test_any_request_is_judged_or_refused(service: str, request: bytes) -> None:
    judged(service, request)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused(service: str, bomb: str) -> None:
    judged(service, BOMBS[bomb])
