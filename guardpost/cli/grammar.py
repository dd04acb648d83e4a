"""Which word of a command line is what.

Options stand before the command or anywhere before CMD. CMD is the first word after TARGET that is
no option (one `--` is removed), and nothing after it is looked at.
"""

# typing's own constant would cost an import of typing, half of all that `--version` takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["FLAGS", "OPTIONS_WITH_VALUE", "nearest", "split_at_command", "split_at_tail"]
__all__ += ["with_values"]

# What may stand before the command word, and whether the next word belongs to it.
FLAGS = {
    *("--trust-new", "--no-owner", "--verbose", "--quiet", "--json", "--version", "--help"),
    *("-v", "-vv", "-q", "-V", "-h", "--raise-baud", "--licenses", "--self-test"),
}
# What has a value behind "=" or none at all, which then means this.
OPTIONS_WITH_VALUE_JOINED = {"--raise-baud": "4000000"}
OPTIONS_WITH_VALUE = {
    *("--identity", "--agent-key", "--known-agents", "--psk", "--connect-timeout", "--persist"),
    "--exit-codes",
}


def split_at_command(
    words: "Sequence[str]", names: "Collection[str]"
) -> tuple[list[str], str, list[str]]:
    """Split into the options before the command, the command word ("" if none), and the rest."""
    position, after_unknown_option = 0, False
    while position < len(words):
        word = words[position]
        if word.startswith("-") and word not in ("-", "--"):
            with_value = word in OPTIONS_WITH_VALUE
            known = with_value or "=" in word or word in FLAGS
            position += 2 if with_value else 1
            after_unknown_option = not known
        elif after_unknown_option and word not in names:
            # An option of the command itself, standing before it: this is its value.
            position, after_unknown_option = position + 1, False
        else:
            return list(words[:position]), word, list(words[position + 1 :])
    return list(words), "", []


def split_at_tail(
    words: "Sequence[str]", fixed: int, values: dict[str, int]
) -> tuple[list[str], list[str]]:
    """Split before the first word that is neither an option nor one of the `fixed` arguments."""
    position = seen = 0
    while position < len(words):
        word = words[position]
        if word == "--" and seen == fixed:
            return list(words[:position]), list(words[position + 1 :])
        if word == "--":
            end = position + 1 + fixed - seen
            return list(words[:end]), list(words[end:])
        if word.startswith("-") and word != "-":
            position += 1 + words_after(word, values)
        elif seen == fixed:
            return list(words[:position]), list(words[position:])
        else:
            position, seen = position + 1, seen + 1
    return list(words), []


def with_values(words: "Sequence[str]") -> list[str]:
    """`words` before any CMD, with what an option without its value means."""
    end = words.index("--") if "--" in words else len(words)
    values = OPTIONS_WITH_VALUE_JOINED
    return [f"{each}={values[each]}" if each in values else each for each in words[:end]] + [
        *words[end:]
    ]


def words_after(option: str, values: dict[str, int]) -> int:
    if option.startswith("--"):
        return 0 if "=" in option else values.get(option, 0)
    # Short options may stand together (-qv), and a value may be joined to the last (-L8080).
    for place, letter in enumerate(option[1:], start=1):
        if count := values.get(f"-{letter}", 0):
            return count if place == len(option) - 1 else 0
    return 0


def nearest(word: str, names: "Collection[str]") -> str:
    """` (did you mean 'NAME'?)` if one of `names` looks like `word`, otherwise nothing."""
    import difflib

    close = difflib.get_close_matches(word, names, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""
