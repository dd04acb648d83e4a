"""What `--version -v` shows of an executable: its parts and its configuration; no secret."""

from collections.abc import Iterator

from guardpost.agent import accounts
from guardpost.agent.authorized import parse_lines
from guardpost.agent.settings import parse_settings
from guardpost.baked import WHERE, Facts
from guardpost.errors import UsageError
from guardpost.identity import Identity, fingerprint
from guardpost.termsafe import safe_text

__all__ = ["describe"]


def describe(facts: Facts) -> Iterator[str]:
    """A line each. A configuration that is wrong is told as such, never raised."""
    yield f"{facts.variant} executable for {facts.target}"
    yield from (f"{part} {version}" for part, version in facts.parts)
    entries, troubles = parse_lines(facts.authorized, WHERE)
    yield f"{WHERE}: {count(len(entries), 'console key')}"
    for entry in entries:
        permits = f"role {entry.role}" if entry.role else str(entry.permits) or "nothing"
        yield safe_text(f"  {fingerprint(entry.key)} {permits} {entry.comment}".rstrip())
    yield from (f"  {safe_text(each)}" for each in troubles)
    yield f"{WHERE}: {policy(facts.policy)}"
    names = accounts.names_in(facts.password_hashes)
    yield f"{WHERE}: {count(len(names), 'password')}{' of ' if names else ''}{', '.join(names)}"
    private = facts.private_key
    if private is None:
        yield f"{WHERE}: no identity"
    else:
        identity = Identity(private)
        yield f"{WHERE}: identity {identity.public_key} {fingerprint(identity.public)}"


def count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def policy(text: str) -> str:
    if not text:
        return "no policy"
    try:
        settings = parse_settings(text)
    except UsageError as error:
        return safe_text(f"a policy in which nothing counts: {error}")
    return f"policy with the roles {', '.join(sorted(settings.roles))}"
