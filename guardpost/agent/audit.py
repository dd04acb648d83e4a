r"""Audit: who did what on this host, one line each, for people and for programs.

    audit=1 event=channel outcome=end session=3 channel=7 key=SHA256:... name=ann service=exec
    action=exec target="/usr/bin/id -u" status=0 seconds=0.012 sent=36 received=0

`audit` is the version of this form: fields may be added, in any order. A value with anything but
plain visible characters stands in quotes, with \\, \", and \xNN, \uNNNN, \UNNNNNNNN for what no
terminal should get. What was typed, sent or copied is never in it; command lines are.

Nothing here raises or waits: a full disk costs lines, which are counted, and no session.
"""

import logging
import re
import shlex
import time
from collections.abc import Callable, Mapping
from typing import Final

from guardpost.services import Fact
from guardpost.services.action import Action
from guardpost.termsafe import safe_text

__all__ = ["Audit", "Sink", "action_facts", "line_of"]

VERSION: Final = 1
# Of one value; a command may have 64 KiB of arguments, and a journal takes no more than it likes.
VALUE_CHARS: Final = 1000
REFUSALS: Final = 100

Sink = Callable[[str, bool], None]
"""`sink(line, grave)` keeps a line, or raises OSError; it must not wait."""

_PLAIN = re.compile(r'[^\s"=\\]+')

_log = logging.getLogger("guardpost.audit")


class Audit:
    """Writes to each of `sinks`, and to the log "guardpost.audit"."""

    def __init__(
        self,
        sinks: Mapping[str, Sink] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self._sinks = dict(sinks or {})
        self._lost = dict.fromkeys(self._sinks, 0)
        self._refusals_left = float(REFUSALS)
        self._refusals_at = clock()
        self._untold = 0

    def record(
        self, event: str, outcome: str, facts: Mapping[str, Fact], *, grave: bool = False
    ) -> None:
        """One line. `grave` is for what was refused or went wrong."""
        line = line_of(event, outcome, facts)
        _log.log(logging.WARNING if grave else logging.INFO, "%s", line)
        for name, sink in self._sinks.items():
            try:
                if self._lost[name]:
                    sink(line_of("audit", "lost", {"lines": self._lost[name]}), True)
                    self._lost[name] = 0
                sink(line, grave)
            except OSError as error:
                if not self._lost[name]:
                    reason = error.strerror or str(error)
                    _log.error("no audit in %s: %s; what is lost is counted", name, reason)
                self._lost[name] += 1

    def refuse(self, event: str, facts: Mapping[str, Fact]) -> None:
        """As record(), of something that did not happen: told at most 100 times in a row, then
        once a second, so that asking for what is refused fills no disk."""
        now = self.clock()
        earned = now - self._refusals_at
        self._refusals_left = min(self._refusals_left + earned, float(REFUSALS))
        self._refusals_at = now
        if self._refusals_left < 1:
            self._untold += 1
            return
        self._refusals_left -= 1
        more: dict[str, Fact] = {"untold": self._untold} if self._untold else {}
        self._untold = 0
        self.record(event, "refused", {**facts, **more}, grave=True)


def line_of(event: str, outcome: str, facts: Mapping[str, Fact]) -> str:
    """The line of one event; empty texts are left out."""
    head: dict[str, Fact] = {"audit": VERSION, "event": event, "outcome": outcome}
    fields = {**head, **facts, **head}
    return " ".join(f"{name}={_value(value)}" for name, value in fields.items() if value != "")


def action_facts(action: Action) -> dict[str, Fact]:
    """What `action` is, for record()."""
    facts: dict[str, Fact] = {"action": action.verb, "target": _target(action)}
    if action.user:
        facts["as_user"] = action.user
    if action.env:
        facts["env"] = b",".join(action.env)
    return facts


def _target(action: Action) -> Fact:
    if action.argv:
        return shlex.join([word.decode("utf-8", "surrogateescape") for word in action.argv])
    if action.path or not action.host:
        return action.path or ""
    host = f"[{action.host}]" if ":" in action.host else action.host
    return f"{host}:{action.port}"


def _value(value: Fact) -> str:
    match value:
        case bytes():
            text = value.decode("utf-8", "surrogateescape")
        case float():
            text = f"{value:.3f}"
        case _:
            text = str(value)
    if len(text) > VALUE_CHARS:
        text = f"{text[:VALUE_CHARS]}... ({len(text)} characters)"
    if _PLAIN.fullmatch(text) and text.isprintable():
        return text
    return '"' + safe_text(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'
