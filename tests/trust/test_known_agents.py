"""An agent is accepted once, and nothing but a person's command makes it another."""

import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.errors import AgentKeyChanged, KeyFileError, UnknownAgent, UsageError
from guardpost.identity import public_key_text, words
from guardpost.trust.known_agents import Decision, KnownAgents, refusal, verify

OLD, NEW = bytes([1] * 32), bytes([2] * 32)
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")


@pytest.fixture
def known(tmp_path: Path) -> KnownAgents:
    return KnownAgents(tmp_path / "config" / "guardpost" / "known_agents")


def write(known: KnownAgents, text: str, mode: int = 0o600) -> None:
    known.path.parent.mkdir(parents=True, exist_ok=True)
    known.path.write_text(text)
    known.path.chmod(mode)


@pytest.mark.parametrize(
    "key, pinned, trust_new, decision",
    [
        (OLD, OLD, False, Decision.TRUSTED),
        (OLD, OLD, True, Decision.TRUSTED),
        (NEW, OLD, False, Decision.CHANGED),
        (NEW, OLD, True, Decision.CHANGED),
        (NEW, None, False, Decision.UNKNOWN),
        (NEW, None, True, Decision.TRUSTED),
    ],
)
def test_what_to_think_of_a_key(
    key: bytes, pinned: bytes | None, trust_new: bool, decision: Decision
) -> None:
    assert verify(key, pinned=pinned, trust_new=trust_new) is decision


@given(st.binary(min_size=32, max_size=32), st.booleans(), st.booleans())
def test_no_key_but_the_pinned_one_is_trusted(key: bytes, trust_new: bool, same: bool) -> None:
    decision = verify(key if not same else OLD, pinned=OLD, trust_new=trust_new)
    assert (decision is Decision.TRUSTED) == (same or key == OLD)
    assert decision is not Decision.UNKNOWN


def test_a_refusal_shows_the_key_and_the_next_step_in_one_line() -> None:
    unknown = refusal(Decision.UNKNOWN, "web01", NEW, ephemeral=False)
    changed = refusal(Decision.CHANGED, "exec:ssh web01", NEW, ephemeral=False)
    rescue = refusal(Decision.CHANGED, "web01", NEW, ephemeral=True)
    assert isinstance(unknown, UnknownAgent)
    assert "--trust-new" in str(unknown)
    assert isinstance(changed, AgentKeyChanged)
    assert "guardpost key --forget 'exec:ssh web01'" in str(changed)
    assert isinstance(rescue, AgentKeyChanged)
    assert "--forget" not in str(rescue), "an ephemeral key never replaces a pin"
    for error in (unknown, changed, rescue):
        assert public_key_text(NEW) in str(error)
        assert words(NEW) in str(error)
        assert str(error).isprintable()
    assert refusal(Decision.TRUSTED, "web01", NEW, ephemeral=True) is None


def test_an_unknown_agent_is_unknown(known: KnownAgents) -> None:
    assert known.lookup("web01") is None
    assert known.forget("web01") is None
    assert not known.path.parent.exists()


@pytest.mark.parametrize("target", ["web01", "/dev/ttyS0", "exec:ssh  web01 'a b'", "tcp:[::1]:9"])
def test_remembered_found_and_forgotten(known: KnownAgents, target: str) -> None:
    known.remember(target, OLD, ephemeral=False)
    known.remember("other", NEW, ephemeral=False)
    assert known.lookup(target) == OLD
    assert known.forget(target) == OLD
    assert known.lookup(target) is None
    assert known.lookup("other") == NEW
    known.remember(target, NEW, ephemeral=False)
    assert known.lookup(target) == NEW


@posix_only
def test_the_file_is_ours_alone(known: KnownAgents) -> None:
    known.remember("web01", OLD, ephemeral=False)
    assert known.path.stat().st_mode & 0o777 == 0o600
    assert known.path.parent.stat().st_mode & 0o777 == 0o700
    known.forget("web01")
    assert known.path.stat().st_mode & 0o777 == 0o600


def test_an_ephemeral_agent_is_never_written_down(known: KnownAgents) -> None:
    known.remember("web01", NEW, ephemeral=True)
    assert known.lookup("web01") is None
    known.remember("web01", OLD, ephemeral=False)
    known.remember("web01", NEW, ephemeral=True)
    assert known.lookup("web01") == OLD


def test_remembering_again_writes_nothing_and_never_replaces(known: KnownAgents) -> None:
    known.remember("web01", OLD, ephemeral=False)
    before = known.path.read_bytes()
    known.remember("web01", OLD, ephemeral=False)
    with pytest.raises(AgentKeyChanged, match="guardpost key --forget web01"):
        known.remember("web01", NEW, ephemeral=False)
    assert known.path.read_bytes() == before


def test_comments_and_what_others_wrote_stay(known: KnownAgents) -> None:
    mine = f"# by hand\n\nweb01 {public_key_text(OLD)}\n  web02\t{public_key_text(OLD)}"
    write(known, mine)
    assert known.lookup("web02") == OLD
    known.remember("web03", NEW, ephemeral=False)
    assert known.path.read_text() == f"{mine}\nweb03 {public_key_text(NEW)}\n"
    known.forget("web01")
    left = f"# by hand\n\n  web02\t{public_key_text(OLD)}\nweb03 {public_key_text(NEW)}\n"
    assert known.path.read_text() == left


@pytest.mark.parametrize("line", ["web01", "web01 key", public_key_text(OLD)[:-1], "a b c"])
def test_a_malformed_line_makes_nobody_unknown(known: KnownAgents, line: str) -> None:
    write(known, f"web00 {public_key_text(OLD)}\n{line}\n")
    with pytest.raises(KeyFileError) as refused:
        known.lookup("web01")
    assert f"{known.path}:2" in str(refused.value)


@posix_only
def test_a_file_that_others_may_write_is_refused(known: KnownAgents) -> None:
    write(known, f"web01 {public_key_text(OLD)}\n", 0o666)
    for use in (
        lambda: known.lookup("web01"),
        lambda: known.remember("web02", NEW, ephemeral=False),
        lambda: known.forget("web01"),
    ):
        with pytest.raises(KeyFileError, match="chmod go-w"):
            use()


@pytest.mark.parametrize("target", ["", " ", "#web", "web\n01", "web\0"])
def test_what_cannot_stand_in_a_line_is_no_target(known: KnownAgents, target: str) -> None:
    for use in (known.lookup, known.forget):
        with pytest.raises(UsageError):
            use(target)
    with pytest.raises(UsageError):
        known.remember(target, OLD, ephemeral=False)


def remember_many(path: Path, name: str) -> None:
    for number in range(20):
        KnownAgents(path).remember(f"{name}{number}", OLD, ephemeral=False)
        if number % 3 == 0:
            KnownAgents(path).forget(f"{name}{number}")


def test_writers_at_once_lose_nothing(known: KnownAgents) -> None:
    writers = [threading.Thread(target=remember_many, args=(known.path, name)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    expected = {f"{name}{number}" for name in "abc" for number in range(20) if number % 3}
    found = {line.split()[0] for line in known.path.read_text().splitlines()}
    assert found == expected


@pytest.mark.parametrize("ephemeral", [False, True])
def test_a_key_that_was_given_is_not_to_be_forgotten_but_corrected(ephemeral: bool) -> None:
    error = refusal(Decision.CHANGED, "/dev/ttyS0", NEW, ephemeral=ephemeral, given=True)
    assert isinstance(error, AgentKeyChanged)
    assert words(NEW) in str(error)
    assert "correct --agent-key or hosts.toml" in str(error)
    assert "--forget" not in str(error)
