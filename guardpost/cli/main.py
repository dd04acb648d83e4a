"""Entry point: finds the command and runs it; failures.py says what an error means.

Nothing but the chosen command's module is imported, so `guardpost --version` is quick, and the
agent never loads what only a console needs.
"""

import gc
import os
import sys

from guardpost.cli import grammar, standard_streams

# typing's own constant would cost an import of typing, half of all that `--version` takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    import types
    from collections.abc import Callable, Sequence

    from guardpost.cli.parser import CommandParser
    from guardpost.errors import UsageError

__all__ = ["COMMANDS", "EXIT_DEFECT_OF_AGENT", "Command", "entry", "main"]


EXIT_ERROR = 255
# Of an agent that broke: what starts it again tells that from one that says why it cannot work.
EXIT_DEFECT_OF_AGENT = 1


class Command:
    """`help` is empty for what is not for people."""

    def __init__(
        self,
        name: str,
        module: str,
        help: str,
        *,
        remote_status: bool = False,
        usage: str = "",
        exit_of_defect: int = EXIT_ERROR,
    ) -> None:
        self.name = name
        self.module = module
        self.help = help
        self.usage = usage or f"guardpost {name}"
        # Its exit code belongs to the remote side, so ours stay 255 there.
        self.remote_status = remote_status
        self.exit_of_defect = exit_of_defect


COMMANDS = (
    Command(
        "agent",
        "guardpost.cli.cmd_agent",
        "answer on a serial port of this host",
        exit_of_defect=EXIT_DEFECT_OF_AGENT,
    ),
    Command("ports", "guardpost.cli.cmd_ports", "the serial ports of this host; which auto takes"),
    Command(
        "shell",
        "guardpost.cli.cmd_shell",
        "a shell on the host, in this terminal",
        remote_status=True,
    ),
    Command("exec", "guardpost.cli.cmd_exec", "run a command on the host", remote_status=True),
    Command("jobs", "guardpost.cli.cmd_jobs", "programs that go on without the line"),
    Command("ps", "guardpost.cli.cmd_ps", "list the host's processes"),
    Command("top", "guardpost.cli.cmd_top", "the host's processes, live"),
    Command("watch", "guardpost.cli.cmd_watch", "processes that begin, end or take too much"),
    Command("kill", "guardpost.cli.cmd_kill", "signal processes of the host"),
    Command("nice", "guardpost.cli.cmd_nice", "give processes of the host a nice value"),
    Command("info", "guardpost.cli.cmd_info", "facts about the host and about the line"),
    Command("put", "guardpost.cli.cmd_put", "copy files and folders to the host"),
    Command("get", "guardpost.cli.cmd_get", "copy files and folders from the host"),
    Command("forward", "guardpost.cli.cmd_forward", "TCP tunnels, with ssh's -L"),
    Command(
        "nc", "guardpost.cli.cmd_nc", "one tunnel on standard input and output", remote_status=True
    ),
    Command("terminal", "guardpost.cli.cmd_terminal", "the bare line: prompt, boot log, getty"),
    Command("trace", "guardpost.cli.cmd_trace", "what crosses the line, live and decoded"),
    Command("owner", "guardpost.cli.cmd_owner", "the process that holds a line: check, stop"),
    Command("owner-process", "guardpost.cli.cmd_owner_process", ""),
    Command("key", "guardpost.cli.cmd_key", "this side's public key; forget an agent's"),
    Command("policy", "guardpost.cli.cmd_policy", "what a console's key may do, and why"),
    Command("line", "guardpost.cli.cmd_line", "a simulated serial line between two ptys"),
    Command("demo", "guardpost.cli.cmd_demo", "see all of it here, without hardware"),
)

# What is answered without any command, wherever it stands before one.
ANSWERS = {"--version", "-V", "--licenses", "--self-test"}


def entry(run: "Callable[[], int] | None" = None) -> int:
    """`run`, or else main(), for a process of its own, which ends after it."""
    # Imports make many objects and no garbage: collecting meanwhile costs a tenth of the start.
    gc.set_threshold(20_000, 20, 20)
    try:
        return (run or main)()
    finally:
        # Nor does the interpreter find garbage on its way out, in the time joining an owner takes.
        gc.freeze()


