"""The serial ports of this host: what each is, and which one leads to the outside.

    linux.py, windows.py     look at the system: a Machine, full of facts
    ranking.py               judges them: a pure function from a Machine to Candidates
    spcr.py, smbios.py, pci.py, kernel_arguments.py   what firmware and kernel say, decoded

No port is ever opened here: opening raises DTR, and takes bytes from whoever reads there.
"""

import sys

from guardpost.ports.facts import Machine
from guardpost.ports.ranking import Candidate, rank, taken_by_auto

__all__ = ["Candidate", "Machine", "rank", "survey", "taken_by_auto"]


def survey() -> Machine:
    """Look at this host. Raises nothing: what cannot be read is in the Machine's `unread`."""
    if sys.platform == "win32":
        from guardpost.ports.windows import survey as survey_windows

        return survey_windows()
    from guardpost.ports.linux import survey as survey_linux

    return survey_linux()
