"""`guardpost agent [PORT]`: answer people and consoles on a port of this host, until stopped.

SIGTERM and Ctrl-C say goodbye to the console and give the port back as it was found.
"""

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from guardpost.cli import agent_accounts, agent_options, openssl
from guardpost.errors import NoSuchTarget, UsageError
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.agent.accounts import Accounts
    from guardpost.agent.admission import Admission
    from guardpost.agent.agent import Agent, OpenLine
    from guardpost.agent.authorized import AuthorizedConsoles
    from guardpost.agent.settings import SettingsFile
    from guardpost.cli.auto_port import AutoPort
    from guardpost.cli.service_status import ServiceStatus
    from guardpost.cli.shared_port import SharedPort
    from guardpost.identity import Identity
    from guardpost.transports.target import Target

__all__ = ["configure", "run"]

AUTO = "auto"
LISTENERS = ("tcp-listen", "unix-listen")

_log = logging.getLogger("guardpost.agent")


def configure(parser: argparse.ArgumentParser) -> None:
    agent_options.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal. Raises UsageError, KeyFileError and, for the port, TransportError."""
    if args.set_password is not None:
        agent_accounts.set_password(args)
        return 0
    if args.hash_password is not None:
        agent_accounts.print_hash(args)
        return 0
    if args.uninstall:
        from guardpost.cli import agent_install

        agent_install.uninstall()
        return 0
    openssl.leave_out()  # before anything imports asyncio
    import asyncio

    from guardpost.cli import agent_config, agent_files

    settings = agent_files.settings(args.config)
    args.origins = agent_config.fill(args, settings)
    target = port_of(args)
    if args.dump_config:
        dump_config(args, settings)
        return 0
    if args.install:
        from guardpost.cli import agent_install

        who_may(args, settings)  # the service would ask the same, and not start
        agent_install.install(args)
        return 0
    start_logging(args.verbose)
    watch_programs_without_threads()
    asyncio.run(serve(args, at_its_speed(target), settings))
    return 0


def dump_config(args: argparse.Namespace, settings: "SettingsFile") -> None:
    from guardpost.cli import agent_config, agent_files

    asked = asked_by_the_kernel(args)
    authorized = agent_files.authorized(args.allow, settings, asked)
    names = agent_accounts.accounts_of(args, asked).names() if args.prompt else []
    print(agent_config.as_toml(args, settings, authorized, names))


def watch_programs_without_threads() -> None:
    """As Python 3.12 does by itself; before, asyncio has a thread wait for each program."""
    if sys.platform == "linux" and sys.version_info < (3, 12):
        import asyncio

        try:
            os.close(os.pidfd_open(os.getpid()))
        except OSError:
            return  # a kernel before 5.3, or one that is told to refuse it
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())


def port_of(args: argparse.Namespace) -> "Target":
    """The target; of the scheme "auto" when the port is to be found. Raises UsageError."""
    from guardpost.agent.settings import SPEEDS
    from guardpost.transports.target import Target, parse_target

    target = Target(AUTO, "") if args.port == AUTO else parse_target(args.port)
    if args.take_over and sys.platform == "win32":
        raise UsageError("--take-over is not for Windows; end the program that has the port")
    if args.take_over and target.scheme not in ("serial", AUTO):
        raise UsageError("--take-over is for a serial port, and nobody else can have this line")
    if "raise-baud" in target.options:
        raise UsageError("?raise-baud= is the console's; an agent only agrees, or --no-raise-baud")
    if args.baud is None:
        return target
    if target.scheme not in ("serial", AUTO) or "baud" in target.options:
        raise UsageError("--baud is for a serial port that has no ?baud= of its own")
    if args.baud not in SPEEDS:
        raise UsageError(f"--baud is {SPEEDS[0]} to {SPEEDS[-1]} bit/s, and {args.baud} is not")
    return target._replace(options={**target.options, "baud": str(args.baud)})


def start_logging(verbose: int) -> None:
    """One line for each thing worth an audit, on standard error; never what was typed or sent."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)


# -- serving


