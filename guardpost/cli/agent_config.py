"""What an agent is started with, and who says so: its command line, then agent.toml, then nobody.

`guardpost agent --dump-config` prints all of it as an agent.toml that says the same.
"""

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence

from guardpost.agent.authorized import AuthorizedConsoles
from guardpost.agent.settings import BUILT_IN_ROLES, CHANNELS, STARTING, SettingsFile, Value
from guardpost.baked import FACTS, WHERE, Facts
from guardpost.cli import agent_files, recovery
from guardpost.errors import UsageError
from guardpost.identity import places
from guardpost.termsafe import safe_text

__all__ = ["COMMAND_LINE", "DEFAULT", "as_settings", "as_toml", "fill", "identity_line"]

COMMAND_LINE = "command line"
DEFAULT = "default"

DEFAULTS: Mapping[str, Value | None] = {
    "port": "auto",
    "baud": None,  # what the kernel or the firmware says of the port, or 115200
    "identity": None,  # a place that the environment has a say in
    "psk": None,
    "prompt": True,
    "take-over": False,
    "quiet-kernel": False,
    "raise-baud": True,
}


FILES = ("identity", "psk")


def fill(args: argparse.Namespace, file: SettingsFile) -> dict[str, str]:
    """Give `args` what its command line left open (None), and its files a whole path.

    Returns who says each setting. Raises UsageError where the file is doubtful, or a path is none.
    """
    settings = file.at_start().starting
    if args.recovery:
        left = {each for each in settings if getattr(args, each.replace("-", "_")) is None}
        settings = recovery.of_the_host({each: settings[each] for each in left}, file.source)
    if args.audit is not None:
        args.audit = str(agent_files.absolute("--audit", args.audit))
    origins = {}
    for name in STARTING:
        attribute = name.replace("-", "_")
        given = getattr(args, attribute)
        if given is not None or (name == "identity" and args.ephemeral):
            origins[name] = COMMAND_LINE
            if name in FILES and given:
                setattr(args, attribute, str(agent_files.absolute(f"--{name}", given)))
        elif name in settings:
            origins[name] = file.source
            setattr(args, attribute, settings[name])
        else:
            origins[name] = DEFAULT
            setattr(args, attribute, DEFAULTS[name])
    return origins


def as_toml(
    args: argparse.Namespace,
    file: SettingsFile,
    authorized: AuthorizedConsoles,
    accounts: Sequence[str],
    facts: Facts = FACTS,
) -> str:
    """An agent.toml that says what `args` do, filled from `file`; it holds no secret.

    `accounts` are the names that may log in at the prompt. Raises UsageError as as_settings().
    """
    lines = (
        f"# What an agent started now would go by; agent.toml: {file.source or 'none'}",
        *_starting(args, facts),
        *_audit(args, file),
        *_roles(file),
        *_limits(file),
        *_people(args, authorized, accounts),
    )
    return "\n".join(map(safe_text, lines))


def as_settings(args: argparse.Namespace) -> str:
    """The lines of an agent.toml for what the command line said; "" where it said nothing.

    Raises UsageError for a name that no agent.toml can have.
    """
    lines = []
    for name in STARTING:
        value = getattr(args, name.replace("-", "_"))
        if args.origins[name] == COMMAND_LINE and value not in (None, ""):
            lines.append(f"{name} = {_quoted(value)}\n")
    if args.audit:
        lines.append(f"audit = {_quoted(args.audit)}\n")
    return "".join(lines)


def _starting(args: argparse.Namespace, facts: Facts) -> Iterator[str]:
    for name in STARTING:
        if name == "identity":
            yield identity_line(args, facts)
        else:
            yield _line(name, getattr(args, name.replace("-", "_")), args.origins[name])


def _line(name: str, value: Value | None, origin: str) -> str:
    """A setting that nobody made, and that has no value of its own, is a comment."""
    if value is None or value == "":
        return f"# {name} = {'115200' if name == 'baud' else _quoted('')}  # {origin}"
    return f"{name} = {_quoted(value)}  # {origin}"


def identity_line(args: argparse.Namespace, facts: Facts) -> str:
    """As agent_identity has it."""
    if args.identity:
        return _line("identity", args.identity, args.origins["identity"])
    if facts.private_key is not None and not args.ephemeral:
        return f"# identity: {WHERE}"
    if args.ephemeral or args.recovery:
        return "# identity: ephemeral, a new key at each start"
    path = str(places.agent_identity(os.environ))
    return f"# identity = {_quoted(path)}  # {DEFAULT}"


def _quoted(value: Value) -> str:
    """As TOML writes it: in ASCII, else as JSON does. Raises UsageError."""
    text = json.dumps(value, ensure_ascii=False)
    if any("\ud800" <= each <= "\udfff" for each in text):
        raise UsageError(f"agent.toml is UTF-8, and {safe_text(text)} is not; use another name")
    return "".join(each if each < "\x7f" else f"\\U{ord(each):08x}" for each in text)


def _audit(args: argparse.Namespace, file: SettingsFile) -> Iterator[str]:
    standing = file.now().audit
    if args.audit:
        yield _line("audit", args.audit, COMMAND_LINE)
    elif standing is not None:
        yield _line("audit", str(standing), file.source)
    else:
        yield '# audit = "/var/log/guardpost/audit.log"  # default: the journal or syslog alone'


def _roles(file: SettingsFile) -> Iterator[str]:
    for name, permits in file.now().roles.items():
        built_in = BUILT_IN_ROLES.get(name) == permits
        yield ""
        yield f"[roles.{name}]  # {'built in' if built_in else file.source}"
        yield f"permit = {_quoted(str(permits))}"


def _limits(file: SettingsFile) -> Iterator[str]:
    channels = file.now().channels
    yield ""
    yield "[limits]"
    yield _line("channels", channels, DEFAULT if channels == CHANNELS else file.source)


def _people(
    args: argparse.Namespace, authorized: AuthorizedConsoles, accounts: Sequence[str]
) -> Iterator[str]:
    entries = authorized.entries()
    yield ""
    yield f"# {len(entries)} console key{'' if len(entries) == 1 else 's'} allowed"
    for each in entries:
        what = f"role {each.role}" if each.role else str(each.permits) or "nothing"
        yield f"#   {each.where}: {what}{f' ({each.comment})' if each.comment else ''}"
    for warning in authorized.warnings:
        yield f"#   {warning}"
    if not args.prompt:
        yield "# no text prompt"
    else:
        yield f"# text prompt, for: {', '.join(accounts) or 'nobody, since no password is set'}"
