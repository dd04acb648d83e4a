"""What stands in the agent's files, as its options name them: who may do what, and what was done.

`guardpost agent` serves by them, `guardpost policy` explains them.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from guardpost.agent.admission import NOTHING_ASKED, Admission
from guardpost.agent.audit import Audit, Sink
from guardpost.agent.audit_sinks import AuditFile, is_journal, system_sink
from guardpost.agent.authorized import AuthorizedConsoles, parse_lines
from guardpost.agent.settings import SettingsFile
from guardpost.baked import FACTS, WHERE, Facts
from guardpost.errors import UsageError
from guardpost.identity import places

__all__ = ["absolute", "audit", "authorized", "settings"]


def settings(config: str | None, facts: Facts = FACTS) -> SettingsFile:
    """agent.toml, which need not be there unless --config named it. Raises UsageError.

    Without a file the policy counts that is baked in.
    """
    if config is None:
        return SettingsFile(places.agent_settings(os.environ), without=facts.policy)
    path = absolute("--config", config)
    if not path.exists():
        raise UsageError(f"--config: there is no {path}; name a file, or leave it out")
    return SettingsFile(path)


def absolute(option: str, text: str) -> Path:
    """The file that `option` names, wherever this process goes. Raises UsageError."""
    try:
        if text and "\0" not in text:
            return Path(text).expanduser().absolute()
    except RuntimeError:  # ~ of somebody who has no home here
        pass
    raise UsageError(f"{option} {text!r}: that is no path of a file")


def authorized(
    allow: Sequence[str],
    config: SettingsFile,
    asked: Admission = NOTHING_ASKED,
    facts: Facts = FACTS,
) -> AuthorizedConsoles:
    """The keys of --allow, the kernel command line, the host's file, and what is baked in.

    Raises UsageError.
    """
    return AuthorizedConsoles(
        allow,
        standing_file=places.authorized_consoles(os.environ),
        settings=config,
        first=asked.consoles,
        last=parse_lines(facts.authorized, WHERE),
    )


def audit(file: str | None, config: SettingsFile) -> Audit:
    """To the host's own log, and to the file of --audit or of the settings if there is one.

    Raises UsageError for what is no path.
    """
    given = absolute("--audit", file) if file is not None else None
    sinks: dict[str, Sink] = {"the file": AuditFile(lambda: given or config.now().audit)}
    system = system_sink()
    if system is not None:
        sinks[system[0]] = system[1]
        # Under systemd standard error is the journal, too, and would have each line twice.
        if system[0] == "the journal" and is_journal(2, os.environ.get("JOURNAL_STREAM")):
            logging.getLogger("guardpost.audit").propagate = False
    return Audit(sinks)
