"""The text prompt: what a person with any dumb terminal gets on the agent's port.

It speaks only when spoken to, and stops answering whoever talks like a machine
(guardpost/agent/echo.py). What it may do next is the table in prompt_state.py.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final

from guardpost.agent.accounts import Accounts, Verdict
from guardpost.agent.audit import Audit
from guardpost.agent.editor import (
    COLUMNS,
    EditorMode,
    Interrupted,
    KeyPressed,
    LineEditor,
    LineEntered,
)
from guardpost.agent.idle import IdleTimer
from guardpost.agent.job import Job
from guardpost.agent.keyboard import Keyboard
from guardpost.agent.pager import PAGER_KEYS, Pager
from guardpost.agent.prompt_state import TRANSITIONS, PromptEvent, PromptState
from guardpost.agent.verb import Context, Host
from guardpost.agent.verbs import GUEST_HELP, USER_HELP, parse_line, perform
from guardpost.agent.voice import Voice, shown
from guardpost.errors import GuardpostError, LocalProtocolError, UsageError
from guardpost.services import Fact

__all__ = ["IDLE_SECONDS", "Prompt"]

IDLE_SECONDS: Final = 300.0
# A command may go on unwatched; how often we look whether it waits for a reader now.
IDLE_RETRY_SECONDS: Final = 10.0
PROMPT: Final = "guardpost> "
PASSWORD_PROMPT: Final = "Password: "

_CTRL_C, _LF, _CR = 0x03, 0x0A, 0x0D
_NOBODY_TYPED: Final = "nobody typed for 5 minutes"


class Prompt:
    """One person at a time on one port. It finishes with close(). Needs a running loop."""

    def __init__(
        self,
        write: Callable[[bytes], None],
        *,
        drain: Callable[[], Awaitable[None]],
        accounts: Accounts,
        host: Host,
        audit: Audit | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`write` queues bytes for the line; `drain` returns when few of them still wait.

        Without `drain` a command that prints without end would fill the memory.
        """
        self._drain = drain
        self._accounts = accounts
        self._host = host
        self._audit = audit or Audit()
        self._state = PromptState.ASLEEP
        self._voice = Voice(write, clock)
        self._editor = LineEditor()
        self._job = Job()
        self._idle = IdleTimer(IDLE_SECONDS, clock, self._nobody_typed)
        self._after_cr = False
        self._keyboard = Keyboard()
        self._name = ""  # whoever logs in, or is
        self._locked_because = ""
        self._paging = True
        self._key: asyncio.Future[str] | None = None

    @property
    def state(self) -> PromptState:
        return self._state

    @property
    def user(self) -> str | None:
        """Who is logged in."""
        logged_in = (PromptState.USER, PromptState.RUNNING, PromptState.PAGING)
        return self._name if self._state in logged_in else None

    # What happens on the line

    def text(self, data: bytes) -> None:
        """Take what a person typed: bytes of a clean segment. Never raises."""
        if self._state is PromptState.CLOSED:
            return
        if self._idle.expired():
            if self._state is PromptState.RUNNING and (
                _CTRL_C not in data and not self._keyboard.is_raw
            ):
                return  # the command goes on; whoever typed this has to log in after it
            self._nobody_typed(at_once=True)
        self._idle.touch()
        if self._keyboard.is_raw:
            return self._keyboard.take(data)
        keys = self._state in (PromptState.PAGING, PromptState.PASSWORD)
        for value in self._voice.hear(data, keys=keys):
            second_half = value == _LF and self._after_cr
            self._after_cr = value == _CR
            if not second_half:
                self._take(value)

    def noise(self) -> None:
        """Something on the line was not typed: what stands half typed is dropped, silently."""
        self._editor.noise()
        self._voice.noise()
        self._keyboard.typed_ahead()

    def lock(self, reason: str) -> None:
        """Log out whoever is logged in, silently; `reason` is shown to whoever presses Enter.

        A command that runs is stopped. A guest's half-typed line stays.
        """
        self._leave(PromptEvent.LOCK, reason)

    def close(self) -> None:
        """Stop everything; see wait_closed(). May be called twice."""
        self._leave(PromptEvent.CLOSE, "closed")

    async def wait_closed(self) -> None:
        """Until commands that were stopped have ended, which takes at most a few seconds."""
        await self._job.wait_closed()

    def _nobody_typed(self, *, at_once: bool = False) -> None:
        if self._state is PromptState.RUNNING and not at_once and not self._keyboard.is_raw:
            self._idle.arm(at_least=IDLE_RETRY_SECONDS)
        else:
            self._leave(PromptEvent.IDLE, _NOBODY_TYPED)

    def _leave(self, event: PromptEvent, reason: str) -> None:
        was_user = self.user
        if self._advance(event) not in (PromptState.ASLEEP, PromptState.CLOSED):
            return
        if was_user is not None:
            self._locked_because = reason
            self._voice.trust(user=False)
            self._audit.record("login", "end", {"name": was_user, "reason": reason})
        self._job.abandon()
        self._idle.disarm()
        self._name = ""
        self._paging = True
        self.noise()
        self._editor.start(EditorMode.KEYS)
        self._editor.forget_history()

    def _advance(self, event: PromptEvent) -> PromptState:
        state = TRANSITIONS.get((self._state, event))
        if state is None:
            raise LocalProtocolError(f"the prompt is {self._state.value}; no {event.value} now")
        self._state = state
        return state

    # Keys

    def _take(self, value: int) -> None:
        if self._state in (PromptState.RUNNING, PromptState.CHECKING):
            if value == _CTRL_C:
                self._interrupt()
            else:
                self._keyboard.take(bytes([value]))
            return
        events = self._editor.feed(bytes([value]))
        self._voice.echo(self._editor.echo())
        for event in events:
            match event:
                case KeyPressed(char):
                    self._pressed(char)
                case Interrupted():
                    self._interrupt()
                case LineEntered(text):
                    self._voice.line_ended()
                    if self._state is PromptState.PASSWORD:
                        self._password(text)
                    else:
                        self._line(text)

    def _take_ahead(self) -> None:
        for value in self._keyboard.typed_ahead():
            self._take(value)

    def _pressed(self, char: str) -> None:
        if self._state is PromptState.ASLEEP and char == "\r":
            if self._voice.budget.useless():
                self._wake()
        elif self._key is not None and not self._key.done() and char in PAGER_KEYS:
            self._key.set_result(char)

    def _interrupt(self) -> None:
        match self._state:
            case PromptState.GUEST | PromptState.USER:
                self._begin_line()
            case PromptState.PASSWORD | PromptState.CHECKING:
                if self._state is PromptState.CHECKING:
                    self._voice.say("^C")
                self._advance(PromptEvent.CANCEL)
                self._job.abandon()
                self._keyboard.typed_ahead()
                self._begin_line()
            case PromptState.RUNNING | PromptState.PAGING if self._job.interrupt():
                self._voice.speak(b"^C\r\n")
                self._keyboard.typed_ahead()

    # Lines

    def _wake(self) -> None:
        self._advance(PromptEvent.WAKE)
        locked = f", locked ({self._locked_because})" if self._locked_because else ""
        self._locked_because = ""
        words = f"guardpost {self._host.version} on {self._host.name()}{locked}; type help"
        self._voice.speak(b"\r\n")
        self._voice.say(shown(words)[: COLUMNS - 1])
        for line in self._host.introduction(in_full=False):
            self._voice.say(line)
        self._begin_line()

    def _begin_line(self) -> None:
        self._editor.start(EditorMode.LINE, PROMPT)
        self._voice.speak(PROMPT.encode())

    def _line(self, line: str) -> None:
        budget = self._voice.budget
        muted = budget.spent
        try:
            verb, args = parse_line(line)
        except UsageError as error:
            if budget.useless():
                if line.strip():
                    self._voice.say(str(error))
                if budget.spent:
                    self._voice.say("too much of this; silent until nothing comes for 10 s")
                self._begin_line()
            return
        if not budget.useful():
            return
        if muted:
            self._voice.speak(b"\r\n")
        self._obey(verb, args)

    def _obey(self, verb: str, args: list[str]) -> None:
        match verb:
            case "help":
                for line in GUEST_HELP if self.user is None else USER_HELP:
                    self._voice.say(line)
            case "version":
                self._voice.say(f"guardpost {self._host.version}")
                for line in self._host.introduction(in_full=True):
                    self._voice.say(line)
            case "login" if self.user is None:
                return self._login(args[0])
            case "login":
                self._voice.say(f"{self.user} is logged in; first: exit")
            case _ if self.user is None:
                self._voice.say("not logged in; first: login NAME")
            case "lock" | "exit":
                self._voice.say("logged out")
                self._leave(PromptEvent.LOGOUT, verb)
                self._locked_because = ""
                return None
            case "page":
                self._paging = args[0] == "on"
            case _:
                self._advance(PromptEvent.RUN)
                self._editor.start(EditorMode.KEYS)
                return self._job.start(self._run_command(verb, args))
        self._begin_line()

    # Login

    def _login(self, name: str) -> None:
        try:
            if obstacle := self._host.obstacle():
                self._voice.say(obstacle)
            elif self._accounts.any():
                self._advance(PromptEvent.LOGIN)
                self._name = name
                self._editor.start(EditorMode.SECRET, PASSWORD_PROMPT)
                return self._voice.speak(PASSWORD_PROMPT.encode())
            else:
                self._voice.say("no password set; run `guardpost agent --set-password` on the host")
        except GuardpostError as error:
            self._voice.say(f"{error.word}: {error}")
        self._begin_line()

    def _password(self, password: str) -> None:
        if not password:
            self._advance(PromptEvent.CANCEL)
            return self._begin_line()
        self._advance(PromptEvent.GIVEN)
        self._editor.start(EditorMode.KEYS)
        wait = math.ceil(self._accounts.wait_seconds())
        if wait > 1:
            self._voice.say(f"waiting {wait} s, since passwords were wrong; Ctrl-C gives up")
        self._job.start(self._check_password(self._name, password))

    async def _check_password(self, name: str, password: str) -> None:
        try:
            verdict: Verdict | GuardpostError = await self._accounts.verify(name, password)
        except GuardpostError as error:
            verdict = error
        if not self._job.is_current():
            return  # locked or interrupted meanwhile
        self._job.finish()
        if verdict is Verdict.RIGHT:
            self._advance(PromptEvent.ACCEPT)
            self._voice.trust(user=True)
            self._audit.record("login", "begin", {"name": name})
            self._voice.say(f"welcome, {name}")
            self._idle.arm()
        else:
            self._advance(PromptEvent.REJECT)
            self._keyboard.typed_ahead()
            self._explain_refusal(name, verdict)
        self._begin_line()
        self._take_ahead()

    def _explain_refusal(self, name: str, verdict: Verdict | GuardpostError) -> None:
        if isinstance(verdict, GuardpostError):
            self._voice.say(f"{verdict.word}: {verdict}")
        elif verdict is Verdict.BUSY:
            self._voice.say("another login is being checked; try again in a while")
        else:
            failures, wait = self._accounts.failures, math.ceil(self._accounts.wait_seconds())
            facts: dict[str, Fact] = {"name": name, "reason": "wrong name or password"}
            self._audit.refuse("login", {**facts, "failures": failures, "next_after": wait})
            self._voice.say(f"wrong name or password ({failures} so far); the next waits {wait} s")

    # Commands

    async def _run_command(self, verb: str, args: list[str]) -> None:
        def write(data: bytes) -> None:
            # A command that was left behind is mute, whatever it does on its way out.
            if self._job.is_current():
                self._voice.speak(data)

        pager = Pager(write, self._drain, self._next_key, paging=self._paging)
        facts: dict[str, Fact] = {"name": self._name, "command": " ".join([verb, *args])}
        self._audit.record("command", "begin", facts)
        began = self._audit.clock()
        try:
            who = (self._host, pager, self._name)
            names = self._accounts.names()
            context = Context(*who, self._keyboard, write, self._drain, names)
            await perform(verb, args, context)
        except asyncio.CancelledError:
            facts["reason"] = "stopped"  # by Ctrl-C, or left behind
        self._audit.record("command", "end", {**facts, "seconds": self._audit.clock() - began})
        if not self._job.is_current():
            return
        self._job.finish()
        if self._state is PromptState.PAGING:
            self._advance(PromptEvent.RESUME)
        self._advance(PromptEvent.DONE)
        if self._idle.expired():
            return self._leave(PromptEvent.IDLE, _NOBODY_TYPED)
        self._begin_line()
        self._take_ahead()

    async def _next_key(self) -> str:
        self._advance(PromptEvent.PAGE)
        self._key = asyncio.get_running_loop().create_future()
        key = await self._key
        self._advance(PromptEvent.RESUME)
        return key
