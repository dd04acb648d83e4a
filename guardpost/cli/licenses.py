"""`guardpost --licenses`: the licence of everything inside this executable, in full.

An installed package has its libraries beside it, each with its own licence: those are named.
"""

from guardpost.baked import FACTS, Facts
from guardpost.cli import versions

__all__ = ["show"]


def show(facts: Facts = FACTS) -> int:
    """Print them, on standard output."""
    if facts.variant:
        for part, text in facts.licenses():
            print(f"{'=' * 72}\n{part}\n{'=' * 72}\n{text.rstrip()}\n")
    else:
        print(f"{versions.DISTRIBUTION}: Apache-2.0; each library has a licence of its own:")
        for name in (versions.DISTRIBUTION, *versions.LIBRARIES):
            show_installed(name)
    return 0


def show_installed(name: str) -> None:
    """What it declares, and where its licence stands."""
    from importlib import metadata

    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        print(f"{name} -")
        return
    about = found.metadata.json
    classifiers = about.get("classifier", ())
    kinds = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License")]
    # Some write the whole text there.
    named = [str(about.get(field, "")) for field in ("license_expression", "license")]
    declared = [each for each in (*named, *kinds) if each and "\n" not in each]
    print(f"{name} {found.version}: {(*declared, 'says no licence')[0]}")
    for file in found.files or ():
        if any(word in file.name.upper() for word in ("LICENSE", "LICENCE", "COPYING", "NOTICE")):
            print(f"  {file.locate()}")
