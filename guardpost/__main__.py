"""`python -m guardpost` is `guardpost`."""

import sys

from guardpost.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
