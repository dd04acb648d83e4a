"""The options of `guardpost agent`. Those that agent.toml has, too, are None when not given."""

import argparse

from guardpost.cli import agent_accounts

__all__ = ["configure"]


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        *("port",),
        metavar="PORT",
        nargs="?",
        help="/dev/ttyS0, COM3, tcp-listen:[HOST:]PORT, unix-listen:/path, ...; auto finds one",
    )
    add("--baud", type=int, metavar="N", help="speed of a serial port in bit/s (115200)")
    key = parser.add_mutually_exclusive_group()
    key.add_argument("--identity", metavar="FILE", help="our private key, made on first use")
    key.add_argument("--ephemeral", action="store_true", help="a new key, written nowhere")
    add(
        *("--allow",),
        action="append",
        default=[],
        metavar="KEY_OR_FILE",
        help="a console's public key, or a file of them; may be given more than once",
    )
    add("--config", metavar="FILE", help="options, roles, limits (/etc/guardpost/agent.toml)")
    add("--audit", metavar="FILE", help="who did what, in a file beside the journal or syslog")
    add("--psk", metavar="FILE", help="a secret that both sides also hold")
    switch(parser, "prompt", "a text prompt; --no-prompt is for consoles only")
    agent_accounts.configure(parser)
    add(
        *("--no-raise-baud",),
        dest="raise_baud",
        action="store_false",
        default=None,
        help="keep the speed, whatever a console asks",
    )
    configure_service(parser)


def configure_service(parser: argparse.ArgumentParser) -> None:
    """What becomes of the host, and of others who use the port."""
    add = parser.add_argument
    add("--wait", action="store_true", help="wait for a port that is not there yet, or busy")
    add(
        *("--recovery",),
        action="store_true",
        help="a rescue system: whom the kernel command line allows, an ephemeral key, and --wait",
    )
    switch(parser, "take-over", "stop who has the port, a getty above all, until the end")
    switch(parser, "quiet-kernel", "fewer kernel messages on the host's consoles in a session")
    add("--install", action="store_true", help="make this a service of the host, started at boot")
    add("--uninstall", action="store_true", help="remove what --install made, and nothing else")
    add("--dump-config", action="store_true", help="print all this as an agent.toml, and end")


def switch(parser: argparse.ArgumentParser, name: str, help: str) -> None:
    parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=help)
