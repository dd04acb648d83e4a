"""A Console made from what the command line said: keys loaded, trust files found."""

import contextlib
import getpass
import os
from collections.abc import Callable
from pathlib import Path

from guardpost.console.console import Console
from guardpost.console.judge import Ask, Judge
from guardpost.console.line import ConnectOptions, Line
from guardpost.identity import load_or_make, parse_public_key, places
from guardpost.identity.psk import read_psk
from guardpost.trust.known_agents import KnownAgents

__all__ = ["identity_path", "known_agents_path", "make_console"]


def make_console(
    line: Line,
    options: ConnectOptions,
    *,
    ask: Ask,
    tell: Callable[[str], None],
    text: Callable[[bytes], None],
) -> Console:
    """A console that is not connected yet. Raises KeyFileError, UsageError."""
    identity = load_or_make(identity_path(options), os.urandom)
    pinned = parse_public_key(options.agent_key) if options.agent_key is not None else None
    judge = Judge(
        line.name,
        KnownAgents(known_agents_path(options)),
        pinned=pinned,
        trust_new=options.trust_new,
        ask=ask,
        tell=tell,
    )
    psk = read_psk(Path(options.psk).expanduser()) if options.psk is not None else None
    return Console(
        line,
        identity,
        judge,
        operator=_operator(),
        psk=psk,
        raise_baud=options.raise_baud,
        tell=tell,
        text=text,
    )


def identity_path(options: ConnectOptions) -> Path:
    if options.identity is not None:
        return Path(options.identity).expanduser()
    return places.console_identity(os.environ)


def known_agents_path(options: ConnectOptions) -> Path:
    if options.known_agents is not None:
        return Path(options.known_agents).expanduser()
    return places.known_agents(os.environ)


def _operator() -> str:
    """Who the agent's audit log should name."""
    with contextlib.suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return ""
