"""Who may log in at an agent's prompt, and hashes for those who have no file."""

import argparse
import asyncio
import io
import sys
from pathlib import Path

import pytest
from support.golden import PASSWORD, golden

from guardpost.agent.accounts import Accounts, Verdict, account_line, parse_account, set_password
from guardpost.agent.admission import NOTHING_ASKED, admission
from guardpost.baked import Facts
from guardpost.cli import agent_accounts, main


@pytest.fixture
def options(tmp_path: Path) -> argparse.Namespace:
    return argparse.Namespace(accounts=str(tmp_path / "accounts"))


def lets_in(accounts: Accounts, name: str, password: str) -> bool:
    return asyncio.run(accounts.verify(name, password)) is Verdict.RIGHT


def test_what_is_baked_in_counts_where_the_file_says_nothing(options: argparse.Namespace) -> None:
    accounts = agent_accounts.accounts_of(options, NOTHING_ASKED, golden())
    assert accounts.any()
    assert lets_in(accounts, "ann", PASSWORD)
    set_password(Path(options.accounts), "ann", "another")
    assert not lets_in(accounts, "ann", PASSWORD)
    assert agent_accounts.accounts_of(options, NOTHING_ASKED, golden()).names() == ["ann"]


def test_the_kernel_command_line_counts_before_all(options: argparse.Namespace) -> None:
    set_password(Path(options.accounts), "ann", "of the file")
    asked = admission((), None, (account_line("ann", "of the kernel"),))
    accounts = agent_accounts.accounts_of(options, asked, golden())
    assert lets_in(accounts, "ann", "of the kernel")
    assert not lets_in(agent_accounts.accounts_of(options, asked), "ann", "of the file")


def test_none_on_the_kernel_command_line_logs_nobody_in(options: argparse.Namespace) -> None:
    set_password(Path(options.accounts), "ann", "of the file")
    accounts = agent_accounts.accounts_of(options, admission((), None, ("none",)), golden())
    assert not accounts.any()
    assert not lets_in(accounts, "ann", PASSWORD)


def test_nothing_is_baked_into_a_checkout(options: argparse.Namespace) -> None:
    assert not agent_accounts.accounts_of(options, NOTHING_ASKED, Facts(None)).any()


def test_a_hash_is_printed_as_everything_else_takes_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
    assert main.main(["agent", "--hash-password", "ann"]) == 0
    shown = capsys.readouterr()
    line = shown.out.strip()
    assert "horse" not in shown.out + shown.err
    assert parse_account(line) == line
    accounts = Accounts(None, first=line)
    assert lets_in(accounts, "ann", "correct horse")
    assert not lets_in(accounts, "ann", "wrong horse")
