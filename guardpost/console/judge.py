"""Which agent may answer on a line: pins, remembered keys, and the person who is asked."""

from collections.abc import Awaitable, Callable

from guardpost.identity import fingerprint, public_key_text, words
from guardpost.trust.known_agents import Decision, KnownAgents, refusal, verify

__all__ = ["Ask", "Judge"]

Ask = Callable[[str], Awaitable[bool | None]]
"""Shows a question to a person; None when there is nobody to ask."""


class Judge:
    """Call it with the key that an agent offers; it returns, or raises AuthenticationError."""

    def __init__(
        self,
        name: str,
        known: KnownAgents,
        *,
        pinned: bytes | None,
        trust_new: bool,
        ask: Ask,
        tell: Callable[[str], None],
    ) -> None:
        self._name = name
        self._known = known
        self._pinned = pinned
        self._trust_new = trust_new
        self._ask = ask
        self._tell = tell

    async def __call__(self, key: bytes, ephemeral: bool) -> None:
        """Raises UnknownAgent, AgentKeyChanged, KeyFileError (the file cannot be used)."""
        remembered = None if self._pinned is not None else self._known.lookup(self._name)
        pinned = self._pinned if self._pinned is not None else remembered
        decision = verify(key, pinned=pinned, trust_new=self._trust_new)
        if decision is Decision.UNKNOWN and await self._ask(self._question(key, ephemeral)):
            decision = Decision.TRUSTED
        given = self._pinned is not None
        error = refusal(decision, self._name, key, ephemeral=ephemeral, given=given)
        if error is not None:
            raise error
        if pinned is None:
            self._known.remember(self._name, key, ephemeral=ephemeral)
            kept = "not remembered: it is ephemeral" if ephemeral else "remembered"
            self._tell(f"accepted the agent's key {public_key_text(key)} ({words(key)}), {kept}")

    def _question(self, key: bytes, ephemeral: bool) -> str:
        kind = "an ephemeral key (only while that agent runs)" if ephemeral else "a key"
        return (
            f"{self._name} answers with {kind} that nobody has accepted here yet:\n"
            f"  {public_key_text(key)}\n"
            f"  {fingerprint(key)}\n"
            f"  {words(key)}\n"
            "Compare it with what the agent printed when it started. "
            f"Accept it{'' if ephemeral else ' from now on'}? [yes/no] "
        )
