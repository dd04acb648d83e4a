"""Who the kernel command line lets in: keys with a role, and names for the text prompt.

    guardpost.allow=KEY guardpost.allow=KEY guardpost.role=web guardpost.login=ann:$argon2id$...

`guardpost.role=` is the name of a role or a list of permits, for all these keys. Whatever is
doubtful allows nobody: a wrong key is skipped, and no key comes in under a role that means nothing,
or beside a name that is none of ours.
"""

from typing import Final, NamedTuple

from guardpost.agent.accounts import parse_account
from guardpost.agent.authorized import NOTHING_LISTED, Entry, Listed
from guardpost.agent.permits import EVERYTHING, Permits
from guardpost.agent.settings import BUILT_IN_ROLES
from guardpost.errors import UsageError
from guardpost.identity import parse_public_key

__all__ = ["NOBODY_LOGS_IN", "NOTHING_ASKED", "Admission", "admission"]

NOBODY_LOGS_IN: Final = "none"
_WHERE: Final = "the kernel command line"
# The name of a role has letters in it; one that has none is never found.
_NO_ROLE: Final = "(none named)"
_DEFAULT_NAME: Final = "root"


class Admission(NamedTuple):
    """What the command line says of it. `was_asked`: it says anything, be it nonsense."""

    consoles: Listed
    accounts: str
    """Lines as in an accounts file."""
    nobody_logs_in: bool
    warnings: tuple[str, ...]
    """What in the logins is skipped; of the keys, `consoles` tells."""
    was_asked: bool


NOTHING_ASKED: Final = Admission(NOTHING_LISTED, "", False, (), False)


def admission(
    allow: tuple[str, ...],
    role: str | None,
    login: tuple[str, ...],
    unknown: tuple[str, ...] = (),
) -> Admission:
    """What the values of guardpost.allow=, guardpost.role= and guardpost.login= mean.

    `unknown` are names like ours that are not: each may be the role, misspelt.
    """
    accounts: list[str] = []
    warnings = [f"{_WHERE}: there is no {name}; its keys may do nothing" for name in unknown]
    role = "" if unknown else role
    for text in login:
        if text != NOBODY_LOGS_IN:
            try:
                accounts.append(_account(text))
            except UsageError as error:
                warnings.append(f"{_WHERE}: guardpost.login= is skipped: {error}")
    return Admission(
        consoles=_consoles(allow, role),
        accounts="".join(f"{line}\n" for line in accounts),
        nobody_logs_in=NOBODY_LOGS_IN in login,
        warnings=tuple(warnings),
        was_asked=bool(allow or login or unknown),
    )


def _consoles(allow: tuple[str, ...], role: str | None) -> Listed:
    permits, name = _granted(role)
    entries, warnings = [], []
    for text in allow:
        try:
            entries.append(Entry(parse_public_key(text), permits, "", _WHERE, name))
        except UsageError as error:
            warnings.append(f"{_WHERE}: guardpost.allow= is skipped: {error}")
    return Listed(entries, warnings)


def _granted(role: str | None) -> tuple[Permits, str]:
    """The permits, or the name of the role that has them: one that means nothing has none."""
    if role is None:
        return EVERYTHING, ""
    if role.strip() and role not in BUILT_IN_ROLES:
        try:
            return Permits.parse(role), ""
        except UsageError:
            pass
    return Permits(), role.strip() or _NO_ROLE


def _account(text: str) -> str:
    """A hash alone is root's."""
    return parse_account(f"{_DEFAULT_NAME}:{text}" if text.startswith("$") else text)
