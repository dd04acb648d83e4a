"""With what a login shell starts, for accounts that are made up and for our own."""

import pytest

from guardpost.host.login import argv_of_shell, is_carried, login_environment
from guardpost.host.passwd import Account

ANN = Account("ann", 1000, 1000, (), "/home/ann", "/bin/sh")


@pytest.mark.parametrize(
    ("shell", "argv"),
    [
        ("/bin/sh", ("/bin/sh", "-sh")),
        ("", ("/bin/sh", "-sh")),
        ("/no/such/zsh", ("/bin/sh", "-sh")),
        ("/no/such/nologin", ("/no/such/nologin", "-nologin")),
        ("/no/such/false", ("/no/such/false", "-false")),
    ],
)
def test_a_missing_shell_is_replaced_but_a_locked_account_stays_locked(
    shell: str, argv: tuple[str, str]
) -> None:
    assert argv_of_shell(ANN._replace(shell=shell)) == argv


def test_the_environment_is_that_of_a_login_and_not_the_agents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GUARDPOST_PASSWORD", "secret")
    monkeypatch.setenv("LD_PRELOAD", "/tmp/evil.so")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    found = login_environment(ANN, {b"TERM": b"xterm"})
    found.pop(b"MAIL", None)
    assert found == {
        b"HOME": b"/home/ann",
        b"LOGNAME": b"ann",
        b"PATH": b"/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games",
        b"SHELL": b"/bin/sh",
        b"TERM": b"xterm",
        b"TZ": b"Europe/Berlin",
        b"USER": b"ann",
    }
    assert b"/usr/sbin" in login_environment(ANN._replace(uid=0), {})[b"PATH"]


@pytest.mark.parametrize("name", [b"LANG", b"LC_ALL", b"LC_CTYPE", b"COLORTERM", b"NO_COLOR"])
def test_language_and_colours_are_carried(name: bytes) -> None:
    assert is_carried(name)


@pytest.mark.parametrize(
    "name",
    [
        *(b"", b"PATH", b"LD_PRELOAD", b"BASH_ENV", b"ENV", b"IFS", b"HOME", b"TERMINFO", b"LC_"),
        *(b"LC_ALL=x", b"LC_ALL\n", b"XLANG", b"LANG ", b"LC_" + b"A" * 40, b"lang", b"LC_\xff"),
    ],
)
def test_nothing_else_is(name: bytes) -> None:
    assert not is_carried(name)
