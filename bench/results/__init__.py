"""The newest measurements, as JSON: when, on what machine, how, and the points themselves."""

import datetime
import json
import os
import platform
import re
from pathlib import Path
from typing import Any

__all__ = ["load", "machine", "save"]

FOLDER = Path(__file__).parent


def save(name: str, how: str, points: Any, folder: Path = FOLDER, *, table: str = "") -> None:
    """`points`: anything that JSON holds; `table`: the same for people, as markdown."""
    content = {
        "measured": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "how": how,
        "points": points,
        **({"table": table} if table else {}),
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    # Numbers of one list on one line: a changed measurement is then a changed line.
    text = re.sub(r"\[[^\[\]{}\"]*\]", lambda found: " ".join(found[0].split()), text)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def load(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """Raises FileNotFoundError where nothing was measured yet."""
    content: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return content


def machine() -> str:
    """What class of machine this is, in a line."""
    model = platform.machine()
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        model = " ".join(found[1].split()) if found else model
    except OSError:
        pass
    kernel = platform.release().split("-")[0]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores of {model}, {platform.system()} {kernel}, {python}"
