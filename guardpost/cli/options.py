"""The options that many commands share, so that they mean the same everywhere."""

import argparse

__all__ = ["add_common_options", "add_console_options"]


def add_console_options(parser: argparse.ArgumentParser, *, json: bool = False) -> None:
    """Add what every command with a TARGET takes.

    Sets identity, agent_key, known_agents and psk (str or None), trust_new and no_owner (bool),
    connect_timeout and persist (seconds), raise_baud (bit/s, 0 for no), quiet and json (bool;
    --json only where `json`).
    """
    group = parser.add_argument_group("connection")
    group.add_argument("--identity", metavar="FILE", help="our private key")
    group.add_argument("--agent-key", metavar="KEY", help="the only agent key to accept")
    group.add_argument("--trust-new", action="store_true", help="accept an unknown agent key")
    group.add_argument("--known-agents", metavar="FILE", help="where accepted agent keys stand")
    group.add_argument("--psk", metavar="FILE", help="a secret that both sides also hold")
    group.add_argument(
        *("--connect-timeout",),
        type=seconds,
        default=30.0,
        metavar="S",
        help="give up after S seconds without a session (30)",
    )
    group.add_argument(
        "--no-owner", action="store_true", help="hold the line in this process, share it with none"
    )
    group.add_argument(
        *("--persist",),
        type=seconds,
        default=10.0,
        metavar="S",
        help="keep the session for S seconds after its last user (10)",
    )
    group.add_argument(
        *("--raise-baud",),
        nargs="?",
        type=speed,
        default=0,
        metavar="N",
        help="run a cable at up to =N bit/s, or as fast as both ports can, if the agent agrees",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="errors only")
    parser.set_defaults(json=False)
    if json:
        parser.add_argument("--json", action="store_true", help="JSON on standard output")


def add_common_options(parser: argparse.ArgumentParser, *, exit_codes: bool) -> None:
    """Add what every command takes; what the command has declared itself stays as it is."""
    try:
        parser.add_argument("-v", "--verbose", action="count", default=0, help="say more")
    except argparse.ArgumentError:
        pass
    if exit_codes:
        parser.add_argument(
            *("--exit-codes",),
            choices=["plain", "detailed"],
            default="plain",
            help="detailed: 3 no such target, 4 busy, 5 not allowed, 6 line lost, 7 agent silent",
        )


def speed(text: str) -> int:
    """A speed in bit/s; raises ValueError, which argparse reports."""
    value = int(text)
    if not 50 <= value <= 20_000_000:
        raise ValueError(text)
    return value


def seconds(text: str) -> float:
    """A number of seconds, 0 or more; raises ValueError, which argparse reports."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value
