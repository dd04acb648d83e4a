"""The kernel command line lets in whom it names; nonsense lets in nobody."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.agent.accounts import account_line
from guardpost.agent.admission import Admission, admission
from guardpost.agent.authorized import AuthorizedConsoles
from guardpost.agent.permits import EVERYTHING, Permits
from guardpost.agent.settings import SettingsFile
from guardpost.identity import ephemeral, parse_public_key

KEY = ephemeral(lambda count: b"k" * count).public_key
OTHER = ephemeral(lambda count: b"o" * count).public_key
HASH = account_line("ann", "correct horse").partition(":")[2]


def allowed(*keys: str, role: str | None = None, policy: str = "") -> AuthorizedConsoles:
    settings = SettingsFile(None, without=policy)
    return AuthorizedConsoles((), first=admission(keys, role, ()).consoles, settings=settings)


def permits(consoles: AuthorizedConsoles, key: str = KEY) -> Permits | None:
    entry = consoles.lookup(parse_public_key(key))
    return entry.permits if entry is not None else None


def login(*values: str) -> Admission:
    return admission((), None, values)


def test_keys_without_a_role_may_do_everything() -> None:
    consoles = allowed(KEY, OTHER)
    assert permits(consoles) == permits(consoles, OTHER) == EVERYTHING
    assert consoles.warnings == []


@pytest.mark.parametrize(
    "role, meant",
    [
        ("monitor", "monitor"),
        ("web", "exec=/usr/bin/systemctl"),
        ("monitor,exec=/usr/bin/id", "monitor,exec=/usr/bin/id"),
        ("forward=127.0.0.1:22", "forward=127.0.0.1:22"),
    ],
)
def test_a_role_is_a_name_or_a_list_of_permits(role: str, meant: str) -> None:
    policy = '[roles.web]\npermit = "exec=/usr/bin/systemctl"'
    assert permits(allowed(KEY, role=role, policy=policy)) == Permits.parse(meant)


@pytest.mark.parametrize("role", ["", " ", '""', "web", "monitr,exec", "exec=id", "*", "full full"])
def test_under_a_role_that_means_nothing_nobody_comes_in(role: str) -> None:
    consoles = allowed(KEY, role=role)
    assert permits(consoles) is None
    assert any("nobody is allowed by it: there is no role" in each for each in consoles.warnings)


def test_beside_a_name_that_is_none_of_ours_no_key_comes_in() -> None:
    found = admission((KEY,), "full", (), ("guardpost.roles",))
    assert permits(AuthorizedConsoles((), first=found.consoles)) is None
    assert found.warnings == (
        "the kernel command line: there is no guardpost.roles; its keys may do nothing",
    )
    assert admission((), None, (), ("guardpost.alow",)).was_asked


@pytest.mark.parametrize("text", ["", "*", "nonsense", KEY[:-1], KEY + "=", KEY + "," + OTHER])
def test_a_wrong_key_is_told_and_allows_nobody(text: str) -> None:
    consoles = allowed(text, OTHER)
    assert [each.key for each in consoles.entries()] == [parse_public_key(OTHER)]
    (warning,) = consoles.warnings
    assert warning.startswith("the kernel command line: guardpost.allow= is skipped: ")


@given(st.lists(st.text(max_size=50), max_size=3), st.none() | st.text(max_size=50))
def test_nonsense_never_allows_anybody(keys: list[str], role: str | None) -> None:
    assert admission(tuple(keys), role, ()).consoles.entries == []


def test_a_role_on_the_command_line_counts_before_the_files(tmp_path: Path) -> None:
    standing = tmp_path / "authorized_consoles"
    standing.write_text(f"{KEY} ann\n")
    standing.chmod(0o600)
    first = admission((KEY,), "nonsense", ()).consoles
    assert permits(AuthorizedConsoles((), standing_file=standing)) == EVERYTHING
    assert permits(AuthorizedConsoles((), standing_file=standing, first=first)) is None


@pytest.mark.parametrize("value, name", [(f"ann:{HASH}", "ann"), (HASH, "root")])
def test_a_login_is_a_name_with_a_hash(value: str, name: str) -> None:
    assert login(value).accounts == f"{name}:{HASH}\n"
    assert not login(value).nobody_logs_in


@pytest.mark.parametrize(
    "value",
    ["", "ann", "secret", f"ann{HASH}", f"a b:{HASH}", "ann:$argon2id$", "ann:$1$x$y", f":{HASH}"],
)
def test_a_wrong_login_is_told_and_logs_nobody_in(value: str) -> None:
    found = login(value)
    assert found.accounts == ""
    (warning,) = found.warnings
    assert "guardpost.login= is skipped" in warning
    assert "secret" not in warning  # somebody may have written the password itself


def test_none_is_a_prompt_without_login_whatever_else_stands_there() -> None:
    assert login("none").nobody_logs_in
    assert login(f"ann:{HASH}", "none").nobody_logs_in
    assert login("none").warnings == ()


def test_what_was_asked_is_known_even_when_it_is_nonsense() -> None:
    assert login("").was_asked
    assert admission(("x",), None, ()).was_asked
    assert not admission((), "monitor", ()).was_asked
