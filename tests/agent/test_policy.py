"""Which key may do what."""

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.agent.policy import (
    EVERYTHING,
    VERBS,
    Action,
    ForwardRule,
    Permits,
    decide,
)
from guardpost.errors import UsageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def allowed(permits: str, verb: str, host: str = "", port: int = 0) -> bool:
    return decide(Permits.parse(permits), Action(verb, host, port)).allowed


def test_verbs_stand_for_themselves() -> None:
    assert allowed("monitor", "monitor")
    assert not allowed("monitor", "exec")
    assert not allowed("exec", "monitor")
    assert allowed("monitor, exec", "exec")
    assert not allowed("monitor,exec", "forward", "127.0.0.1", 22)


def test_nothing_permits_nothing_and_everything_everything() -> None:
    for action in (Action("monitor"), Action("exec"), Action("forward", "host", 22)):
        assert not decide(Permits(), action).allowed
        assert not decide(Permits.parse(""), action).allowed
        assert decide(EVERYTHING, action).allowed


@pytest.mark.parametrize("verb", ["", "Monitor", "shell", "forward=", "monitor,exec", "*"])
def test_unknown_verbs_are_denied_even_with_every_permit(verb: str) -> None:
    verdict = decide(EVERYTHING, Action(verb, "127.0.0.1", 22))
    assert (verdict.allowed, verdict.reason) == (False, "no such action")


@pytest.mark.parametrize(
    "permit, host, port",
    [
        ("forward", "anything", 1),
        ("forward=*:*", "::1", 65535),
        ("forward=127.0.0.1:*", "127.0.0.1", 22),
        ("forward=127.0.0.1:22", "127.0.0.1", 22),
        ("forward=127.0.0.1:22", "::ffff:127.0.0.1", 22),
        ("forward=127.0.0.1:22", "::FFFF:7f00:1", 22),
        ("forward=[::ffff:127.0.0.1]:22", "127.0.0.1", 22),
        ("forward=*:8000-8080", "host", 8000),
        ("forward=*:8000-8080", "host", 8080),
        ("forward=[::1]:22", "0:0:0:0:0:0:0:1", 22),
        ("forward=[2001:DB8::0:1]:22", "2001:db8::1", 22),
        ("forward=Db.Example.:5432", "db.example", 5432),
        ("forward=db.example:5432", "DB.EXAMPLE.", 5432),
        ("forward=a:1,forward=b:2,monitor", "b", 2),
    ],
)
def test_forward_is_permitted(permit: str, host: str, port: int) -> None:
    assert allowed(permit, "forward", host, port)


@pytest.mark.parametrize(
    "permit, host, port",
    [
        ("forward=127.0.0.1:22", "127.0.0.1", 23),
        ("forward=127.0.0.1:22", "127.0.0.2", 22),
        ("forward=127.0.0.1:22", "localhost", 22),
        ("forward=localhost:22", "127.0.0.1", 22),
        # What getaddrinfo takes for 127.0.0.1 and is no address in the usual spelling:
        ("forward=127.0.0.1:22", "127.1", 22),
        ("forward=127.0.0.1:22", "2130706433", 22),
        ("forward=127.0.0.1:22", "0x7f000001", 22),
        ("forward=127.0.0.1:22", "127.0.0.1.", 22),
        ("forward=127.0.0.1:22", "127.0.0.1\0", 22),
        ("forward=127.0.0.1:22", " 127.0.0.1", 22),
        ("forward=[::1]:22", "[::1]", 22),
        ("forward=[fe80::1]:22", "fe80::1%eth0", 22),
        ("forward=*:8000-8080", "host", 7999),
        ("forward=*:8000-8080", "host", 8081),
        ("forward=db.example:*", "db.example.org", 1),
        ("forward=db.example:*", "evil.db.example", 1),
        ("forward=db.example:*", "db.example..", 1),
        ("forward=db.example:*", "*", 1),
        ("forward", "", 22),
        ("forward", "host", 0),
        ("forward", "host", 65536),
        ("forward", "host", -1),
    ],
)
def test_forward_is_denied(permit: str, host: str, port: int) -> None:
    assert not allowed(permit, "forward", host, port)


@pytest.mark.parametrize(
    "text",
    [
        "monitr",
        "Monitor",
        "monitor=yes",
        "exec=",
        "monitor,",
        ",",
        "monitor exec",
        "forward=",
        "forward=host",
        "forward=:22",
        "forward=host:",
        "forward=host:0",
        "forward=host:65536",
        "forward=host:22-21",
        "forward=host:1-",
        "forward=host:-1",
        "forward=host:+1",
        "forward=host:²",
        "forward=::1:22",
        "forward=[::1]",
        "forward=[host]:22",
        "forward=[127.0.0.1]:22",
        "forward=[]:22",
        "forward=*.example:22",
        "forward=a b:22",
        "forward=10.0.0.0/8:22",
        "forward=127.0.0.1.:22",
        "forward=bücher.example:80",
        "forward=a..b:80",
    ],
)
def test_what_is_no_permit_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        Permits.parse(text)
    assert str(refused.value).isprintable()


ports = st.integers(1, 65535)
names = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z])?(\.[a-z]{1,5}){0,2}", fullmatch=True)
addresses = st.ip_addresses().filter(lambda ip: not getattr(ip, "ipv4_mapped", None))
rules = st.builds(
    lambda host, low, high: ForwardRule(host, *sorted((low, high))),
    st.one_of(st.none(), names, addresses),
    ports,
    ports,
)
permits = st.builds(
    lambda verbs, forwards: Permits(frozenset(verbs), tuple(forwards)),
    st.sets(st.sampled_from(["monitor", "exec"])),
    st.lists(rules, max_size=4),
)
actions = st.builds(
    Action,
    st.one_of(st.sampled_from(VERBS), st.text(max_size=8)),
    st.one_of(names, addresses.map(str), st.text(max_size=12)),
    st.integers(-2, 65540),
)


@given(permits)
def test_permits_written_down_are_the_same_permits(granted: Permits) -> None:
    assert Permits.parse(str(granted)) == granted


@given(permits, permits, actions)
def test_more_permits_never_take_anything_away(
    some: Permits, more: Permits, action: Action
) -> None:
    both = Permits(some.verbs | more.verbs, some.forwards + more.forwards)
    either = decide(some, action).allowed or decide(more, action).allowed
    assert decide(both, action).allowed == either


@given(actions, permits)
def test_nothing_is_allowed_that_everything_would_not(action: Action, granted: Permits) -> None:
    if decide(granted, action).allowed:
        assert decide(EVERYTHING, action).allowed
        assert action.verb in VERBS


@given(addresses, names, ports)
def test_a_name_never_matches_an_address(address: Address, name: str, port: int) -> None:
    for rule, host in ((address, name), (name, str(address)), (address, f"{address}.")):
        granted = Permits(forwards=(ForwardRule(rule),))
        assert not decide(granted, Action("forward", host, port)).allowed


@given(st.text(max_size=60))
def test_any_text_is_permits_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        granted = Permits.parse(text)
        assert Permits.parse(str(granted)) == granted
