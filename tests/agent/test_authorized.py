"""Who may come in, as the files say at this moment."""

import contextlib
import datetime
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.agent.authorized import AuthorizedConsoles, Entry, parse_line
from guardpost.agent.permits import EVERYTHING, Permits
from guardpost.agent.settings import SettingsFile
from guardpost.errors import UsageError
from guardpost.identity import public_key_text

ADA, BOB = bytes([1] * 32), bytes([2] * 32)
ADA_KEY, BOB_KEY = public_key_text(ADA), public_key_text(BOB)
MONITOR = Permits.parse("monitor")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "authorized_consoles"
    write(path, "")
    return path


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def entry_of(line: str) -> Entry:
    entry = parse_line(line, "test")
    assert entry is not None
    return entry


@pytest.mark.parametrize("line", ["", "   ", "# comment", f"#{ADA_KEY}", "\t# x", "\r"])
def test_comments_and_empty_lines_allow_nobody(line: str) -> None:
    assert parse_line(line, "test") is None


def test_a_bare_key_may_do_everything() -> None:
    assert entry_of(ADA_KEY) == Entry(ADA, EVERYTHING, "", "test")
    assert entry_of(f"  {ADA_KEY}\tada on host=web01 \r").comment == "ada on host=web01"


@pytest.mark.parametrize(
    "line",
    [
        f'permit="monitor" {ADA_KEY} ada',
        f"permit=monitor {ADA_KEY} ada",
        f'{ADA_KEY} permit="monitor" ada',
        f'{ADA_KEY} ada permit=" monitor "',
    ],
)
def test_permits_stand_before_or_after_the_key(line: str) -> None:
    assert entry_of(line) == Entry(ADA, MONITOR, "ada", "test")


def test_permits_are_those_of_the_policy() -> None:
    permit = "monitor, exec,forward=127.0.0.1:*"
    assert entry_of(f'permit="{permit}" {ADA_KEY}').permits == Permits.parse(permit)
    assert entry_of(f'permit="" {ADA_KEY}').permits == Permits()
    assert entry_of(f"{ADA_KEY} permit=").permits == Permits()


@pytest.mark.parametrize(
    "line",
    [
        "ada",
        ADA_KEY[:-1],
        "permit=monitor",
        f"permit=monitr {ADA_KEY}",
        f'permit="monitor {ADA_KEY}',
        f"permit=monitor permit=exec {ADA_KEY}",
        f"permit=monitor {ADA_KEY} permit=exec",
        f"permit = monitor {ADA_KEY}",
        f"Permit=monitor {ADA_KEY}",
        f'expires="tomorrow" {ADA_KEY}',
        f"expires=tomorrow {ADA_KEY}",
        f'permit="monitor",expires="tomorrow" {ADA_KEY}',
        # Whoever wrote one of these meant to restrict the key.
        f"{ADA_KEY} permit = monitor",
        f"{ADA_KEY} permit monitor",
        f"{ADA_KEY} Permit=monitor",
        f"{ADA_KEY} permits=monitor",
        f'{ADA_KEY} permit="monitor""exec"',
        f'{ADA_KEY} permit=monitor"',
        f'{ADA_KEY} expires="tomorrow"',
        f'{ADA_KEY} ="monitor"',
    ],
)
def test_a_doubtful_line_allows_nobody(file: Path, line: str) -> None:
    with pytest.raises(UsageError):
        parse_line(line, "test")
    write(file, f"# first\n{line}\n{BOB_KEY} bob\n")
    consoles = AuthorizedConsoles([str(file)])
    assert [entry.key for entry in consoles.entries()] == [BOB]
    assert len(consoles.warnings) == 1
    assert consoles.warnings[0].startswith(f"{file}:2: skipped: ")
    assert consoles.warnings[0].isprintable()


# --- roles and times ---


def roles(folder: Path, text: str) -> SettingsFile:
    write(folder / "agent.toml", text)
    return SettingsFile(folder / "agent.toml")


