"""What a key may do, written down and read again."""

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.agent.permits import EVERYTHING, VERBS, Address, Grant, Permits
from guardpost.errors import UsageError
from guardpost.services.action import components


def test_every_verb_and_kind_of_target_is_read() -> None:
    text = (
        "monitor,exec=/usr/bin/systemctl,exec=/usr/bin/journalctl,shell,file-read=/var/log,"
        "file-write=/srv/in,forward=127.0.0.1:*,forward=/run/x.sock,listen=127.0.0.1:8000-8100,"
        "listen=*:*,admin"
    )
    granted = Permits.parse(text)
    assert str(granted) == text
    assert granted.of("exec") == (
        Grant("exec", b"/usr/bin/systemctl"),
        Grant("exec", b"/usr/bin/journalctl"),
    )
    address = Address(ipaddress.ip_address("127.0.0.1"), 8000, 8100)
    assert granted.of("listen") == (Grant("listen", address), Grant("listen", Address()))


def test_any_byte_can_stand_in_a_path() -> None:
    assert Permits.parse("file-read=/a%2Cb,file-read=/100%25").grants == (
        Grant("file-read", b"/a,b"),
        Grant("file-read", b"/100%"),
    )
    assert Permits.parse("file-read=/srv/bücher und mehr").grants == (
        Grant("file-read", "/srv/bücher und mehr".encode()),
    )
    assert str(Grant("file-read", b'/a ,"%\xff\n')) == "file-read=/a%20%2C%22%25%FF%0A"


def test_everything_has_every_verb_and_opens_no_port_to_a_network() -> None:
    assert {grant.verb for grant in EVERYTHING.grants} == set(VERBS)
    assert str(EVERYTHING) == (
        "monitor,exec,shell,file-read,file-write,forward,listen,admin,listen=/"
    )


@pytest.mark.parametrize(
    "text",
    [
        *("monitr", "Monitor", "monitor=yes", "monitor=", "monitor,", ",", "monitor exec"),
        *("exec=", "shell=/bin/sh", "admin=reboot", "sudo"),
        *("exec=systemctl", "exec=bin/systemctl", "exec=/usr/bin/../bin/id", "exec=*"),
        *(
            "file-read=",
            "file-read=log",
            "file-read=/var/../etc",
            "file-read=/a%00b",
            "file-read=~",
        ),
        *("file-write=C:srv", "file-write=\\\\server\\share", "file-write=C:\\a\\..\\b"),
        *("forward=", "forward=host", "forward=:22", "forward=host:", "forward=host:0"),
        *("forward=host:65536", "forward=host:22-21", "forward=host:1-", "forward=host:-1"),
        *("forward=host:+1", "forward=host:²", "forward=::1:22", "forward=[::1]"),
        *("forward=[host]:22", "forward=[127.0.0.1]:22", "forward=[]:22", "forward=*.example:22"),
        *("forward=a b:22", "forward=10.0.0.0/8:22", "forward=127.0.0.1.:22"),
        *("forward=bücher.example:80", "forward=a..b:80", "forward=/run/../x"),
        *("listen=8000", "listen=127.0.0.1", "listen=127.0.0.1:0", "listen=/a/../b"),
    ],
)
def test_what_is_no_permit_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        Permits.parse(text)
    assert str(refused.value).isprintable()


ports = st.integers(1, 65535)
names = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z])?(\.[a-z]{1,5}){0,2}", fullmatch=True)
hosts = st.one_of(
    st.none(), names, st.ip_addresses().filter(lambda ip: not getattr(ip, "ipv4_mapped", None))
)
addresses = st.builds(
    lambda host, low, high: Address(host, *sorted((low, high))), hosts, ports, ports
)
paths = st.binary(max_size=12).map(lambda name: b"/" + name).filter(components)
grants = st.one_of(
    st.builds(Grant, st.sampled_from(list(VERBS))),
    st.builds(Grant, st.sampled_from(["exec", "file-read", "file-write"]), paths),
    st.builds(Grant, st.sampled_from(["forward", "listen"]), st.one_of(addresses, paths)),
)
permits = st.lists(grants, max_size=6).map(lambda each: Permits(tuple(each)))


@given(permits)
def test_permits_written_down_are_the_same_permits(granted: Permits) -> None:
    text = str(granted)
    assert Permits.parse(text) == granted
    assert text.isascii()
    assert text.isprintable()
    assert '"' not in text


like_permits = st.text(alphabet="acdefilmnortvwx-=/,:*[]0123%.", max_size=30)


@given(st.one_of(st.text(max_size=60), like_permits))
def test_any_text_is_permits_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        granted = Permits.parse(text)
        assert Permits.parse(str(granted)) == granted
