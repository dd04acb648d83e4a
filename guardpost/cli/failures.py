"""What an error means to whoever ran the command: one line, and an exit code.

Imported when there is an error, so that a command without one does not pay for it.
"""

import argparse
import os
import sys

from guardpost import errors
from guardpost.cli import resets
from guardpost.termsafe import safe_text

__all__ = ["report"]

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
# What a command, a file or a port is to blame for, and another attempt would meet again.
SAY_WHY = (errors.UsageError, errors.KeyFileError, errors.TransportError)
DETAILED_RESET_CODES = {errors.ResetCode.NOT_ALLOWED: 5, errors.ResetCode.LOST: 6}


def report(error: BaseException, args: argparse.Namespace | None) -> int:
    """Print the one line about `error` (its traceback with -v); returns the exit code.

    `args` are the command's, as far as they were read; None without a command.
    """
    error = innermost(error)
    if isinstance(error, BrokenPipeError):
        quiet_standard_output()
        return EXIT_BROKEN_PIPE
    if args is not None and args.verbose:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    word, text = describe(error)
    print(f"guardpost: {word}: {safe_text(text)}", file=sys.stderr)
    if args is None:
        return exit_code(error)
    detailed = args.exit_codes == "detailed"
    return exit_code(error, detailed=detailed, of_defect=args.exit_of_defect)


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


def exit_code(error: BaseException, *, detailed: bool = False, of_defect: int = EXIT_ERROR) -> int:
    """`of_defect` is for what no user or administrator could have done otherwise."""
    if isinstance(error, TimeoutError):
        return EXIT_TIMEOUT
    if isinstance(error, errors.ChannelReset) and error.code is errors.ResetCode.TIMEOUT:
        return EXIT_TIMEOUT
    if detailed and isinstance(error, errors.ChannelReset):
        return DETAILED_RESET_CODES.get(error.code, EXIT_ERROR)
    for kind, code in DETAILED_EXIT_CODES if detailed else ():
        if isinstance(error, kind):
            return code
    return EXIT_ERROR if isinstance(error, SAY_WHY) else of_defect


def quiet_standard_output() -> None:
    """What is still buffered has no reader; without this the interpreter complains at its end."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
