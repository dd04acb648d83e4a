"""TopView: what the person at a live process list has chosen, and what each key does to it."""

from enum import Enum
from typing import NamedTuple

from guardpost.cli.process_columns import command, matches
from guardpost.cli.process_tree import Branches, kin, tree
from guardpost.cli.top_model import Shown

__all__ = ["SORTS", "Asking", "TopView", "Wish", "WishKind"]

SORTS = ("cpu", "rss", "time", "pid", "user", "command")
_SORT_KEYS = {"P": "cpu", "M": "rss", "T": "time", "N": "pid", "U": "user", "C": "command"}
_LARGEST_FIRST = ("cpu", "rss", "time")
_TEXT_MAX = 64


class WishKind(Enum):
    QUIT = "quit"
    INTERRUPT = "interrupt"
    REDRAW = "redraw"
    KILL = "kill"
    NICE = "nice"
    FASTER = "faster"
    SLOWER = "slower"


class Wish(NamedTuple):
    """Something that the view cannot do by itself; of kill and nice: to whom, and what."""

    kind: WishKind
    target: Shown | None = None
    text: str = ""


class Asking(Enum):
    """What the person types at the moment."""

    NOTHING = ""
    FILTER = "filter"
    SIGNAL = "signal"
    NICE = "nice value"


class TopView:
    def __init__(self, branches: Branches) -> None:
        self.sort = "cpu"
        self.reversed = False
        self.filter = ""
        self.as_tree = False
        self.paused = False
        self.helping = False
        self.asking = Asking.NOTHING
        self.typed = ""
        self.target: Shown | None = None
        """Whom the question is about."""
        self.offset = 0
        """How many rows are above the page."""
        self.page = 10
        """How many rows a page has; whoever paints says so."""
        self.rows: list[tuple[str, Shown]] = []
        """What is drawn before each, and it."""
        self._chosen: tuple[int, float | None] | None = None
        self._branches = branches

    # --- the rows ---

    def arrange(self, shown: list[Shown]) -> None:
        """Filter and order what came; who is chosen stays so while it lives."""
        ordered = sorted(shown, key=self._key, reverse=self._is_descending())
        # What is not known comes last, whatever the order.
        ordered.sort(key=lambda each: self._value(each) is None)
        if self.filter:
            wanted = [each for each in ordered if matches(each.process, self.filter)]
            if self.as_tree:
                chosen = [each.process for each in wanted]
                kept = {each.pid for each in kin([each.process for each in ordered], chosen)}
                wanted = [each for each in ordered if each.process.pid in kept]
            ordered = wanted
        if self.as_tree:
            by_pid = {each.process.pid: each for each in ordered}
            drawn = tree([each.process for each in ordered], self._branches)
            self.rows = [(before, by_pid[process.pid]) for before, process in drawn]
        else:
            self.rows = [("", each) for each in ordered]
        self._scroll()

    def _is_descending(self) -> bool:
        return (self.sort in _LARGEST_FIRST) != self.reversed

    def _key(self, each: Shown) -> tuple[bool, object, int]:
        value = self._value(each)
        pid = -each.process.pid if self._is_descending() else each.process.pid
        return (value is not None, 0 if value is None else value, pid)

    def _value(self, each: Shown) -> float | str | None:
        process = each.process
        values: dict[str, float | str | None] = {
            "cpu": each.percent,
            "rss": process.rss_bytes,
            "time": process.cpu_seconds,
            "pid": process.pid,
            "user": process.user,
        }
        return values[self.sort] if self.sort in values else command(process).lower()

    @property
    def place(self) -> int:
        """Of the chosen row; the first one when nobody is chosen, or that one has gone."""
        for place, (_, each) in enumerate(self.rows):
            if _identity(each) == self._chosen:
                return place
        return 0

    def _choose(self, place: int) -> None:
        if self.rows:
            place = max(0, min(len(self.rows) - 1, place))
            self._chosen = _identity(self.rows[place][1])
        self._scroll()

    def _scroll(self) -> None:
        """Keep the chosen row on the page."""
        place = self.place
        self.offset = max(min(self.offset, place), place - self.page + 1, 0)
        self.offset = min(self.offset, max(0, len(self.rows) - self.page))

    # --- the keys ---

    def press(self, key: str) -> Wish | None:
        """Do what `key` means here; what needs somebody else comes back."""
        if key == "interrupt":
            return Wish(WishKind.INTERRUPT)
        if key == "redraw":
            return Wish(WishKind.REDRAW)
        if self.asking is not Asking.NOTHING:
            return self._type(key)
        if self.helping:
            self.helping = False
            return None
        if self._move(key):
            return None
        return self._command(key)

    def _move(self, key: str) -> bool:
        steps = {
            "up": -1,
            "down": 1,
            "page-up": -self.page,
            "page-down": self.page,
            "home": -len(self.rows),
            "end": len(self.rows),
        }
        if key not in steps:
            return False
        self._choose(self.place + steps[key])
        return True

    def _command(self, key: str) -> Wish | None:
        if key in _SORT_KEYS:
            self.sort, self.reversed = _SORT_KEYS[key], False
        elif key in ("s", ">"):
            self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        elif key == "<":
            self.sort = SORTS[SORTS.index(self.sort) - 1]
        elif key == "r":
            self.reversed = not self.reversed
        elif key == "t":
            self.as_tree = not self.as_tree
        elif key in ("p", " "):
            self.paused = not self.paused
        elif key in ("h", "?"):
            self.helping = True
        elif key == "escape":
            self.filter = ""
        elif key in ("f", "/"):
            self.asking, self.typed = Asking.FILTER, self.filter
        elif key in ("k", "n") and self.rows:
            self.target = self.rows[self.place][1]
            self._chosen = _identity(self.target)
            self.asking = Asking.SIGNAL if key == "k" else Asking.NICE
            self.typed = "TERM" if key == "k" else str(self.target.process.nice or 0)
        else:
            others = {"q": WishKind.QUIT, "+": WishKind.FASTER, "-": WishKind.SLOWER}
            return Wish(others[key]) if key in others else None
        return None

    def _type(self, key: str) -> Wish | None:
        if key == "escape":
            self.asking = Asking.NOTHING
        elif key == "clear":
            self.typed = ""
        elif key == "erase":
            self.typed = self.typed[:-1]
        elif key == "enter":
            return self._answered()
        elif len(key) == 1 and len(self.typed) < _TEXT_MAX and key.isprintable():
            self.typed += key
        return None

    def _answered(self) -> Wish | None:
        asked, self.asking = self.asking, Asking.NOTHING
        text = self.typed.strip()
        if asked is Asking.FILTER:
            self.filter = text
        elif text:
            kind = WishKind.KILL if asked is Asking.SIGNAL else WishKind.NICE
            return Wish(kind, self.target, text)
        return None


def _identity(each: Shown) -> tuple[int, float | None]:
    """A number is used again; with its start it means one process."""
    return each.process.pid, each.process.started
