"""`guardpost-agent`: the agent as one small executable, without what only a console needs.

guardpost-agent [PORT] [OPTIONS]            the same as: guardpost agent ...
guardpost-agent ports | policy | help       the same as those of guardpost
guardpost-agent --version [-v] | --self-test | --licenses
"""

import sys

from guardpost.cli import grammar, main
from guardpost.cli.main import Command

# typing's own constant would cost an import of typing, half of all that `--version` takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "entry", "run"]

PROGRAM = "guardpost-agent"
AGENT = Command(
    "agent",
    "guardpost.cli.cmd_agent",
    "answer on a serial port of this host. Also: ports, policy check, help ports|policy, "
    "--version [-v], --self-test, --licenses",
    usage=PROGRAM,
    exit_of_defect=main.EXIT_DEFECT_OF_AGENT,
)
OTHERS = tuple(
    Command(each.name, each.module, each.help, usage=f"{PROGRAM} {each.name}")
    for each in main.COMMANDS
    if each.name in ("ports", "policy")
)
COMMANDS = (AGENT, *OTHERS)


def entry() -> int:
    """run() for a process of its own."""
    return main.entry(run)


def run(argv: "Sequence[str] | None" = None) -> int:
    """Run one command line and return its exit code; raises nothing but SystemExit (for -h)."""
    words = list(sys.argv[1:] if argv is None else argv)
    names = ("help", *(each.name for each in OTHERS))
    before, word, after = grammar.split_at_command(words, names)
    if word == "help" and not after:
        words = [AGENT.name, "--help"]
    elif word not in names and not main.ANSWERS & {*before}:
        words = [AGENT.name, *words]
    return main.main(words, COMMANDS)


if __name__ == "__main__":
    sys.exit(entry())
