"""The agents a console has accepted, and what to think of the one that answers.

The file has a line `TARGET KEY` for each; `#` begins a comment line. TARGET may hold
spaces (`exec:ssh host ...`), so the key is the last word. Writers take turns with
a lock file beside it.
"""

import contextlib
import enum
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from guardpost.errors import (
    AgentKeyChanged,
    AuthenticationError,
    KeyFileError,
    UnknownAgent,
    UsageError,
)
from guardpost.identity import fingerprint, keyfile, parse_public_key, public_key_text, words

__all__ = ["Decision", "KnownAgents", "refusal", "verify"]


class Decision(enum.Enum):
    """What the key of an answering agent is to us."""

    TRUSTED = "trusted"
    UNKNOWN = "unknown"
    """Nobody has accepted an agent of this target: ask a person, or refuse."""
    CHANGED = "changed"
    """Another key was accepted: refuse, whatever else is said."""


def verify(key: bytes, *, pinned: bytes | None, trust_new: bool) -> Decision:
    """What to think of an agent with `key`.

    `pinned` is the key of `--agent-key`, else that of hosts.toml, else the one
    remembered for the target. `trust_new` accepts an unknown key, never a changed
    one. Whether the agent calls its key ephemeral makes no difference: anybody can
    say so.
    """
    if pinned is not None:
        return Decision.TRUSTED if key == pinned else Decision.CHANGED
    return Decision.TRUSTED if trust_new else Decision.UNKNOWN


def refusal(
    decision: Decision, target: str, key: bytes, *, ephemeral: bool, given: bool = False
) -> AuthenticationError | None:
    """The error to raise for `decision`; None for TRUSTED.

    `given`: the key was said (--agent-key, hosts.toml), not remembered.

    It shows the key and says what to do next: for CHANGED the command that forgets
    the old key, or for an ephemeral key (which never replaces one) how to accept it once.
    """
    shown = f"{public_key_text(key)} ({words(key)})"
    once = f"--agent-key {public_key_text(key)}"
    if decision is Decision.UNKNOWN:
        kind = "an ephemeral key" if ephemeral else "a key"
        return UnknownAgent(
            f"{target} has {kind} nobody has accepted yet: {shown}; "
            f"compare it with what the agent printed, then give {once} or --trust-new"
        )
    if decision is Decision.CHANGED and given:
        kind = "an ephemeral key" if ephemeral else "another key"
        return AgentKeyChanged(
            f"{target} answers with {kind}, not with the one that was given: {shown}; "
            "compare it with what the agent printed, then correct --agent-key or hosts.toml"
        )
    if decision is Decision.CHANGED and ephemeral:
        return AgentKeyChanged(
            f"{target} answers with an ephemeral key, not the one accepted before: {shown}; "
            f"if it runs a rescue image that printed this key, give {once}"
        )
    if decision is Decision.CHANGED:
        return AgentKeyChanged(
            f"{target} answers with another key than before: {shown}; if the agent was "
            f"installed anew, run: guardpost key --forget {shlex.quote(target)}"
        )
    return None


class KnownAgents:
    """The file of accepted agents at `path`, which need not exist yet.

    Every method raises KeyFileError when others may write the file, or when a line
    in it is malformed: skipping one could make a known agent unknown. A target that
    cannot stand in a line raises UsageError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def lookup(self, target: str) -> bytes | None:
        """The key accepted for `target`, exactly as it is spelt; None if there is none."""
        target = _in_a_line(target)
        return next((key for name, key in self._entries() if name == target), None)

    def remember(self, target: str, key: bytes, *, ephemeral: bool) -> None:
        """Accept `key` for `target` from now on; an ephemeral key is never written down.

        Raises AgentKeyChanged when there is another one: that is for forget() alone.
        """
        target = _in_a_line(target)
        if ephemeral:
            return
        keyfile.make_folder(self.path.parent)
        with self._lock():
            known = self.lookup(target)
            if known is None:
                self._append(f"{target} {public_key_text(key)}\n")
            elif known != key:
                raise AgentKeyChanged(
                    f"{target} is known with key {fingerprint(known)}; "
                    f"run: guardpost key --forget {shlex.quote(target)}"
                )

    def forget(self, target: str) -> bytes | None:
        """Take `target` out; the key it had, or None if it was not known."""
        target = _in_a_line(target)
        if not self.path.exists():
            return None
        with self._lock():
            key = self.lookup(target)
            if key is not None:
                lines = keyfile.read_unforged(self.path).split("\n")
                kept = [line for line in lines if _target_of(line) != target]
                keyfile.replace(self.path, "\n".join(kept))
            return key

    def _entries(self) -> Iterator[tuple[str, bytes]]:
        try:
            lines = keyfile.read_unforged(self.path).split("\n")
        except FileNotFoundError:
            return
        for number, line in enumerate(lines, start=1):
            target = _target_of(line)
            if target is None:
                continue
            try:
                yield target, parse_public_key(line.split()[-1])
            except UsageError:
                raise KeyFileError(
                    f"{self.path}:{number} is not TARGET KEY; correct the line or take it out"
                ) from None

    def _append(self, line: str) -> None:
        # One write, so that a reader sees all of the line or nothing.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)

        def opener(name: str, _: int) -> int:
            return os.open(name, flags, 0o600)

        try:
            with open(self.path, "r+b", buffering=0, opener=opener) as file:
                # Somebody's editor may have left the last line open.
                if file.seek(0, os.SEEK_END):
                    file.seek(-1, os.SEEK_END)
                    line = line if file.read(1) == b"\n" else f"\n{line}"
                file.write(line.encode("utf-8"))
                os.fsync(file.fileno())
        except OSError as error:
            raise KeyFileError(f"{self.path} cannot be written: {error.strerror}") from None

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Wait until nobody else writes. The lock file stays: taking it away would race."""
        path = self.path.with_name(self.path.name + ".lock")
        with contextlib.ExitStack() as stack:
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
                stack.callback(os.close, descriptor)  # which lets go of it
                _wait_for_lock(descriptor)
            except OSError as error:
                raise KeyFileError(f"{path} cannot be locked: {error.strerror}") from None
            yield


def _wait_for_lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _target_of(line: str) -> str | None:
    """The target of a line, empty if there is only one word; None for a comment."""
    words_of_line = line.strip().rsplit(None, 1)
    if not words_of_line or line.lstrip().startswith("#"):
        return None
    return words_of_line[0] if len(words_of_line) == 2 else ""


def _in_a_line(target: str) -> str:
    """`target` as it stands in a line."""
    target = target.strip()
    if not target or target.startswith("#") or not target.isprintable():
        raise UsageError(f"{target!r} is no target; see `guardpost help targets`")
    return target
