"""How the agent is introduced to a person: its key, for eyes and for a telephone."""

from typing import Final

from guardpost.identity import Identity, fingerprint, words

__all__ = ["NOT_READY", "introduction"]

NOT_READY: Final = "the random generator of this host is not ready; sessions and logins wait for it"


def introduction(identity: Identity) -> list[str]:
    """Lines of at most 79 columns, what identity it is in the first."""
    ephemeral = " (ephemeral)" if identity.is_ephemeral else ""
    return [f"key {fingerprint(identity.public)}{ephemeral}", f"words {words(identity.public)}"]
