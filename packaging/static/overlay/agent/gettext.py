"""gettext for argparse, whose messages nobody here translates: it brings locale along."""


def gettext(message: str) -> str:
    return message


def ngettext(one: str, many: str, count: int) -> str:
    return one if count == 1 else many
