"""The command line: one file per command, `cmd_NAME.py`, with two functions.

`configure(parser)` adds its arguments to an `argparse.ArgumentParser`; `run(args) -> int` does the
work and returns the exit code. Errors are raised; only failures.py turns them into words and
codes.
"""
