"""The host's log, clock, services and end, at a prompt; nothing here ends this host."""

import os
import sys
from pathlib import Path

import pytest
from support.prompt_stories import logged_in
from support.terminal import Person

from guardpost.agent import verbs_system
from guardpost.agent.verbs_system import _set_clock
from guardpost.errors import UsageError


@pytest.mark.parametrize("verb", [b"reboot", b"poweroff", b"sleep"])
def test_the_host_ends_only_for_who_means_it(verb: bytes) -> None:
    async def story(person: Person) -> None:
        for words in (verb, verb + b" please"):
            assert b"if that is meant, type: " + verb + b" now" in await person.does(words)

    logged_in(story)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX has these programs")
@pytest.mark.parametrize("verb", ["reboot", "poweroff"])
@pytest.mark.parametrize(
    ("first", "done"),
    [
        ("systemd", "systemctl {}"),
        ("/sbin/init", "{}"),
        ("init [2]", "{}"),
        ("/bin/sh\0/init", "{} -f"),
        ("/bin/busybox\0sh\0/init", "{} -f"),
    ],
)
def test_the_host_ends_in_order_where_something_keeps_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, first: str, done: str
) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "cmdline").write_text(first + "\0")
    for name in ("systemctl", "reboot", "poweroff"):
        program = tmp_path / name
        program.write_text('#!/bin/sh\necho "${0##*/}" "$@" >> "${0%/*}/done"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(verbs_system, "_PROC", str(tmp_path))
    booted = tmp_path if first == "systemd" else tmp_path / "none"
    monkeypatch.setattr(verbs_system, "_SYSTEMD", str(booted))

    async def story(person: Person) -> None:
        assert f"{verb}: goodbye\r\n".encode() in await person.does(f"{verb} now".encode())

    logged_in(story)
    assert (tmp_path / "done").read_text() == done.format(verb) + "\n"


def test_the_clock() -> None:
    async def story(person: Person) -> None:
        shown = await person.does(b"time")
        assert shown.count(b" UTC\r\n") >= 1
        assert b"is no time" in await person.does(b"time set tomorrow")
        assert b"usage: time" in await person.does(b"time now")

    logged_in(story)


@pytest.mark.parametrize("text", ["", "2026-13-01 00:00:00", "12:00", "2026-01-01 25:00:00"])
def test_what_is_no_time_sets_nothing(text: str) -> None:
    with pytest.raises(UsageError):
        _set_clock(text)


def test_the_environment_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUARDPOST_PASSWORD", "s3cret")
    monkeypatch.setenv("SOME_VALUE", "shown\x1b[2J")

    async def story(person: Person) -> None:
        shown = await person.does(b"env")
        assert b"s3cret" not in shown
        assert b"GUARDPOST_PASSWORD=(not shown)" in shown
        assert b"SOME_VALUE=shown" in shown
        assert b"\x1b" not in shown

    logged_in(story)


def test_a_log_file_where_there_is_no_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "messages").write_text("one\ntwo\nthree\n")
    monkeypatch.setattr(verbs_system, "_SYSTEMD", str(tmp_path / "none"))
    monkeypatch.setattr(verbs_system, "_LOG_FILES", (str(tmp_path / "messages"),))

    async def story(person: Person) -> None:
        shown = await person.does(b"log 2")
        assert b"two\r\nthree\r\n" in shown
        assert b"one" not in shown
        assert b"is no number" in await person.does(b"log x")

    logged_in(story)


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK), reason="reads the kernel's messages")
def test_the_kernels_messages_where_there_is_no_log_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs_system, "_SYSTEMD", str(tmp_path / "none"))
    monkeypatch.setattr(verbs_system, "_LOG_FILES", ())

    async def story(person: Person) -> None:
        assert (await person.does(b"log 1000")).count(b"\r\n[") > 5

    logged_in(story)


@pytest.mark.skipif(sys.platform == "win32", reason="scripts of sysvinit")
def test_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs_system, "_SYSTEMD", str(tmp_path / "none"))
    (tmp_path / "rc-service").write_text("#!/bin/sh\necho rc-service $*\n")
    (tmp_path / "rc-service").chmod(0o755)

    async def story(person: Person) -> None:
        assert b"is no name of a service" in await person.does(b"service ../x")
        assert b"usage: service NAME" in await person.does(b"service ssh explode")
        assert b"no systemd and no OpenRC" in await person.does(b"service no-such-one start")
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        shown = await person.does(b"service sshd restart")
        assert b"rc-service sshd restart\r\n" in shown
        assert b"sshd: restart done" in shown

    logged_in(story)
