"""Which modules a command has imported at its end."""

import subprocess
import sys
import sysconfig
from collections.abc import Mapping

from support.tools import ROOT

__all__ = ["loaded_by"]


def loaded_by(*words: str, environment: Mapping[str, str] | None = None) -> set[str]:
    """The modules of a process that has run `guardpost WORDS...`.

    Without `site`, which imports on behalf of whatever is installed.
    """
    path = [str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    code = (
        f"import sys; sys.path += {path!r}; from guardpost.cli.main import main;"
        "code = main(sys.argv[1:]); print(*sys.modules); sys.exit(code)"
    )
    argv = [sys.executable, "-I", "-S", "-c", code, *words]
    result = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.splitlines()[-1].split())
