"""Compiles the C tests with everything the compilers can find wrong."""

import subprocess
from pathlib import Path

from support.tools import ROOT

FLAGS = [
    *("-std=c11", "-g", "-O1", "-fno-omit-frame-pointer"),
    *("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    *("-I", str(ROOT / "native"), "-I", str(ROOT / "tests" / "native")),
]
CODEC = [str(path) for path in sorted((ROOT / "native").glob("*.c"))]


def compiled(compiler: str, out: Path, *arguments: str) -> Path:
    """Runs the compiler with our flags; fails with what it said."""
    command = [compiler, *FLAGS, *arguments, "-o", str(out)]
    run(command, seconds=120)
    return out


def run(command: list[str], seconds: float) -> str:
    """Runs a command to its end; fails with everything it said unless it returns 0."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
        check=False,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, f"{command[0]} returned {done.returncode}\n{done.stdout[-8000:]}"
    return done.stdout
