"""Reception: who may come in, what each channel may do, and the services that run on them.

One Guest at a time, since the line has one session. Whatever a service does, it ends at most
its own channel.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from guardpost.agent.authorized import AuthorizedConsoles
from guardpost.agent.policy import decide
from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.identity import fingerprint
from guardpost.services import SERVICES, Asker, Fact, Service
from guardpost.services.action import Action, Verdict
from guardpost.services.introductions import operator_name
from guardpost.termsafe import safe_text

__all__ = ["ENDING_SECONDS", "Reception"]

# A service that was cancelled may terminate programs, and 2 s later kill them.
ENDING_SECONDS: Final = 4.0

_NOT_ANY_MORE: Final = "this console's key is not allowed any more"

_log = logging.getLogger("guardpost.agent")


@dataclass(frozen=True, slots=True)
class _Guest:
    """The console whose session it is."""

    key: bytes
    name: str

    def __str__(self) -> str:
        return f"key={fingerprint(self.key)} name={self.name or '-'}"


class Reception:
    """Judges by `authorized` as it is at that moment: a key taken out opens nothing more."""

    def __init__(
        self,
        authorized: AuthorizedConsoles,
        version: str,
        services: Mapping[str, Callable[[], Service]] = SERVICES,
    ) -> None:
        self._authorized = authorized
        self._version = version
        self._services = services
        self._guest: _Guest | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._warned: list[str] = []

    def may_enter(self, key: bytes, payload: bytes) -> bool:
        """Whether a console of this key may have a session at all."""
        entry = self._authorized.lookup(key)
        self.warn()
        who = _Guest(key, _shown_name(payload))
        if entry is None:
            _log.warning("refused %s: the key is not allowed", who)
            return False
        _log.info("offered %s: allowed by %s", who, entry.where)
        return True

    def warn(self) -> None:
        """Log what is wrong with the files of keys, once each."""
        warnings = self._authorized.warnings
        for warning in warnings:
            if warning not in self._warned:
                _log.warning("%s", safe_text(warning))
        self._warned = warnings

    def enter(self, key: bytes, payload: bytes) -> None:
        """A session began."""
        self._guest = _Guest(key, _shown_name(payload))
        _log.info("session of %s", self._guest)

    def leave(self, reason: str) -> None:
        """The session is over: its services end, with what they run."""
        if self._guest is not None:
            _log.info("session over, %s: %s", self._guest, safe_text(reason))
        self._guest = None
        for task in self._tasks:
            task.cancel()
        self._ending |= self._tasks
        self._tasks = set()

    @property
    def guest_key(self) -> bytes | None:
        return self._guest.key if self._guest is not None else None

    async def wait_closed(self) -> None:
        """Until the services of sessions that are over have ended, a few seconds at most."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=ENDING_SECONDS)

    # --- channels ---

    def receive(self, channel: Channel, name: str, request: bytes) -> None:
        """Judge a channel that the console opened, and serve it. Never raises."""
        guest = self._guest
        if guest is None:
            return
        try:
            service, asker = self._admit(guest, name, request)
        except ChannelReset as refusal:
            _log.warning("channel refused, %s service=%s: %s", guest, safe_text(name), refusal)
            channel.reset(refusal.code, refusal.text)
        except Exception as error:
            _fail(channel, name, error)
        else:
            task = asyncio.ensure_future(self._serve(service, asker, channel, name, request))
            self._tasks.add(task)
            task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._ending.discard(task)

    def _admit(self, guest: _Guest, name: str, request: bytes) -> tuple[Service, Asker]:
        """The service, if this guest may have it. Raises ChannelReset, which is the refusal."""
        if self._authorized.lookup(guest.key) is None:
            # Not even what there is to be had.
            raise ChannelReset(ResetCode.NOT_ALLOWED, _NOT_ANY_MORE)
        make = self._services.get(name)
        if make is None:
            raise ChannelReset(ResetCode.UNSUPPORTED, "this agent has no such service")
        service = make()
        try:
            action = service.action(request)
        except RemoteProtocolError as error:
            raise ChannelReset(ResetCode.BAD_REQUEST, safe_text(str(error))) from None
        verdict = self._judge(guest, action)
        if not verdict.allowed:
            raise ChannelReset(ResetCode.NOT_ALLOWED, verdict.reason)
        _log.info("channel of %s service=%s action=%s", guest, name, _described(action))
        return service, self._asker(guest, action, verdict)

    def _judge(self, guest: _Guest, action: Action) -> Verdict:
        """By what the guest's key may do at this moment."""
        entry = self._authorized.lookup(guest.key)
        self.warn()
        if entry is None:
            return Verdict(False, _NOT_ANY_MORE)
        return decide(entry.permits, action)

    def _asker(self, guest: _Guest, action: Action, verdict: Verdict) -> Asker:
        def decide_more(further: Action) -> Verdict:
            answer = self._judge(guest, further)
            if not answer.allowed:
                _log.warning("refused %s action=%s: %s", guest, _described(further), answer.reason)
            return answer

        def audit(further: Action, outcome: str, **facts: Fact) -> None:
            _log.info("%s action=%s %s%s", guest, _described(further), outcome, _facts(facts))

        def note(**facts: Fact) -> None:
            _log.info("%s action=%s%s", guest, _described(action), _facts(facts))

        return Asker(
            user=guest.name,
            agent_version=self._version,
            key=guest.key,
            action=action,
            verdict=verdict,
            decide=decide_more,
            note=note,
            audit=audit,
        )

    async def _serve(
        self, service: Service, asker: Asker, channel: Channel, name: str, request: bytes
    ) -> None:
        try:
            await service.serve(channel, request, asker)
            await channel.close()
        except ChannelReset:
            pass  # the console has gone away
        except Exception as error:
            _fail(channel, name, error)


def _fail(channel: Channel, name: str, error: Exception) -> None:
    text = safe_text(f"{type(error).__name__}: {error}".splitlines()[0])
    _log.error("service %s failed: %s", safe_text(name), text)
    # It may hold what the service was working with, so not for everybody.
    _log.debug("where it failed", exc_info=error)
    channel.reset(ResetCode.FAILED, text)


def _shown_name(payload: bytes) -> str:
    return safe_text(operator_name(payload))


def _described(action: Action) -> str:
    if action.path or action.argv:
        target = action.path or b" ".join(action.argv)
        return safe_text(f"{action.verb}={target.decode('utf-8', 'backslashreplace')}")
    if not action.host:
        return action.verb
    host = f"[{action.host}]" if ":" in action.host else action.host
    return safe_text(f"{action.verb}={host}:{action.port}")


def _facts(facts: dict[str, Fact]) -> str:
    return "".join(f" {name}={safe_text(str(value))}" for name, value in facts.items())
