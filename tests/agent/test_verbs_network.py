"""ip and ping: what the programs of the host are told. A guest in QEMU has them for real."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.prompt_stories import logged_in
from support.terminal import Person

from guardpost.agent.verbs_network import name_servers, words_of_ip
from guardpost.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("eth0 10.0.0.2/24", "address add 10.0.0.2/24 dev eth0"),
        ("eth0 del fe80::1/64", "address del fe80::1/64 dev eth0"),
        ("eth0 up", "link set dev eth0 up"),
        ("route 10.0.0.1", "route replace default via 10.0.0.1"),
        ("route del", "route del default"),
    ],
)
def test_short_forms_of_ip(typed: str, told: str) -> None:
    assert words_of_ip(typed.split()) == told.split()


@pytest.mark.parametrize(
    "typed", ["eth0", "eth0 10.0.0.2", "-batch x", "eth0 maybe", "route x", "a b c d", "e/0 up"]
)
def test_what_is_no_form_of_ip(typed: str) -> None:
    with pytest.raises(UsageError):
        words_of_ip(typed.split())


@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
def test_no_word_becomes_an_option(words: list[str]) -> None:
    try:
        told = words_of_ip(words)
    except UsageError:
        return
    assert not [word for word in told if word.startswith("-")]


def test_the_lines_of_resolv_conf_that_count() -> None:
    text = "# by hand\nnameserver 10.0.0.1\n\nsearch example.org\nnameserverx\n"
    assert name_servers(text) == ["nameserver 10.0.0.1", "search example.org"]


def test_at_the_prompt() -> None:
    async def story(person: Person) -> None:
        assert b"the default route" in await person.does(b"ip help")
        assert b"is no number of tries" in await person.does(b"ping x y")
        assert b"is no host" in await person.does(b"ping -f")
        assert b"is no address" in await person.does(b"ip dns here")

    logged_in(story)
