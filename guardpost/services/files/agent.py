"""The agent's halves of `put` and `get`: the receiver and the sender, under the policy.

What was judged when the channel opened is a path as it was typed. What is read and written is
judged again, by the path that is really reached, links resolved: each file for itself.
"""

import asyncio
import os
from collections.abc import Awaitable

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, GuardpostError, RemoteProtocolError, ResetCode
from guardpost.host.file_errors import FileFailure, failure_of
from guardpost.host.globs import folder_of
from guardpost.host.names import UnsafeName
from guardpost.host.paths import home, start
from guardpost.services.action import Action, Verdict, is_within
from guardpost.services.asker import Asker
from guardpost.services.files import events
from guardpost.services.files.landing import Landing, Rules
from guardpost.services.files.messages import PutRequest, parse_get, parse_put
from guardpost.services.files.named import shown_in, source_of
from guardpost.services.files.receiving import Receiver
from guardpost.services.files.sending import Sender
from guardpost.services.files.sources import items_of
from guardpost.services.files.steps import opened

__all__ = ["get_action", "put_action", "serve_get", "serve_put"]

WRITE, READ = "file-write", "file-read"


def put_action(request: bytes) -> Action:
    """What `request` wants, for the policy. Raises RemoteProtocolError when malformed."""
    return Action(WRITE, path=_absolute(_parse_put(request).to))


def get_action(request: bytes) -> Action:
    """Of the first path; the others are judged in their turn. Raises RemoteProtocolError.

    Of a pattern, it is the folder whose names are asked for.
    """
    wanted = parse_get(request)
    paths = [_absolute(each) for each in wanted.paths]
    return Action(READ, path=folder_of(paths[0]) if wanted.patterns else paths[0])


def _parse_put(request: bytes) -> PutRequest:
    try:
        return parse_put(request)
    except UnsafeName as error:
        raise RemoteProtocolError(str(error)) from None


def _absolute(path: bytes) -> bytes:
    try:
        return start(path, home())
    except FileFailure as error:
        raise RemoteProtocolError(str(error)) from None


class _Policy:
    """What may be touched, and the audit of what was."""

    def __init__(self, asker: Asker, verb: str) -> None:
        self._asker = asker
        self._verb = verb
        self._reading: Verdict | None = None
        self._is_written = False

    def within(self, path: bytes) -> None:
        """By the roots of the first verdict: this one runs in threads. Raises FileFailure."""
        if not is_within(path, self._asker.verdict.roots):
            raise FileFailure("not-allowed", f"{self._verb} of this path is not permitted")

    def ask(self, path: bytes) -> None:
        """By what the key may do now; a refusal is in the audit. Raises FileFailure."""
        verdict = self._asker.decide(Action(self._verb, path=path))
        if not verdict.allowed or not is_within(path, verdict.roots):
            self._is_written = not verdict.allowed
            raise FileFailure("not-allowed", verdict.reason)

    def may_show(self, path: bytes) -> bool:
        """Whether who writes may also read: an older version has digests that tell of it."""
        if self._reading is None:
            self._reading = self._asker.consider(Action(READ, path=path))
        return self._reading.allowed and is_within(path, self._reading.roots)

    def tell(self, event: events.Event) -> None:
        match event:
            case events.Done(path, size, travelled):
                action = Action(self._verb, path=path)
                self._asker.audit(action, "ok", size=size, travelled=travelled)
            case events.Failed() if self._is_written:
                self._is_written = False
            case events.Failed(path, word):
                outcome = "refused" if word == "not-allowed" else "failed"
                self._asker.audit(Action(self._verb, path=path), outcome, word=word)


async def serve_put(channel: Channel, request: bytes, asker: Asker) -> None:
    """The console has files for us. Raises ChannelReset."""
    wanted = _parse_put(request)
    policy, path = _Policy(asker, WRITE), asker.action.path
    rules = Rules(
        preserve=wanted.preserve,
        special=wanted.special,
        quick=wanted.quick,
        links=True,
        outward_links=True,
        umask=umask(),
    )
    try:
        landing = await opened(
            lambda: Landing.at(path, wanted.names, rules, stream=wanted.stream), Landing.close
        )
    except (OSError, GuardpostError) as error:
        _refuse(channel, path, error)
        return
    try:
        channel.accept()
        receiver = Receiver(
            channel,
            landing,
            shown=landing.shown,
            tell=policy.tell,
            judge=policy.ask,
            may_show=policy.may_show,
        )
        await _obey(channel, receiver.run())
    finally:
        landing.close()


async def serve_get(channel: Channel, request: bytes, asker: Asker) -> None:
    """The console wants files of ours. Raises ChannelReset."""
    wanted = parse_get(request)
    policy = _Policy(asker, READ)
    channel.accept()
    sources = [source_of(number, each, home()) for number, each in enumerate(wanted.paths)]
    if wanted.patterns:
        sources = [each.by_pattern() for each in sources]
    sender = Sender(
        channel,
        items_of(sources, wanted.links, policy.within),
        shown=shown_in([each.path for each in sources]),
        tell=policy.tell,
        judge=policy.ask,
        live=wanted.live,
    )
    await _obey(channel, sender.run())


async def _obey(channel: Channel, run: "Awaitable[None]") -> None:
    """Raises ChannelReset."""
    try:
        await run
    except RemoteProtocolError as error:
        channel.reset(ResetCode.PROTOCOL, str(error)[:80])
    except ChannelReset:
        raise
    except asyncio.CancelledError:
        channel.reset(ResetCode.CANCELLED)
        raise


def _refuse(channel: Channel, path: bytes, error: Exception) -> None:
    failure = failure_of(error)
    codes = {"no-such-file": ResetCode.NOT_FOUND, "not-allowed": ResetCode.NOT_ALLOWED}
    text = f"{failure.word}: {failure}: {path.decode('utf-8', 'backslashreplace')}"
    channel.reset(
        codes.get(failure.word, ResetCode.FAILED), text.encode()[:80].decode("utf-8", "ignore")
    )


def umask() -> int:
    """What this process takes away from the permissions of what it makes."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