def main(argv: "Sequence[str] | None" = None, commands: "Sequence[Command]" = COMMANDS) -> int:
    """Run one command line and return its exit code; raises nothing but SystemExit (for -h)."""
    standard_streams.fill_in()
    words = list(sys.argv[1:] if argv is None else argv)
    args: argparse.Namespace | None = None
    try:
        if "_ARGCOMPLETE" in os.environ:
            from guardpost.cli import completion

            completion.answer(commands)
        before, word, after = grammar.split_at_command(words, [*(each.name for each in commands)])
        if not word or word == "help" or ANSWERS & {*before}:
            code = tell(before, word, after, commands)
        else:
            from argparse import Namespace

            command, target = find(word, commands)
            of_defect = command.exit_of_defect
            args = Namespace(verbose=0, exit_codes="plain", exit_of_defect=of_defect)
            code = run(command, [*before, *target, *after], args)
        # Here and not at interpreter exit, where a closed pipe could no longer be told apart.
        sys.stdout.flush()
        return code
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:
        from guardpost.cli import failures

        return failures.report(error, args)


def tell(before: list[str], word: str, after: list[str], commands: "Sequence[Command]") -> int:
    """What needs no command: the version, the overview, help."""
    if "--version" in before or "-V" in before:
        from guardpost.cli import versions

        return versions.show(verbose="-v" in before)
    if "--licenses" in before:
        from guardpost.cli import licenses

        return licenses.show()
    if "--self-test" in before:
        from guardpost.cli import self_test

        return self_test.run([word, *after] if word else [])
    if word == "help":
        return show_help(after, commands)
    asked = {"-h", "--help"} & {*before}
    print(overview(commands), file=sys.stdout if asked else sys.stderr)
    return 0 if asked else EXIT_ERROR


def find(word: str, commands: "Sequence[Command]") -> "tuple[Command, list[str]]":
    """The command of that name; for a target the shell, and the target as its first word.

    Raises UsageError when it is neither.
    """
    for command in commands:
        if command.name == word:
            return command, []
    from guardpost.cli import hosts

    if hosts.is_address(word) or hosts.lookup(word):
        return find("shell", commands)[0], [word]
    raise unknown(word, commands)


def run(command: Command, words: list[str], args: "argparse.Namespace") -> int:
    """Run `command`; its options land in `args` as they are read."""
    from guardpost.cli import parser

    module, options = load(command)
    parser.parse(options, words, args)
    code: int = module.run(args)
    return code


def load(command: Command) -> "tuple[types.ModuleType, CommandParser]":
    """Import `command`'s module and build its parser, with the options every command has."""
    import importlib

    from guardpost.cli import options
    from guardpost.cli.parser import CommandParser

    module = importlib.import_module(command.module)
    parser = CommandParser(
        prog=command.usage,
        description=f"{command.help[:1].upper()}{command.help[1:]}.",
    )
    module.configure(parser)
    options.add_common_options(parser, exit_codes=not command.remote_status)
    return module, parser


def overview(commands: "Sequence[Command]") -> str:
    rows = [f"  {each.name:<10} {each.help}" for each in commands if each.help]
    return "\n".join(
        [
            "usage: guardpost [OPTIONS] COMMAND [OPTIONS] [TARGET] ...",
            "       guardpost TARGET                    the same as: guardpost shell TARGET",
            "",
            *rows,
            f"  {'help':<10} help COMMAND, or: targets, exit-codes, options, terminal-keys",
            "",
            "guardpost --version [-v] | --licenses | --self-test",
        ]
    )


def show_help(words: list[str], commands: "Sequence[Command]") -> int:
    from guardpost.cli import topics

    topic = words[0] if words and words[0] != "help" else ""
    for command in commands:
        if command.name == topic:
            load(command)[1].print_help()
            return 0
    if topic and topic not in topics.TOPICS:
        from guardpost.errors import UsageError

        names = [*(each.name for each in commands), *topics.TOPICS]
        raise UsageError(f"no help on '{topic}'{grammar.nearest(topic, names)}")
    print(topics.TOPICS[topic] if topic else overview(commands))
    return 0


def unknown(word: str, commands: "Sequence[Command]") -> "UsageError":
    """What to say about a first word that is no command."""
    from guardpost.cli import hosts
    from guardpost.errors import UsageError

    names = [*(each.name for each in commands), "help", *hosts.load()]
    return UsageError(
        f"no such command or target '{word}'{grammar.nearest(word, names)};"
        " 'guardpost help' lists the commands"
    )


if __name__ == "__main__":
    sys.exit(entry())
