"""linecache where there are no sources: a traceback names files and lines, and shows none."""

cache: dict[str, object] = {}


def getline(filename: str, lineno: int, module_globals: object = None) -> str:
    return ""


def getlines(filename: str, module_globals: object = None) -> list[str]:
    return []


def checkcache(filename: object = None) -> None:
    pass


def clearcache() -> None:
    pass


def lazycache(filename: str, module_globals: object) -> bool:
    return False
