"""A rescue system's agent: who comes in stands on the kernel command line, which it reads."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from support.bare_terminal import BareTerminal
from support.own_mounts import mounting
from support.rig import Rig, rig

from guardpost.agent.accounts import account_line

PATIENCE_SECONDS = 30.0


@contextlib.contextmanager
def recovery(line: Rig, command_line: str, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`guardpost agent --recovery` on a host that was booted with `command_line`."""
    fake = line.folder / "cmdline"
    fake.write_text(f"{command_line}\n")
    words = [sys.executable, "-m", "guardpost", "agent", line.there, "--recovery", *options]
    argv = mounting(f"mount --bind {fake} /proc/cmdline", *words)
    with (line.folder / "agent.log").open("ab") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def says(line: Rig, words: str) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while words not in line.agent_log():
        assert time.monotonic() < deadline, line.agent_log()
        time.sleep(0.02)
    return line.agent_log()


def test_a_key_on_the_command_line_comes_in_with_its_role() -> None:
    with rig(agent=None) as line:
        key = line.run("key").stdout.decode().strip()
        asked = f"quiet guardpost.allow={key} guardpost.role=monitor,exec=/usr/bin/id"
        with recovery(line, asked):
            assert "(ephemeral)" in says(line, "words ")
            found = line.console("exec", "id", "-u")
            assert (found.stdout, found.returncode) == (f"{os.geteuid()}\n".encode(), 0)
            refused = line.console("exec", "true")
            assert b"not-allowed: exec of this program is not permitted" in refused.stderr


def test_nobody_comes_in_by_nonsense_and_the_prompt_is_there_all_the_same() -> None:
    with rig(agent=None) as line:
        key = line.run("key").stdout.decode().strip()
        asked = f"guardpost.allow={key} guardpost.role=everything guardpost.allow=* guardpost.login"
        with recovery(line, asked):
            said = says(line, "words ")
            assert "guardpost.allow= is skipped: '*' is no public key" in said
            assert "nobody is allowed by it: there is no role 'everything'" in said
            refused = line.console("exec", "true")
            assert b"not-allowed" in refused.stderr
            assert refused.returncode == 255
            with BareTerminal(line.here) as person:
                shown = person.wakes(PATIENCE_SECONDS)
                assert b"(ephemeral)\r\nwords " in shown
                person.asks(b"login root\r", b"no password set")


def test_a_hash_on_the_command_line_is_a_login(tmp_path: Path) -> None:
    with rig(agent=None) as line:
        login = account_line("ann", "correct horse")
        with recovery(line, f"guardpost.login={login}"):
            said = says(line, "words ")
            assert "0 console keys allowed, text prompt\n" in said
            assert login.split("$")[-1] not in said
            with BareTerminal(line.here) as person:
                person.wakes(PATIENCE_SECONDS)
                person.asks(b"login ann\r", b"Password: ")
                person.asks(b"correct horse\r", b"welcome, ann")


def test_where_nobody_is_named_at_all_it_does_not_start() -> None:
    with rig(agent=None) as line:
        with recovery(line, "quiet", "--accounts", str(line.folder / "none")) as process:
            assert process.wait(PATIENCE_SECONDS) == 255
        assert "guardpost: usage: nobody could use this agent" in line.agent_log()


# An agent on a host whose random generator never becomes ready; at its end it tells what it loaded.
UNREADY = """
import asyncio, sys
from guardpost.host import randomness

async def never():
    await asyncio.Event().wait()

randomness.is_ready, randomness.wait_until_ready = (lambda: False), never
from guardpost.cli import main
code = main.main(sys.argv[1:])
print("libsodium" if "nacl.bindings" in sys.modules else "no libsodium", file=sys.stderr)
sys.exit(code)
"""


def test_without_random_bytes_the_prompt_answers_and_nothing_waits_for_them() -> None:
    with rig(agent=None) as line:
        login = account_line("ann", "correct horse")
        (line.folder / "accounts").write_text(f"{login}\n")
        (line.folder / "accounts").chmod(0o600)
        words = ["agent", line.there, "--ephemeral", "--accounts", str(line.folder / "accounts")]
        with (line.folder / "agent.log").open("wb") as log:
            argv = [sys.executable, "-c", UNREADY, *words]
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            assert "text prompt\n" in says(line, "the random generator of this host is not ready")
            with BareTerminal(line.here) as person:
                assert b"is not ready; sessions and logins wait" in person.wakes(PATIENCE_SECONDS)
                person.asks(b"version\r", b"is not ready; sessions and logins wait")
                assert b"Password" not in person.asks(b"login ann\r", b"wait for it\r\nguardpost> ")
        finally:
            process.terminate()
            process.wait(10)
        assert line.agent_log().endswith("\nno libsodium\n")
        assert "fingerprint" not in line.agent_log()
