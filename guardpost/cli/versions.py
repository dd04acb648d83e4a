"""`guardpost --version [-v]`: what runs here, and whether another distribution is in its way."""

import sys

import guardpost
from guardpost.baked import FACTS, Facts

__all__ = ["show"]

DISTRIBUTION = "guardpost-sol"
LIBRARIES = (
    *("cffi", "msgspec", "psutil", "pynacl", "pyserial"),
    *("rich", "argcomplete", "pyghmi"),
)


def show(*, verbose: bool, facts: Facts = FACTS) -> int:
    """Print the version; with `verbose` also Python, and what is inside an executable.

    Elsewhere, the libraries that are installed and a warning (on stderr).
    """
    print(f"guardpost {guardpost.__version__}")
    if verbose:
        print(f"Python {sys.version.split()[0]} on {sys.platform}, {sys.executable or 'frozen'}")
        if facts.variant:
            from guardpost.cli import baked_in

            print("\n".join(baked_in.describe(facts)))
        elif not is_frozen():
            print_libraries()
    return 0


def is_frozen() -> bool:
    """Whether we stand inside an executable, where nothing is installed."""
    return bool(getattr(sys, "frozen", False)) or getattr(__spec__, "origin", "") == "frozen"


def print_libraries() -> None:
    from importlib import metadata

    for name in LIBRARIES:
        try:
            print(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            print(f"{name} -")
    for other in other_owners(metadata.packages_distributions().get("guardpost", [])):
        print(
            f"guardpost: warning: the distribution '{other}' also installs a package called "
            f"guardpost, and they overwrite each other: put {DISTRIBUTION} into an environment "
            "of its own (pipx, or python -m venv)",
            file=sys.stderr,
        )


def other_owners(distributions: list[str]) -> list[str]:
    """Who else claims the import name, by what is installed."""
    normalised = {name.lower().replace("_", "-") for name in distributions}
    return sorted(normalised - {DISTRIBUTION})
