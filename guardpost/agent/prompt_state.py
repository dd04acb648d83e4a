"""What the text prompt may do next: its states, what happens to it, and the table of both."""

import enum
from typing import Final

__all__ = ["TRANSITIONS", "PromptEvent", "PromptState"]


class PromptState(enum.Enum):
    ASLEEP = "asleep"  # nothing is shown, not even echo, until Enter
    GUEST = "guest"  # a line is typed, nobody is logged in
    PASSWORD = "password"  # the password is typed
    CHECKING = "checking"  # and verified
    USER = "user"  # a line is typed, somebody is logged in
    RUNNING = "running"  # that one's command runs
    PAGING = "paging"  # and waits at --More--
    CLOSED = "closed"


class PromptEvent(enum.Enum):
    WAKE = "wake"  # Enter, and we answer
    LOGIN = "login"  # `login NAME`, and there are accounts
    GIVEN = "given"  # a password was typed
    CANCEL = "cancel"  # Ctrl-C, or no password
    ACCEPT = "accept"
    REJECT = "reject"
    RUN = "run"  # a command begins
    PAGE = "page"  # the screen is full
    RESUME = "resume"  # a key at --More--
    DONE = "done"  # the command ended
    LOGOUT = "logout"
    LOCK = "lock"  # from outside: a hello, a BREAK
    IDLE = "idle"  # nobody typed for IDLE_SECONDS
    CLOSE = "close"


_S, _E = PromptState, PromptEvent

# What is not here is our own mistake. A hello may come while a guest types: the
# line so far stays, and there is nothing to lock.
TRANSITIONS: Final = {
    (_S.ASLEEP, _E.WAKE): _S.GUEST,
    (_S.GUEST, _E.LOGIN): _S.PASSWORD,
    (_S.PASSWORD, _E.GIVEN): _S.CHECKING,
    (_S.PASSWORD, _E.CANCEL): _S.GUEST,
    (_S.CHECKING, _E.CANCEL): _S.GUEST,
    (_S.CHECKING, _E.ACCEPT): _S.USER,
    (_S.CHECKING, _E.REJECT): _S.GUEST,
    (_S.USER, _E.RUN): _S.RUNNING,
    (_S.USER, _E.LOGOUT): _S.ASLEEP,
    (_S.RUNNING, _E.PAGE): _S.PAGING,
    (_S.RUNNING, _E.DONE): _S.USER,
    (_S.PAGING, _E.RESUME): _S.RUNNING,
    (_S.ASLEEP, _E.LOCK): _S.ASLEEP,
    (_S.GUEST, _E.LOCK): _S.GUEST,
    (_S.PASSWORD, _E.LOCK): _S.ASLEEP,
    (_S.CHECKING, _E.LOCK): _S.ASLEEP,
    (_S.USER, _E.LOCK): _S.ASLEEP,
    (_S.RUNNING, _E.LOCK): _S.ASLEEP,
    (_S.PAGING, _E.LOCK): _S.ASLEEP,
    (_S.CLOSED, _E.LOCK): _S.CLOSED,
    (_S.ASLEEP, _E.IDLE): _S.ASLEEP,
    (_S.GUEST, _E.IDLE): _S.ASLEEP,
    (_S.PASSWORD, _E.IDLE): _S.ASLEEP,
    (_S.CHECKING, _E.IDLE): _S.ASLEEP,
    (_S.USER, _E.IDLE): _S.ASLEEP,
    (_S.RUNNING, _E.IDLE): _S.ASLEEP,
    (_S.PAGING, _E.IDLE): _S.ASLEEP,
    (_S.CLOSED, _E.IDLE): _S.CLOSED,
    **{(state, _E.CLOSE): _S.CLOSED for state in _S},
}
