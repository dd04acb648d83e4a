"""Reception: who may come in, what each channel may do, and the services that run on them.

One Guest at a time, since the line has one session. Whatever a service does, it ends at most
its own channel.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from guardpost.agent.audit import Audit, action_facts
from guardpost.agent.authorized import AuthorizedConsoles, Entry
from guardpost.agent.policy import decide
from guardpost.agent.settings import CHANNELS
from guardpost.agent.witness import WitnessedChannel
from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.identity import fingerprint
from guardpost.services import SERVICES, Asker, Fact, Service
from guardpost.services.action import Action, Verdict
from guardpost.services.introductions import operator_name
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.services.kept import KeptJobs
    from guardpost.services.waiting import Waiting

__all__ = ["ENDING_SECONDS", "Reception"]

# A service that was cancelled may terminate programs, and 2 s later kill them.
ENDING_SECONDS: Final = 4.0

_NOT_ANY_MORE: Final = "this console's key is not allowed any more"

_log = logging.getLogger("guardpost.agent")


@dataclass(frozen=True, slots=True)
class _Guest:
    """The console whose session it is; `session` counts those of this agent."""

    key: bytes
    name: str
    session: int = 0
    since: float = 0.0

    def facts(self) -> dict[str, Fact]:
        who: dict[str, Fact] = {"key": fingerprint(self.key), "name": self.name}
        return {"session": self.session, **who} if self.session else who


@dataclass(frozen=True, slots=True)
class _Visit:
    """A channel that was let in. `facts` say what it is in the audit, `notes` what came of it."""

    service: Service
    asker: Asker
    facts: dict[str, Fact]
    notes: dict[str, Fact]


class Reception:
    """Judges by `authorized` as it is at that moment: a key taken out opens nothing more.

    `channels` says how many channels may be served at once.
    """

    def __init__(
        self,
        authorized: AuthorizedConsoles,
        version: str,
        services: Mapping[str, Callable[[], Service]] = SERVICES,
        *,
        audit: Audit | None = None,
        channels: Callable[[], int] = lambda: CHANNELS,
    ) -> None:
        self._authorized = authorized
        self._version = version
        self._services = services
        self._audit = audit or Audit()
        self._channels = channels
        self._guest: _Guest | None = None
        self._sessions = 0
        self._visits = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._warned: list[str] = []
        self._jobs: KeptJobs | None = None
        self._waiting: Waiting | None = None

    # --- sessions ---

    def may_enter(self, key: bytes, payload: bytes) -> bool:
        """Whether a console of this key may have a session at all."""
        entry = self._authorized.find(key)
        self.warn()
        who = _Guest(key, _shown_name(payload))
        if not isinstance(entry, Entry):
            self._audit.refuse("session", {**who.facts(), "reason": entry})
            return False
        if self._guest is not None and self._guest.key != key:
            reason = "another console has a session"
            self._audit.refuse("session", {**who.facts(), "reason": reason})
        return True

    def warn(self) -> None:
        """Log what is wrong with the files of keys and settings, once each."""
        warnings = self._authorized.warnings
        for warning in warnings:
            if warning not in self._warned:
                _log.warning("%s", safe_text(warning))
        self._warned = warnings

    def enter(self, key: bytes, payload: bytes) -> None:
        """A session began."""
        self._sessions += 1
        self._guest = _Guest(key, _shown_name(payload), self._sessions, self._audit.clock())
        facts = self._guest.facts()
        entry = self._authorized.lookup(key)
        if entry is not None:
            facts |= {"allowed_by": entry.where, "role": entry.role}
        self._audit.record("session", "begin", facts)

    def pause(self, outcome: str, reason: str = "") -> None:
        """The session was suspended or has resumed."""
        if self._guest is not None:
            self._audit.record("session", outcome, {**self._guest.facts(), "reason": reason})

    def leave(self, reason: str) -> None:
        """The session is over: its services end, with what they run."""
        if self._guest is not None:
            seconds = self._audit.clock() - self._guest.since
            facts = {**self._guest.facts(), "reason": reason, "seconds": seconds}
            self._audit.record("session", "end", facts)
        self._guest = None
        if self._waiting is not None:
            self._waiting.close()
        for task in self._tasks:
            task.cancel()
        self._ending |= self._tasks
        self._tasks = set()

    async def wait_closed(self) -> None:
        """Until the services of sessions that are over have ended, a few seconds at most; with
        them ends what was kept."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=ENDING_SECONDS)
        if self._jobs is not None:
            await self._jobs.close()

    # --- channels ---

    def receive(self, channel: Channel, name: str, request: bytes) -> None:
        """Judge a channel that the console opened, and serve it. Never raises."""
        guest = self._guest
        if guest is None:
            return
        self._visits += 1
        facts = {**guest.facts(), "channel": self._visits, "service": name}
        try:
            visit = self._admit(guest, name, request, facts)
        except ChannelReset as refusal:
            self._audit.refuse("channel", {**facts, "reason": str(refusal)})
            channel.reset(refusal.code, refusal.text)
        except Exception as error:
            self._audit.refuse("channel", {**facts, "reason": _fail(channel, name, error)})
        else:
            self._audit.record("channel", "begin", facts)
            task = asyncio.ensure_future(self._serve(visit, channel, name, request))
            self._tasks.add(task)
            task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._ending.discard(task)

    def _admit(self, guest: _Guest, name: str, request: bytes, facts: dict[str, Fact]) -> _Visit:
        """What this guest may have; `facts` learn of it. Raises ChannelReset: the refusal."""
        if self._authorized.lookup(guest.key) is None:
            # Not even what there is to be had.
            self.warn()
            raise ChannelReset(ResetCode.NOT_ALLOWED, _NOT_ANY_MORE)
        make = self._services.get(name)
        if make is None:
            raise ChannelReset(ResetCode.UNSUPPORTED, "this agent has no such service")
        service = make()
        try:
            action = service.action(request)
        except RemoteProtocolError as error:
            raise ChannelReset(ResetCode.BAD_REQUEST, safe_text(str(error))) from None
        facts |= action_facts(action)
        verdict = self._judge(guest, action)
        if not verdict.allowed:
            raise ChannelReset(ResetCode.NOT_ALLOWED, verdict.reason)
        # What ends at this moment still counts, as it still has its program.
        if len(self._tasks) + len(self._ending) >= self._channels():
            raise ChannelReset(ResetCode.LIMIT, f"at most {self._channels()} channels at once")
        notes: dict[str, Fact] = {}
        return _Visit(service, self._asker(guest, action, verdict, facts, notes), facts, notes)

    def _judge(self, guest: _Guest, action: Action) -> Verdict:
        """By what the guest's key may do at this moment."""
        entry = self._authorized.lookup(guest.key)
        self.warn()
        if entry is None:
            return Verdict(False, _NOT_ANY_MORE)
        return decide(entry.permits, action)

    def _asker(
        self,
        guest: _Guest,
        action: Action,
        verdict: Verdict,
        facts: dict[str, Fact],
        notes: dict[str, Fact],
    ) -> Asker:
        where = {**guest.facts(), "channel": facts["channel"]}

        def decide_more(further: Action) -> Verdict:
            answer = self._judge(guest, further)
            if not answer.allowed:
                reason = {"reason": answer.reason}
                self._audit.refuse("action", {**where, **action_facts(further), **reason})
            return answer

        def audit(further: Action, outcome: str, **more: Fact) -> None:
            about = _added({**where, **action_facts(further)}, more)
            self._audit.record("action", outcome, about, grave=outcome in ("refused", "failed"))

        return Asker(
            user=guest.name,
            agent_version=self._version,
            key=guest.key,
            action=action,
            verdict=verdict,
            decide=decide_more,
            consider=lambda further: self._judge(guest, further),
            note=notes.update,
            audit=audit,
            jobs=self._kept_jobs,
            waiting=self._arrivals,
        )

    def _arrivals(self) -> "Waiting":
        """They end with the session."""
        if self._waiting is None:
            from guardpost.services.waiting import Waiting

            self._waiting = Waiting()
        return self._waiting

    def _kept_jobs(self) -> "KeptJobs":
        """They outlive sessions, and end with the agent."""
        if self._jobs is None:
            from guardpost.services.kept import KeptJobs

            self._jobs = KeptJobs()
        return self._jobs

    async def _serve(self, visit: _Visit, channel: Channel, name: str, request: bytes) -> None:
        witness = WitnessedChannel(channel)
        began = self._audit.clock()
        failed = False
        try:
            await visit.service.serve(witness, request, visit.asker)
            await witness.close()
        except ChannelReset:
            pass  # the console has gone away
        except asyncio.CancelledError:
            witness.ending = witness.ending or ChannelReset(ResetCode.LOST, "the session is over")
            raise
        except RemoteProtocolError as error:
            # The console's fault, and no failure of ours to be told with the grave ones.
            witness.reset(ResetCode.PROTOCOL, safe_text(str(error)))
        except Exception as error:
            failed = True
            _fail(witness, name, error)
        finally:
            facts = {**visit.facts, "seconds": self._audit.clock() - began}
            facts |= {"sent": witness.sent, "received": witness.received}
            if witness.ending is not None:
                facts["reason"] = str(witness.ending)
            facts = _added(facts, visit.notes)
            outcome = "failed" if failed else "end" if witness.ending is None else "reset"
            self._audit.record("channel", outcome, facts, grave=failed)


def _added(facts: dict[str, Fact], more: dict[str, Fact]) -> dict[str, Fact]:
    """`more` behind `facts`, of which a service can change none."""
    return {**facts, **{name: value for name, value in more.items() if name not in facts}}


def _fail(channel: Channel, name: str, error: Exception) -> str:
    text = safe_text(f"{type(error).__name__}: {error}".splitlines()[0])
    _log.error("service %s failed: %s", safe_text(name), text)
    # It may hold what the service was working with, so not for everybody.
    _log.debug("where it failed", exc_info=error)
    channel.reset(ResetCode.FAILED, text)
    return text


def _shown_name(payload: bytes) -> str:
    return safe_text(operator_name(payload))
