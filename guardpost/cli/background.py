"""Forwards that go on without a terminal: a process for each command line, which it is known by.

Each has a file in the folder of the owners' sockets, which is ours alone (0700), with its process
and what it forwards; the file is locked as long as the process lives, so that one whose process
was killed, or whose number another has now, is told apart.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from guardpost.cli import opening
from guardpost.errors import GuardpostError, UsageError

__all__ = ["ENV", "Registered", "manage", "start"]

ENV = "GUARDPOST_FORWARD"
"""Tells the process in the background what it is to be known by; JSON."""

READY = "guardpost: in the background"

END_SECONDS = 10.0
LOOK_SECONDS = 0.05


class NoSuchForward(GuardpostError):
    word = "no-such-forward"


def start(args: argparse.Namespace, local: "list[str]") -> int:
    """Start this command line in the background; its first words, and its failure, are ours."""
    if sys.platform == "win32":
        raise UsageError("there is no background on Windows; leave the command running")
    words = [*_options("-L", local), *_options("-R", args.remote)]
    words += [*_options("-D", args.dynamic), *_options("-U", args.datagrams)]
    known = json.dumps({"line": opening.canonical_name(args.target), "forwards": words})
    process = subprocess.Popen(
        [*opening.command_words(), *[each for each in sys.argv[1:] if each != "--background"]],
        env={**os.environ, ENV: known},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    is_ready = False
    try:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                text = line.decode("utf-8", "backslashreplace")
                is_ready = text.rstrip("\n") == READY
                if is_ready:
                    break
                sys.stderr.write(text)
        if is_ready:
            print(f"guardpost: forward {process.pid} is in the background", file=sys.stderr)
            return 0
        return process.wait()
    finally:
        if not is_ready:
            _leave_nothing(process)


def _leave_nothing(process: "subprocess.Popen[bytes]") -> None:
    """Of one that is not in the background: whoever started it gave up, or cannot be told."""
    process.send_signal(signal.SIGINT)  # as Ctrl-C does; nothing, when it has ended
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _options(option: str, values: "list[str]") -> list[str]:
    return [word for value in values for word in (option, value)]


class Registered:
    """The file of this process, if it is one in the background; a context manager."""

    def __init__(self) -> None:
        self._known = os.environ.pop(ENV, None)
        self._path: Path | None = None
        self._fd = -1
        if self._known is not None:
            # Whoever started us may have left it ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __enter__(self) -> "Registered":
        return self

    def ready(self) -> None:
        """All listens: say so to who started us, and let go of its terminal."""
        if self._known is None or sys.platform == "win32" or self._path is not None:
            return
        import fcntl

        self._path = _folder() / f"forward-{os.getpid()}.json"
        # Locked and whole before it has its name: whoever lists takes away what nobody holds.
        new = self._path.with_suffix(".new")
        self._fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        os.write(self._fd, self._known.encode())
        new.replace(self._path)
        print(READY, file=sys.stderr, flush=True)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)

    def __exit__(self, *error: object) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._fd)


def manage(args: argparse.Namespace) -> int:
    """--list and --cancel."""
    name = opening.canonical_name(args.target)
    found = [each for each in _all() if each["line"] == name]
    if args.cancel:
        wanted = [each for each in found if _is_meant(each, args.cancel)]
        if not wanted:
            raise NoSuchForward(f"no forward {args.cancel!r} to {name} is in the background")
        for each in wanted:
            _end(each["pid"])
        return 0
    if args.json:
        print(json.dumps({"schema": 1, "forwards": found}))
    else:
        for each in found:
            print(f"{each['pid']:>7}  {' '.join(each['forwards'])}")
    return 0


def _is_meant(known: dict[str, Any], wanted: str) -> bool:
    forwards = known["forwards"]
    return wanted in ("all", str(known["pid"]), " ".join(forwards)) or wanted in forwards[1::2]


def _all() -> Iterator[dict[str, Any]]:
    """What runs now; files that nobody holds are taken away."""
    if sys.platform == "win32":
        return
    import fcntl

    for path in sorted(_folder().glob("forward-*.json")):
        try:
            with path.open("r+") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    known = json.loads(file.read())
                    yield {"pid": int(path.stem.rpartition("-")[2]), **known}
                    continue
                path.unlink(missing_ok=True)
        except (OSError, ValueError):
            continue


def _end(pid: int) -> None:
    """Its listeners are closed when this returns."""
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(pid, signal.SIGINT)  # as Ctrl-C does: what listens is closed, unix sockets too
    deadline = time.monotonic() + END_SECONDS
    while any(each["pid"] == pid for each in _all()):
        if time.monotonic() > deadline:
            raise NoSuchForward(f"forward {pid} does not end; kill -9 {pid}")
        time.sleep(LOOK_SECONDS)


def _folder() -> Path:
    from guardpost.console.linelock import run_folder

    return Path(run_folder())
