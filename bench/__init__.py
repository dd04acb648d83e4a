"""Benchmarks: whole processes on a simulated line, and functions as ratios to peers in one run.

They use the rigs of tests/support, which are no installed package.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_SUPPORT = str(ROOT / "tests")
if _SUPPORT not in sys.path:
    sys.path.insert(0, _SUPPORT)
