"""The documents' examples run, and their tables say what the code does."""

import ast
import re
from pathlib import Path

import pytest

from guardpost.agent.permits import VERBS
from guardpost.agent.settings import read_settings
from guardpost.errors import GoAwayCode, ResetCode
from guardpost.protocol import limits
from guardpost.protocol.framing import FORBIDDEN, Profile
from guardpost.transports.amt import redirection

DOCS = Path(__file__).parent.parent / "docs"


def test_the_embedding_example_runs() -> None:
    example = re.search(r"```python\n(.*?)```", (DOCS / "embedding.md").read_text(), re.DOTALL)
    assert example is not None
    exec(compile(example[1], "docs/embedding.md", "exec"), {})


@pytest.mark.parametrize(
    ("codes", "heading"), [(ResetCode, "| reset code |"), (GoAwayCode, "| code | word |")]
)
def test_the_protocol_lists_every_code(codes: type, heading: str) -> None:
    text = (DOCS / "protocol.md").read_text()
    table = text[text.index(heading) :].split("\n\n")[0]
    listed = {
        int(number): word for number, word in re.findall(r"^\| (\d+) \| ([\w-]+)", table, re.M)
    }
    assert listed == {
        code.value: code.name.lower().replace("_", "-") for code in codes if code.value < 100
    }


def test_the_protocol_names_the_forbidden_bytes() -> None:
    text = (DOCS / "protocol.md").read_text()
    for profile in (Profile.CLEAN, Profile.XONXOFF, Profile.CONSOLE):
        row = re.search(rf"\| `{profile.name.lower()}` \| (\d) \| ([0-9a-f ]+) \|", text)
        assert row is not None
        assert int(row[1]) == profile
        assert frozenset(bytes.fromhex(row[2])) == FORBIDDEN[profile]


def test_the_protocol_has_the_times_of_the_silence() -> None:
    text = (DOCS / "protocol.md").read_text()
    early = ", ".join(f"{each:g}" for each in limits.ASKS_EARLY_SECONDS)
    asks = (
        f"| asks on silence | {early} s, then every {limits.ASK_SECONDS:g} s; "
        f"after text {limits.QUIET_AFTER_TEXT_SECONDS:g} s, and "
        f"{limits.ASKS_EARLY_SECONDS[limits.ASKS_AFTER_TEXT]:g} s after the last | "
        f"{limits.AGENT_PING_SECONDS:g} s for {limits.AGENT_PING_FAST_SECONDS:g} s, "
    )
    known = (
        f"| asks whether the session is known, where hellos are answered | {limits.KNOWN_TRIES} "
        f"times, {limits.KNOWN_SETTLE_SECONDS:g} s + rtt after the answer, "
        f"or {limits.KNOWN_SECONDS:g} s, 2 rtt without |"
    )
    assert asks in text
    assert known in text
    assert f"| asks a busy peer that fell silent | {limits.BUSY_SILENCE_SECONDS:g} s |" in text


def test_every_test_that_security_names_is_there() -> None:
    text = (DOCS / "security.md").read_text()
    named = re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", text)
    assert len(named) == text.count("`tests/")
    for path, function in named:
        assert (DOCS.parent / path).exists(), path
        if function:
            tree = ast.parse((DOCS.parent / path).read_text())
            names = {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
            assert function in names, f"{path} has no {function}"


def test_every_promise_of_security_names_its_tests() -> None:
    text = (DOCS / "security.md").read_text()
    table = text[text.index("| # | promise |") :].split("\n\n")[0].splitlines()[2:]
    assert len(table) >= 10
    for number, row in enumerate(table, 1):
        cells = row.split(" | ")
        assert cells[0] == f"| {number}"
        assert "`tests/" in cells[-1], row


def test_security_has_every_permit_and_its_settings_are_settings(tmp_path: Path) -> None:
    text = (DOCS / "security.md").read_text()
    table = text[text.index("| permit | allows |") :].split("\n\n")[0]
    assert {*re.findall(r"`([a-z-]+)[=`]", "".join(re.findall(r"^\|([^|]*)\|", table, re.M)))} == {
        *VERBS
    }
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    (tmp_path / "agent.toml").write_text(example[1])
    (tmp_path / "agent.toml").chmod(0o600)
    settings = read_settings(tmp_path / "agent.toml")
    assert (settings.channels, {*settings.roles}) == (64, {"monitor", "full", "web"})


def test_the_amt_page_has_the_settings_that_are_asked_for() -> None:
    text = (DOCS / "amt.md").read_text()
    told = re.findall(r"^\| (\w+) \| (\d+)(?: ms)? \|", text, re.M)
    assert [(name, int(value)) for name, value in told] == [
        ("MaxTxBuffer", redirection.MAX_TX_BYTES),
        ("TxTimeout", redirection.TX_TIMEOUT_MS),
        ("TxOverflowTimeout", redirection.TX_OVERFLOW_MS),
        ("RxTimeout", redirection.RX_TIMEOUT_MS),
        ("RxFlushTimeout", redirection.RX_FLUSH_MS),
        ("Heartbeat", redirection.HEARTBEAT_MS),
    ]
