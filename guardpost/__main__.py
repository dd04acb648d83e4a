"""`python -m guardpost` is `guardpost`."""

import sys

from guardpost.cli.main import entry

if __name__ == "__main__":
    sys.exit(entry())
