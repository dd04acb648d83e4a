"""A folder of a test, open as the files' services have it."""

import os
from pathlib import Path

from guardpost.host.folders import Folder
from guardpost.host.paths import resolve

__all__ = ["opened"]


def opened(path: Path) -> Folder:
    """The caller closes it."""
    place = resolve(os.fsencode(path))
    with place.folder:
        return place.open_folder()
