"""Entry point: finds the command, runs it, and turns every error into one line and an exit code.

Nothing but the chosen command's module is imported, so `guardpost --version` is quick, and the
agent never loads what only a console needs.
"""

import argparse
import gc
import importlib
import os
import sys
import typing
from collections.abc import Sequence
from typing import NamedTuple

from guardpost import errors
from guardpost.cli import grammar, options, resets, standard_streams

__all__ = ["COMMANDS", "Command", "main"]


class Command(NamedTuple):
    name: str
    module: str
    help: str
    """Empty for what is not for people."""
    # Its exit code belongs to the remote side, so ours stay 255 there.
    remote_status: bool = False


class CommandModule(typing.Protocol):
    def configure(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, args: argparse.Namespace) -> int: ...


COMMANDS = (
    Command("agent", "guardpost.cli.cmd_agent", "answer on a serial port of this host"),
    Command("exec", "guardpost.cli.cmd_exec", "run a command on the host", remote_status=True),
    Command("ps", "guardpost.cli.cmd_ps", "list the host's processes"),
    Command("kill", "guardpost.cli.cmd_kill", "signal processes of the host"),
    Command("info", "guardpost.cli.cmd_info", "facts about the host and about the line"),
    Command("forward", "guardpost.cli.cmd_forward", "TCP tunnels, with ssh's -L"),
    Command(
        "nc", "guardpost.cli.cmd_nc", "one tunnel on standard input and output", remote_status=True
    ),
    Command("terminal", "guardpost.cli.cmd_terminal", "the bare line: prompt, boot log, getty"),
    Command("owner", "guardpost.cli.cmd_owner", "the process that holds a line: check, stop"),
    Command("owner-process", "guardpost.cli.cmd_owner_process", ""),
    Command("key", "guardpost.cli.cmd_key", "this side's public key; forget an agent's"),
    Command("line", "guardpost.cli.cmd_line", "a simulated serial line between two ptys"),
    Command("demo", "guardpost.cli.cmd_demo", "see all of it here, without hardware"),
)

EXIT_INTERRUPTED = 130
EXIT_TIMEOUT = 124
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE, what a shell shows for any program in that place
EXIT_ERROR = 255

DETAILED_EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (errors.NoSuchTarget, 3),
    (errors.LineBusy, 4),
    (errors.AuthenticationError, 5),
    (errors.LineLost, 6),
    (errors.AgentSilent, 7),
)
DETAILED_RESET_CODES = {errors.ResetCode.NOT_ALLOWED: 5, errors.ResetCode.LOST: 6}


def main(argv: Sequence[str] | None = None, commands: Sequence[Command] = COMMANDS) -> int:
    """Run one command line and return its exit code; raises nothing but SystemExit (for -h)."""
    # Imports make many objects and no garbage: collecting meanwhile costs a tenth of the start.
    gc.set_threshold(20_000, 20, 20)
    standard_streams.fill_in()
    words = list(sys.argv[1:] if argv is None else argv)
    args = argparse.Namespace(verbose=0, exit_codes="plain")
    try:
        if "_ARGCOMPLETE" in os.environ:
            from guardpost.cli import completion

            completion.answer(commands)
        code = run(words, commands, args)
        # Here and not at interpreter exit, where a closed pipe could no longer be told apart.
        sys.stdout.flush()
        return code
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:
        return report(error, args)


def run(words: list[str], commands: Sequence[Command], args: argparse.Namespace) -> int:
    """Find the command among `words` and run it; its options land in `args` as they are read."""
    before, word, after = grammar.split_at_command(words, [*(each.name for each in commands)])
    if "--version" in before or "-V" in before:
        from guardpost.cli import versions

        return versions.show(verbose="-v" in before)
    if not word and not {"-h", "--help"} & {*before}:
        print(overview(commands), file=sys.stderr)
        return EXIT_ERROR
    if not word:
        print(overview(commands))
        return 0
    if word == "help":
        return show_help(after, commands)
    for command in commands:
        if command.name == word:
            module, parser = load(command)
            grammar.parse(parser, before + after, args)
            return module.run(args)
    raise unknown(word, commands)