async def serve(args: argparse.Namespace, target: "Target", settings: "SettingsFile") -> None:
    from guardpost import __version__
    from guardpost.agent.agent import Agent
    from guardpost.cli import agent_files, agent_identity
    from guardpost.host import randomness

    authorized, accounts = who_may(args, settings)
    identity = agent_identity.identity_of(args) if randomness.is_ready() else None
    with contextlib.ExitStack() as at_the_end:
        port = shared_port(args, at_the_end)
        status = service_status(args, at_the_end)
        agent = Agent(
            identity=identity,
            authorized=authorized,
            accounts=accounts,
            version=__version__,
            audit=agent_files.audit(args.audit, settings),
            channels=lambda: settings.now().channels,
            psk=psk_of(args),
            on_session=status.session,
            no_cable=lambda: no_cable(args, target, auto),
        )
        auto = auto_port(args, target, port) if target.scheme == AUTO else None
        open_line = auto.open if auto is not None else await opener_of(target, port, at_the_end)
        if target.scheme in ("serial", AUTO):  # opening may change what stays
            stop_on_signals(agent)
        stream = None
        try:
            if not waits(args, target) and (stream := await agent.open(open_line)) is None:
                return  # stopped
        except NoSuchTarget:
            if auto is None:
                raise
        where = partial(words_for_line, target, auto, args.origins["port"])
        say = speaker(args, f"agent on {where()}", who_comes_in(authorized, accounts))
        stop_on_signals(agent)
        listens = target.scheme in LISTENERS
        told = status.told(open_line, where, listens=listens, is_open=stream is not None)
        await agent.run(told, stream, identity_later(args, agent, say))


def waits(args: argparse.Namespace, target: "Target") -> bool:
    """Whether no line is no error; a listener is open, and waits for whoever comes first."""
    return args.wait or args.recovery or target.scheme in LISTENERS


def shared_port(args: argparse.Namespace, at_the_end: contextlib.ExitStack) -> "SharedPort":
    from guardpost.cli.shared_port import SharedPort

    port = SharedPort(take_over=args.take_over, tell=_log.warning)
    at_the_end.callback(port.give_back)
    return port


def service_status(args: argparse.Namespace, at_the_end: contextlib.ExitStack) -> "ServiceStatus":
    from guardpost.cli.service_status import ServiceStatus

    status = ServiceStatus(os.environ, kernel_hush(args, at_the_end))
    at_the_end.callback(status.stopping)
    return status


def identity_later(
    args: argparse.Namespace, agent: "Agent", say: Callable[[str], None]
) -> "Callable[[], Awaitable[Identity]] | None":
    """What the agent waits for beside its line; None when it has its identity, which is said."""
    from guardpost.agent.introduction import NOT_READY
    from guardpost.cli import agent_identity

    if agent.identity is not None:
        say_who_we_are(agent.identity, say)
        return None
    say(NOT_READY)
    tell = partial(say_who_we_are, say=say)
    return agent_identity.later(partial(agent_identity.identity_of, args), tell)


def who_may(
    args: argparse.Namespace, settings: "SettingsFile"
) -> "tuple[AuthorizedConsoles, Accounts | None]":
    """Who was let in for this agent, by whomever. Raises UsageError, KeyFileError."""
    from guardpost.cli import agent_files

    asked = asked_by_the_kernel(args)
    authorized = agent_files.authorized(args.allow, settings, asked)
    accounts = agent_accounts.accounts_of(args, asked) if args.prompt else None
    require_somebody(authorized, accounts, asked)
    return authorized, accounts


def asked_by_the_kernel(args: argparse.Namespace) -> "Admission":
    from guardpost.agent.admission import NOTHING_ASKED

    if not args.recovery:
        return NOTHING_ASKED
    from guardpost.cli import recovery

    return recovery.asked_by_the_kernel()


def psk_of(args: argparse.Namespace) -> bytes | None:
    from guardpost.identity.psk import read_psk

    return read_psk(Path(args.psk).expanduser()) if args.psk else None


def kernel_hush(
    args: argparse.Namespace, at_the_end: contextlib.ExitStack
) -> Callable[[bool], None]:
    """What becomes of the kernel's messages with --quiet-kernel. Raises UsageError."""
    if not args.quiet_kernel:
        return lambda live: None
    from guardpost.host.kernel_log import KernelLog

    log = KernelLog()
    at_the_end.callback(log.restore)
    return lambda live: log.quiet() if live else log.restore()


def no_cable(args: argparse.Namespace, target: "Target", auto: "AutoPort | None") -> str:
    """Why a console that asks for another speed is refused; "" if it is not."""
    if not args.raise_baud:
        return "it was started with --no-raise-baud, or raise-baud = false"
    from guardpost import ports
    from guardpost.ports.cable import no_cable

    used = auto.target if auto is not None else target
    return no_cable(ports.survey(), used.address if used is not None else "")


