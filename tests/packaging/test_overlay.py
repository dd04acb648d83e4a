"""What the small executable has instead of others' modules holds all that our code asks of them."""

import ast
import re
from collections.abc import Iterator

from support.tools import ROOT

OVERLAY = ROOT / "packaging" / "static" / "overlay" / "agent"
# What only a console runs.
NOT_IN_IT = ("console", "transports/amt", "transports/ipmi", "cli")


def sources() -> Iterator[str]:
    for path in (ROOT / "guardpost").rglob("*.py"):
        if not path.relative_to(ROOT / "guardpost").as_posix().startswith(NOT_IN_IT):
            yield path.read_text(encoding="utf-8")


def names_in(module: str) -> set[str]:
    """What a module has after it was imported."""
    tree = ast.parse((OVERLAY / module).read_text(encoding="utf-8"))
    imported = [each for each in tree.body if isinstance(each, ast.ImportFrom)]
    return {alias.asname or alias.name for each in imported for alias in each.names}


def test_all_that_we_use_of_msgspec_is_there() -> None:
    words = r"\bmsgspec\.(\w+)|from msgspec import (\w+)"
    used = {one or two for text in sources() for one, two in re.findall(words, text)}
    assert {"Struct", "msgpack"} <= used <= names_in("msgspec/__init__.py")
    replaced = {name for text in sources() for name in re.findall(r"msgspec\.structs\.(\w+)", text)}
    assert replaced <= names_in("msgspec/structs.py")


def test_all_that_we_use_of_nacl_is_there() -> None:
    used: set[str] = set()
    for text in sources():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module == "nacl.bindings":
                used |= {alias.name for alias in node.names}
            assert not (isinstance(node, ast.ImportFrom) and node.module == "nacl")
    assert "crypto_scalarmult" in used
    assert used <= names_in("nacl/bindings/__init__.py")