def load(command: Command) -> tuple[CommandModule, argparse.ArgumentParser]:
    """Import `command`'s module and build its parser, with the options every command has."""
    module = typing.cast(CommandModule, importlib.import_module(command.module))
    parser = grammar.CommandParser(
        prog=f"guardpost {command.name}", description=f"{command.help.capitalize()}."
    )
    module.configure(parser)
    options.add_common_options(parser, exit_codes=not command.remote_status)
    return module, parser


def overview(commands: Sequence[Command]) -> str:
    rows = [f"  {each.name:<10} {each.help}" for each in commands if each.help]
    return "\n".join(
        [
            "usage: guardpost [OPTIONS] COMMAND [OPTIONS] [TARGET] ...",
            "",
            *rows,
            f"  {'help':<10} help COMMAND, help targets, help exit-codes, help options",
            "",
            "guardpost --version [-v]",
        ]
    )


def show_help(words: list[str], commands: Sequence[Command]) -> int:
    from guardpost.cli import topics

    topic = words[0] if words and words[0] != "help" else ""
    for command in commands:
        if command.name == topic:
            load(command)[1].print_help()
            return 0
    if topic and topic not in topics.TOPICS:
        names = [*(each.name for each in commands), *topics.TOPICS]
        raise errors.UsageError(f"no help on '{topic}'{grammar.nearest(topic, names)}")
    print(topics.TOPICS[topic] if topic else overview(commands))
    return 0


def unknown(word: str, commands: Sequence[Command]) -> errors.GuardpostError:
    """What to say about a first word that is no command."""
    from guardpost.cli import hosts

    if hosts.is_address(word) or hosts.lookup(word):
        # A later version opens a shell here.
        return errors.UsageError(
            "this version has no shell yet; "
            f"use 'guardpost exec {word} -- CMD' or 'guardpost terminal {word}'"
        )
    names = [*(each.name for each in commands), "help", *hosts.load()]
    return errors.UsageError(
        f"no such command or target '{word}'{grammar.nearest(word, names)};"
        " 'guardpost help' lists the commands"
    )


def report(error: BaseException, args: argparse.Namespace) -> int:
    """Print the one line about `error` (its traceback with -v); returns the exit code."""
    error = innermost(error)
    if isinstance(error, BrokenPipeError):
        quiet_standard_output()
        return EXIT_BROKEN_PIPE
    if args.verbose:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    from guardpost.termsafe import safe_text

    word, text = describe(error)
    print(f"guardpost: {word}: {safe_text(text)}", file=sys.stderr)
    return exit_code(error, detailed=args.exit_codes == "detailed")


def innermost(error: BaseException) -> BaseException:
    """What a task group wrapped: the first of our own errors, or else the first."""
    while isinstance(error, BaseExceptionGroup):
        ours = error.subgroup(errors.GuardpostError) or error
        error = ours.exceptions[0]
    return error


def describe(error: BaseException) -> tuple[str, str]:
    """The fixed word for scripts, and the sentence for people."""
    match error:
        case errors.ChannelReset():
            return resets.word_of(error), resets.sentence_of(error)
        case errors.GuardpostError():
            return error.word, str(error)
        case OSError(strerror=str(reason)):
            word = {FileNotFoundError: "no-such-file", PermissionError: "permission"}
            name = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
            return word.get(type(error), "system"), name + reason
        case TimeoutError():
            return "timeout", str(error) or "it took longer than allowed"
        case ModuleNotFoundError(name=str(name)) if not name.startswith("guardpost"):
            extra = "ipmi" if name.startswith("pyghmi") else "console"
            return "missing-package", f"{name} is not here; pip install 'guardpost-sol[{extra}]'"
        case _:
            text = f"{type(error).__name__}: {error}"
            return "internal", f"{text} (a defect of guardpost; -v shows where)"


def exit_code(error: BaseException, *, detailed: bool) -> int:
    if isinstance(error, TimeoutError):
        return EXIT_TIMEOUT
    if isinstance(error, errors.ChannelReset) and error.code is errors.ResetCode.TIMEOUT:
        return EXIT_TIMEOUT
    if detailed and isinstance(error, errors.ChannelReset):
        return DETAILED_RESET_CODES.get(error.code, EXIT_ERROR)
    for kind, code in DETAILED_EXIT_CODES if detailed else ():
        if isinstance(error, kind):
            return code
    return EXIT_ERROR


def quiet_standard_output() -> None:
    """What is still buffered has no reader; without this the interpreter complains at its end."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
