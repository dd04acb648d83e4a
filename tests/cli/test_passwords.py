"""Where the password of a line comes from, and that it is asked for once."""

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest
from support.tools import ROOT

from guardpost.cli.passwords import Password
from guardpost.errors import UsageError

PATIENCE_SECONDS = 20.0
NOTHING: dict[str, str] = {}


def found(password: Password) -> str:
    return asyncio.run(twice(password))


async def twice(password: Password) -> str:
    first = await password()
    assert await password() == first
    return first


def test_the_environment_outranks_the_file() -> None:
    environment = {"GUARDPOST_PASSWORD": "said now"}
    command = f"{sys.executable} -c 'print(\"from the file\")'"
    assert found(Password("amt:web01", command, environment=environment)) == "said now"
    assert found(Password("amt:web01", command, environment=NOTHING)) == "from the file"


def test_an_empty_password_in_the_environment_is_one() -> None:
    assert found(Password("ipmi:web01", environment={"GUARDPOST_PASSWORD": ""})) == ""


def test_what_is_known_is_not_asked_for() -> None:
    password = Password("amt:web01", "/no/such/program", known="s3cret", environment=NOTHING)
    assert found(password) == "s3cret"


def test_a_command_is_run_once_and_its_first_line_counts(tmp_path: Path) -> None:
    count = tmp_path / "count"
    code = f"open('{count}', 'a').write('x'); print('p w\\xe4'); print('user: admin')"
    assert found(Password("amt:web01", f'"{sys.executable}" -c "{code}"', environment=NOTHING)) == (
        "p w\xe4"
    )
    assert count.read_text() == "x"


def test_a_password_that_is_no_utf_8_is_not_made_another_one() -> None:
    code = "import sys; sys.stdout.buffer.write(bytes([112, 228, 10]))"
    said = found(Password("amt:web01", f'"{sys.executable}" -c "{code}"', environment=NOTHING))
    assert os.fsencode(said) == b"p\xe4"


def test_a_command_that_nobody_waits_for_any_more_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = f"import os, time; open('{note}', 'w').write(str(os.getpid())); time.sleep(600)"

    async def story() -> None:
        password = Password("amt:web01", f'"{sys.executable}" -c "{code}"', environment=NOTHING)
        asking = asyncio.ensure_future(password())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (note.exists() and note.read_text()):
                await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.wait([asking])
        with pytest.raises(ProcessLookupError):
            os.kill(int(note.read_text()), 0)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/no/such/program", "cannot be run: No such file"),
        ("", "cannot be run"),
        ("'unclosed", "cannot be run: No closing quotation"),
        ("false", r"failed \(status 1\)"),
        ("true", "printed nothing"),
    ],
)
def test_a_command_that_tells_none_is_named(command: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        found(Password("amt:web01", command, environment=NOTHING))


def test_nobody_is_asked_where_nobody_can_answer() -> None:
    password = Password("amt:web01", environment=NOTHING, may_ask=lambda: False)
    with pytest.raises(UsageError, match="nobody can be asked meanwhile; run the command again"):
        found(password)
    password = Password("amt:web01", "echo s3cret", environment=NOTHING, may_ask=lambda: False)
    assert found(password) == "s3cret"


ASK = """
import asyncio
from guardpost.cli.passwords import Password
password = Password("admin's amt:web01", environment={})
print("got", asyncio.run(password()))
"""


def test_a_person_is_asked_on_the_terminal_and_what_is_typed_does_not_show() -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", ASK])
    seen = b""
    while b"admin's amt:web01: " not in seen:
        seen += os.read(terminal, 1024)
    os.write(terminal, b"s3cret\n")
    while b"got s3cret" not in seen:
        seen += os.read(terminal, 1024)
    assert seen.count(b"s3cret") == 1
    os.waitpid(pid, 0)
    os.close(terminal)


async def without_a_terminal() -> tuple[bytes, bytes]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ASK),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        cwd=ROOT,
    )
    return await child.communicate()


def test_without_a_terminal_the_other_ways_are_named() -> None:
    out, err = asyncio.run(without_a_terminal())
    assert out == b""
    assert b"set GUARDPOST_PASSWORD, or password_command" in err