def test_a_role_is_what_agent_toml_says_at_this_moment(file: Path) -> None:
    write(file, f"role=web {ADA_KEY} ada\n{BOB_KEY} role=monitor\n")
    settings = roles(file.parent, '[roles.web]\npermit = "exec=/bin/id"')
    consoles = AuthorizedConsoles([str(file)], settings=settings)
    ada, bob = consoles.lookup(ADA), consoles.lookup(BOB)
    assert ada == Entry(ADA, Permits.parse("exec=/bin/id"), "ada", f"{file}:1", "web")
    assert bob is not None
    assert bob.permits == MONITOR
    roles(file.parent, '[roles.web]\npermit = "shell"')
    ada = consoles.lookup(ADA)
    assert ada is not None
    assert ada.permits == Permits.parse("shell")
    assert consoles.warnings == []


@pytest.mark.parametrize("text", ["", "[roles.wob]", "[roles.web", "[roles.web]\npermit = 'x'"])
def test_a_role_that_is_not_there_allows_nobody(file: Path, text: str) -> None:
    write(file, f"role=web {ADA_KEY}\n{BOB_KEY}\n")
    consoles = AuthorizedConsoles([str(file)], settings=roles(file.parent, text))
    assert consoles.lookup(ADA) is None
    assert f"there is no role 'web' ({file}:1)" in consoles.find(ADA)
    assert f"{file}:1: nobody is allowed by it: there is no role 'web'" in consoles.warnings
    assert consoles.lookup(BOB) is not None, "whose line names none"
    if text and "wob" not in text:
        assert str(file.parent / "agent.toml") in consoles.warnings[0]
        write(file, f"role=monitor {ADA_KEY}\n")
        assert consoles.lookup(ADA) is None, "nothing in a doubtful file counts"


def test_without_agent_toml_there_are_the_roles_of_the_house(file: Path) -> None:
    write(file, f"role=monitor {ADA_KEY}\nrole=full {BOB_KEY}\n")
    consoles = AuthorizedConsoles([str(file), f"role=full {ADA_KEY}"])
    ada, bob = consoles.lookup(ADA), consoles.lookup(BOB)
    assert ada is not None
    assert ada.permits == EVERYTHING, "--allow comes first"
    assert bob is not None
    assert bob.permits == EVERYTHING


def test_a_key_counts_until_its_time(file: Path) -> None:
    now = 0.0
    write(file, f'expiry-time="203001021530Z" {ADA_KEY}\nexpiry-time=20300102 {BOB_KEY}\n{ADA_KEY}')
    consoles = AuthorizedConsoles([str(file)], clock=lambda: now)
    assert consoles.lookup(ADA) is not None
    ada = consoles.entries()[0]
    assert ada.expires == 1_893_598_200
    now = 1_893_598_199.9
    assert consoles.lookup(ADA) is not None
    now += 0.1
    assert consoles.lookup(ADA) is None, "even if a later line has it without a time"
    assert "the key has expired" in str(consoles.find(ADA))
    bob = consoles.entries()[1]
    assert bob.expires == datetime.datetime(2030, 1, 2).timestamp()


@pytest.mark.parametrize(
    "options",
    [
        *("role=", 'role=""', "role=web permit=monitor", "role=a role=b", "Role=web"),
        *("expiry-time=", "expiry-time=2030", "expiry-time=20301301", "expiry-time=20300101T00"),
        *("expiry-time=2030010100Z", "expiry-time=20300101Z expiry-time=20300101Z"),
        *("expiry-time=２0300101", "Expiry-time=20300101", "expiry=20300101", "roles=web"),
        *("expiry-time=99999999", "expiry-time=00000101"),
    ],
)
@pytest.mark.parametrize("form", ["{options} {key} ada", "{key} {options} ada"])
def test_a_doubtful_role_or_time_allows_nobody(options: str, form: str) -> None:
    with pytest.raises(UsageError) as wrong:
        parse_line(form.format(options=options, key=ADA_KEY), "test")
    assert str(wrong.value).isprintable()


def test_nobody_is_allowed_by_nothing(file: Path) -> None:
    assert AuthorizedConsoles([]).lookup(ADA) is None
    assert AuthorizedConsoles([str(file)]).lookup(ADA) is None
    assert AuthorizedConsoles([], standing_file=file.parent / "none").entries() == []