def require_somebody(
    authorized: "AuthorizedConsoles", accounts: "Accounts | None", asked: "Admission"
) -> None:
    """An agent that nobody could use is a mistake. Raises UsageError, KeyFileError.

    Where the kernel command line wanted somebody in, the agent is there to say what is wrong.
    """
    entries = authorized.entries()
    warnings = [*asked.warnings, *authorized.warnings]
    if not entries and (accounts is None or not accounts.any()):
        ways = "give --allow KEY (what `guardpost key` prints at the console)"
        if accounts is not None:
            ways += ", or set a password: guardpost agent --set-password"
        if not asked.was_asked:
            raise UsageError(f"nobody could use this agent; {ways}")
        warnings.append("nobody could use this agent")
    for warning in warnings:
        _log.warning("%s", safe_text(warning))


def at_its_speed(target: "Target") -> "Target":
    """Also a port that was named has the speed that the kernel or the firmware says."""
    if target.scheme != "serial" or os.path.realpath(target.address).startswith("/dev/pts/"):
        return target  # nobody says one of a pty
    from guardpost import ports
    from guardpost.cli import auto_port

    return auto_port.at_its_speed(target, ports.survey)


def auto_port(args: argparse.Namespace, target: "Target", port: "SharedPort") -> "AutoPort":
    from guardpost import ports
    from guardpost.cli.auto_port import AutoPort

    baud = target.options.get("baud")
    return AutoPort(
        *(ports.survey, port.open, int(baud) if baud else None), spare_console=args.recovery
    )


async def opener_of(
    target: "Target", port: "SharedPort", at_the_end: contextlib.ExitStack
) -> "OpenLine":
    """What opens the line, each time it is needed. A listener stays for all its peers."""
    if target.scheme in LISTENERS:
        from guardpost.transports.sockets import open_listener

        listener = await open_listener(target)
        at_the_end.callback(listener.close)
        _log.info("listening; consoles connect to %s", listener.address)
        return listener.accept
    return lambda: port.open(target)


def speaker(args: argparse.Namespace, *first: str) -> Callable[[str], None]:
    """What says something to an administrator: on stderr, in recovery to the kernel's log, too.

    It has said `first`.
    """
    from guardpost.host.kernel_log import tell_kernel_log

    def say(text: str) -> None:
        print(f"guardpost: {text}", file=sys.stderr, flush=True)
        if args.recovery:
            tell_kernel_log(text)

    for each in first:
        say(each)
    return say


def who_comes_in(authorized: "AuthorizedConsoles", accounts: "Accounts | None") -> str:
    count = len(authorized.entries())
    text = "no text prompt" if accounts is None else "text prompt"
    if accounts is not None and not accounts.any():
        text = "text prompt without login (no password is set)"
    return f"{count} console key{'' if count == 1 else 's'} allowed, {text}"


def say_who_we_are(identity: "Identity", say: Callable[[str], None]) -> None:
    from guardpost.identity import fingerprint, words

    say(f"key {identity.public_key}{' (ephemeral)' if identity.is_ephemeral else ''}")
    say(f"fingerprint {fingerprint(identity.public)}")
    say(f"words {words(identity.public)}")


def words_for_line(target: "Target", auto: "AutoPort | None", named_in: str) -> str:
    """Which port, why that one, and its speed where it has one."""
    others = {"command line": "named on the command line", "baked in": "baked in"}
    why = others.get(named_in, f"named in {named_in}")
    if auto is not None:
        if auto.target is None:
            return auto.outlook
        target, why = auto.target, auto.why
    speed = ""
    if target.scheme == "serial":
        from guardpost.transports.serial import DEFAULT_BAUD
        from guardpost.transports.virtio_port import is_virtio_port

        if not is_virtio_port(target.address):
            speed = f", {target.options.get('baud', DEFAULT_BAUD)} bit/s"
    return f"{target} ({why}){speed}"


def stop_on_signals(agent: "Agent") -> None:
    import asyncio
    import signal

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(agent.stop))
        else:
            loop.add_signal_handler(number, agent.stop)
    if sys.platform != "win32":
        # Whoever started us from a terminal may leave it; keys are read again at each use anyway.
        loop.add_signal_handler(signal.SIGHUP, lambda: _log.info("SIGHUP changes nothing"))
