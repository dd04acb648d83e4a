"""What the ends say about themselves fits its message, and nonsense says nothing."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from guardpost.services.introductions import (
    agent_kind,
    agent_settings,
    features,
    operator,
    operator_name,
    says_ephemeral,
)


def test_an_ordinary_agent_has_nothing_to_say_in_message_2() -> None:
    assert agent_kind(ephemeral=False) == b"\x80"
    assert says_ephemeral(agent_kind(ephemeral=True))
    assert not says_ephemeral(agent_kind(ephemeral=False))


@given(st.text(max_size=300))
def test_the_settings_fit_a_message_whatever_the_host_is_called(name: str) -> None:
    settings = agent_settings("0.1.0", name)
    assert len(settings) <= 100
    decoded = msgspec.msgpack.decode(settings)
    assert set(decoded) == {"agent", "name", "features"}
    if len(name.encode()) <= 40:
        assert decoded["name"] == name


def test_an_agent_says_what_it_knows_besides() -> None:
    assert features(agent_settings("0.1.0", "web01")) == ["speed"]
    assert features(b"\x80") == []


@given(st.binary(max_size=60))
def test_nonsense_says_nothing(payload: bytes) -> None:
    assert isinstance(features(payload), list)
    assert len(operator_name(payload).encode()) <= 64
    assert says_ephemeral(payload) in (True, False)


def test_an_operator_has_at_most_64_bytes_of_name() -> None:
    assert operator_name(operator("ann")) == "ann"
    assert operator_name(operator("ö" * 100)) == "ö" * 32
    assert operator_name(msgspec.msgpack.encode({"name": "x" * 99, "more": 1})) == "x" * 64
    assert operator_name(msgspec.msgpack.encode({"name": 7})) == ""
    assert operator_name(b"") == ""
