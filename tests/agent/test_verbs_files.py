"""ls, cat, tail, send and receive, typed at a prompt, on real files."""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.prompt_stories import logged_in
from support.terminal import Person

from guardpost.agent.prompt_state import PromptState
from guardpost.agent.verbs_files import FileTrouble, _decoded


def path_in(folder: Path, name: str, content: bytes) -> bytes:
    (folder / name).write_bytes(content)
    return os.fsencode(folder / name)


def test_files_are_looked_at_and_cannot_harm_a_terminal(tmp_path: Path) -> None:
    name = path_in(tmp_path, "a", b"".join(b"line %d\n" % n for n in range(100)) + b"\x1b[2J\xff")

    async def story(person: Person) -> None:
        shown = await person.does(b"cat " + name)
        assert b"line 0\r\n" in shown
        assert b"line 99\r\n" in shown
        assert b"\x1b" not in shown
        shown = await person.does(b"tail " + name + b" 3")
        assert b"line 98\r\nline 99\r\n" in shown
        assert b"line 97" not in shown
        assert b"is no number" in await person.does(b"tail " + name + b" x")
        shown = await person.does(b"ls " + os.fsencode(tmp_path))
        assert b" a\r\n" in shown
        assert b"-rw" in shown

    logged_in(story)


def test_what_cannot_be_shown_is_told(tmp_path: Path) -> None:
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "fifo")

    async def story(person: Person) -> None:
        for command in (b"cat", b"tail", b"send"):
            assert b"No such file" in await person.does(command + b" /no/such")
            assert b"is no ordinary file" in await person.does(
                command + b" " + os.fsencode(tmp_path / "fifo")
            )
        assert b"No such file" in await person.does(b"ls /no/such")
        assert b"No such file" in await person.does(b"receive /no/such/file")
        assert person.prompt.state is PromptState.USER

    logged_in(story)


def test_a_file_is_sent_so_that_uudecode_reads_it(tmp_path: Path) -> None:
    content = os.urandom(10_000)
    name = path_in(tmp_path, "data", content)

    async def story(person: Person) -> None:
        rows = (await person.does(b"send " + name)).split(b"\r\n")
        begin = next(n for n, row in enumerate(rows) if row.startswith(b"begin-base64 "))
        end = rows.index(b"====")
        assert rows[begin].split()[2] == b"data"
        assert b"".join(base64.b64decode(row) for row in rows[begin + 1 : end]) == content
        digest = hashlib.sha256(content).hexdigest().encode()
        assert rows[end + 1] == b"10000 bytes, sha256 " + digest

    logged_in(story)


def receiving(person: Person) -> bool:
    return person.seen.endswith(b"gives up\r\n")


def test_a_pasted_file_is_whole_or_not_there(tmp_path: Path) -> None:
    content = os.urandom(5000)
    target = tmp_path / "got"
    lines = [base64.b64encode(content[at : at + 57]) for at in range(0, len(content), 57)]

    async def story(person: Person) -> None:
        person.types(b"receive " + os.fsencode(target) + b"\r")
        await person.until(lambda: receiving(person))
        person.types(b"begin-base64 644 anything\r")
        for line in lines:
            person.types(line + b"\r\n")
            assert not target.exists()
        person.types(b"====\r")
        await person.until(lambda: person.prompt.state is PromptState.USER)
        assert target.read_bytes() == content
        assert hashlib.sha256(content).hexdigest().encode() in person.seen

        person.types(b"receive " + os.fsencode(target) + b"\r")
        await person.until(lambda: receiving(person))
        person.types(lines[0] + b"\r*damaged*\r====\r")
        await person.until(lambda: person.prompt.state is PromptState.USER)
        assert b"this is no base64: b'*damaged*'; nothing was written" in person.seen

        person.types(b"receive " + os.fsencode(target) + b"\r")
        await person.until(lambda: receiving(person))
        person.types(lines[0] + b"\r\x03")
        await person.until(lambda: person.prompt.state is PromptState.USER)

    logged_in(story)
    assert target.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["got"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_what_the_disk_does_not_take_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    import resource

    target = tmp_path / "got"
    line = base64.b64encode(bytes(57))

    async def story(person: Person) -> None:
        person.types(b"receive " + os.fsencode(target) + b"\r")
        await person.until(lambda: receiving(person))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        # The last line fits in part: write(2) takes 43 bytes of it and says so.
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            person.types(line + b"\r" + line + b"\r====\r")
            await person.until(lambda: person.prompt.state is PromptState.USER)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        told = f"file: {target}: File too large; nothing was written\r\n"
        assert told.encode() in person.seen

    logged_in(story)
    assert not [*tmp_path.iterdir()]


def test_the_rest_of_a_failed_paste_is_no_command(tmp_path: Path) -> None:
    async def story(person: Person) -> None:
        person.types(b"receive " + os.fsencode(tmp_path / "got") + b"\r")
        await person.until(lambda: receiving(person))
        person.types(b"*damaged*\r")
        for _ in range(20):
            person.types(b"QUFB\r")
            await asyncio.sleep(0.01)
        person.types(b"====\r")
        await person.until(lambda: person.prompt.state is PromptState.USER)
        assert b"this is no base64" in person.seen
        assert b"no command" not in person.seen

    logged_in(story)


@settings(max_examples=100)
@given(st.binary(max_size=80))
def test_any_line_is_bytes_or_an_error(line: bytes) -> None:
    with contextlib.suppress(FileTrouble):
        assert binascii.b2a_base64(_decoded(line)).strip() == line.strip()


@pytest.mark.skipif(sys.platform == "win32", reason="modes")
def test_only_its_owner_reads_what_was_received(tmp_path: Path) -> None:
    async def story(person: Person) -> None:
        person.types(b"receive " + os.fsencode(tmp_path / "x") + b"\r")
        await person.until(lambda: receiving(person))
        person.types(b"eA==\r====\r")
        await person.until(lambda: person.prompt.state is PromptState.USER)

    logged_in(story)
    assert (tmp_path / "x").read_bytes() == b"x"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