def test_keys_come_from_the_command_line_and_from_files(file: Path) -> None:
    write(file, f"permit=monitor {BOB_KEY} bob\n")
    consoles = AuthorizedConsoles([f"{ADA_KEY} ada", str(file)])
    ada, bob = consoles.lookup(ADA), consoles.lookup(BOB)
    assert ada == Entry(ADA, EVERYTHING, "ada", "--allow")
    assert bob == Entry(BOB, MONITOR, "bob", f"{file}:1")
    assert consoles.lookup(bytes(32)) is None


def test_the_first_line_with_a_key_counts(file: Path) -> None:
    write(file, f"permit=monitor {ADA_KEY}\n{ADA_KEY}\n")
    found = AuthorizedConsoles([str(file)]).lookup(ADA)
    assert found is not None
    assert found.permits == MONITOR


@pytest.mark.parametrize("source", ["", "#", "nonsense", ADA_KEY[:-2], "permit=monitr " + ADA_KEY])
def test_a_source_that_is_neither_key_nor_file_is_refused(source: str) -> None:
    with pytest.raises(UsageError, match="--allow"):
        AuthorizedConsoles([source])


def test_files_are_read_again_when_they_change(file: Path) -> None:
    consoles = AuthorizedConsoles([str(file)])
    write(file, f"{ADA_KEY}\n")
    assert consoles.lookup(ADA) is not None
    write(file, f"{BOB_KEY} instead of ada\n")
    assert consoles.lookup(ADA) is None
    assert consoles.lookup(BOB) is not None
    file.unlink()
    assert consoles.lookup(BOB) is None
    write(file, f"{ADA_KEY}\n")
    assert consoles.lookup(ADA) is not None


def test_a_file_renamed_into_place_is_read_even_if_it_is_as_old_and_as_long(file: Path) -> None:
    write(file, ADA_KEY)
    consoles = AuthorizedConsoles([str(file)])
    assert consoles.lookup(ADA) is not None
    other = file.with_name("other")
    write(other, BOB_KEY)
    status = file.stat()
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(file)
    assert consoles.lookup(ADA) is None
    assert consoles.lookup(BOB) is not None


def test_the_standing_file_may_come_later(tmp_path: Path) -> None:
    path = tmp_path / "authorized_consoles"
    consoles = AuthorizedConsoles([], standing_file=path)
    assert consoles.lookup(ADA) is None
    write(path, ADA_KEY)
    assert consoles.lookup(ADA) is not None


@posix_only
def test_a_file_that_others_may_write_allows_nobody(file: Path) -> None:
    write(file, ADA_KEY)
    consoles = AuthorizedConsoles([str(file)])
    assert consoles.lookup(ADA) is not None
    file.chmod(0o620)
    assert consoles.lookup(ADA) is None
    assert f"chmod go-w {file}" in consoles.warnings[0]
    file.chmod(0o644)
    assert consoles.lookup(ADA) is not None
    assert consoles.warnings == []


def test_a_folder_or_binary_file_allows_nobody(file: Path, tmp_path: Path) -> None:
    assert AuthorizedConsoles([str(tmp_path)]).entries() == []
    file.write_bytes(b"\xff" * 100 + ADA_KEY.encode())
    consoles = AuthorizedConsoles([str(file)])
    assert consoles.entries() == []
    assert "not text" in consoles.warnings[0]


@given(st.text(max_size=90))
def test_no_text_is_a_key_by_accident(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_line(text, "test") is None


@given(
    st.text(alphabet=st.sampled_from('permit="monitor,exec# \t='), max_size=30),
    st.text(alphabet=st.sampled_from('permit="monitor,exec# \t='), max_size=30),
)
def test_no_mention_of_permits_is_overlooked(before: str, after: str) -> None:
    """A key with every permit comes from a line in which nobody tried to restrict it."""
    with contextlib.suppress(UsageError):
        entry = parse_line(f"{before} {ADA_KEY} {after}", "test")
        if entry is not None and entry.permits == EVERYTHING:
            assert not any(word.startswith("permit") for word in f"{before} {after}".split())
