"""datetime without the Python version of itself, which CPython 3.11 builds first and throws away.

As CPython has it from 3.12 on.
"""

from _datetime import *  # noqa: F403
from _datetime import __doc__  # noqa: F401
