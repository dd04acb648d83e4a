"""The states of a session, and what leads from one to the next (docs/protocol.md section 10)."""

import enum

__all__ = ["NEXT", "Happening", "State"]


class State(enum.Enum):
    LIVE = "live"
    SUSPENDED = "suspended"
    DEAD = "dead"


class Happening(enum.Enum):
    OPENED = "a packet opened"
    SILENT = "line gone, or the probes went unanswered"
    ENDED = "GOAWAY, or superseded"
    EXPIRED = "the grace is over"


NEXT: dict[tuple[State, Happening], State] = {
    (State.LIVE, Happening.OPENED): State.LIVE,
    (State.LIVE, Happening.SILENT): State.SUSPENDED,
    (State.LIVE, Happening.ENDED): State.DEAD,
    (State.SUSPENDED, Happening.OPENED): State.LIVE,
    (State.SUSPENDED, Happening.SILENT): State.SUSPENDED,
    (State.SUSPENDED, Happening.ENDED): State.DEAD,
    (State.SUSPENDED, Happening.EXPIRED): State.DEAD,
    (State.DEAD, Happening.OPENED): State.DEAD,
    (State.DEAD, Happening.SILENT): State.DEAD,
    (State.DEAD, Happening.ENDED): State.DEAD,
}
