"""Patterns of names, as a shell has them: `*`, `?`, `[abc]`, `[!a-z]`, in the last part of a path.

`*` and `?` do not match the dot at the beginning of a name. A character is meant as it is in
brackets: `[*]`. The work is bounded by the lengths of name and pattern, whatever both are.
"""

from typing import NamedTuple

__all__ = ["PATTERN_MAX_BYTES", "folder_of", "matches", "pattern_of"]

PATTERN_MAX_BYTES = 255
"""As a name: what is longer matches none."""


class _Set(NamedTuple):
    """One character of these ranges, or one of none of them."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def has(self, letter: str) -> bool:
        return self.negated != any(low <= letter <= high for low, high in self.ranges)


_ANY = _Set((), negated=True)
_Token = _Set | None
"""None is `*`."""


def pattern_of(path: bytes) -> bytes:
    """The last part of `path`, if it is a pattern; else empty."""
    last = path.rpartition(b"/")[2]
    return last if any(each in last for each in b"*?[") else b""


def folder_of(path: bytes) -> bytes:
    """Where the pattern at the end of `path` is looked for, with a `/`; `path`, if it has none."""
    return path[: len(path) - len(pattern_of(path))] or b"./"


def matches(name: bytes, pattern: bytes) -> bool:
    """Whether all of `name` does, which an empty one never does. A is not a."""
    if not name or len(pattern) > PATTERN_MAX_BYTES:
        return False
    text, tokens = _text(name), _parsed(_text(pattern))
    if text.startswith(".") and not pattern.startswith(b"."):
        return False
    at = step = 0
    star = taken = -1  # where the last `*` stands, and how far it reaches
    while at < len(text):
        token = tokens[step] if step < len(tokens) else _Set((), negated=False)
        if token is None:
            star, taken = step, at
            step += 1
        elif token.has(text[at]):
            at, step = at + 1, step + 1
        elif star >= 0:
            taken += 1
            at, step = taken, star + 1
        else:
            return False
    return all(token is None for token in tokens[step:])


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _parsed(pattern: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        # A `]` that comes first is one of the set; a `[` without an end is itself.
        first = at + 2 if pattern[at + 1 : at + 2] == "!" else at + 1
        end = pattern.find("]", first + 1) if letter == "[" else -1
        if letter == "*":
            tokens.append(None)
        elif letter == "?":
            tokens.append(_ANY)
        elif end >= 0:
            tokens.append(_Set(_ranges(pattern[first:end]), negated=first == at + 2))
            at = end
        else:
            tokens.append(_Set(((letter, letter),), negated=False))
        at += 1
    return tokens


def _ranges(letters: str) -> tuple[tuple[str, str], ...]:
    found = []
    at = 0
    while at < len(letters):
        is_range = letters[at + 1 : at + 2] == "-" and at + 2 < len(letters)
        found.append((letters[at], letters[at + 2] if is_range else letters[at]))
        at += 3 if is_range else 1
    return tuple(found)
