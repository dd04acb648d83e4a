"""Action: what a request wants to do, in the words in which a key's permits are written."""

from typing import NamedTuple

__all__ = ["Action"]


class Action(NamedTuple):
    """One thing a console asks for. Each service names its own; the agent's policy decides."""

    verb: str
    """monitor (ps, info), exec (exec, kill) or forward (tcp)."""

    host: str = ""
    """Of a forward: where to, as the console named it."""

    port: int = 0
