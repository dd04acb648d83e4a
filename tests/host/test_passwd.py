"""Accounts of this machine. Becoming somebody else needs root."""

import asyncio
import os
import sys

import pytest

from guardpost.errors import ResetCode
from guardpost.host import children
from guardpost.host.passwd import account_for, login_variables, own_account, run_as
from guardpost.host.spawning import SpawnError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="accounts of /etc/passwd")


def test_nobody_in_particular_is_whoever_we_are() -> None:
    assert account_for("") is None
    assert login_variables(None) == {}
    assert run_as(None) == {}


@pytest.mark.parametrize("name", ["no-such-user", "root\0", "\udcff"])
def test_an_unknown_user_is_named(name: str) -> None:
    with pytest.raises(SpawnError) as caught:
        account_for(name)
    assert caught.value.code is ResetCode.NOT_FOUND


def test_without_root_nobody_else_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(SpawnError, match="not root") as caught:
        account_for("root")
    assert caught.value.code is ResetCode.NOT_ALLOWED


def test_a_program_runs_as_somebody_else_with_his_groups_and_home() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")

    async def story() -> bytes:
        words = b"id -un; id -gn; id -Gn; echo $HOME $USER $LOGNAME; umask >/dev/null"
        child = await children.spawn([b"/bin/sh", b"-c", words], user="daemon", cwd=b"/")
        try:
            await child.wait()
            return await child.stdout.read()
        finally:
            child.close()

    lines = asyncio.run(story()).decode().splitlines()
    account = account_for("daemon")
    assert account is not None
    assert lines[:3] == ["daemon", "daemon", "daemon"]
    assert lines[3] == f"{account.home} daemon daemon"


def test_a_system_that_knows_nobody_has_a_shell_still(monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_account().uid == os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: 987654)
    account = own_account()
    assert (account.name, account.shell) == ("987654", "/bin/sh")
