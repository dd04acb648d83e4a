"""Who may import whom. A layer that reaches past its neighbour is a defect before it is a bug."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.tools import ROOT

PACKAGE = ROOT / "guardpost"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Layer -> what of ours it may import besides itself ("cli" may import anything).
LAYERS = {
    "__init__": (),
    "__main__": ("cli",),
    "errors": (),
    "baked": ("_baked",),
    "interrupts": (),
    "termsafe": (),
    "linepaths": (),
    "misread": (),
    "linefaults": ("linepaths", "errors"),
    "simline": ("linefaults", "errors"),
    "linepace": (),
    "linecontrol": ("errors",),
    "ptyend": ("ptyspeed", "errors"),
    "ptyspeed": (),
    "ptyline": (
        *("simline", "linefaults", "linepaths", "linepace", "linecontrol", "misread", "ptyend"),
        "errors",
    ),
    "protocol": ("_framing", "errors"),
    "host": ("errors",),
    "identity": ("errors",),
    "trust": ("errors", "identity"),
    "aio": ("protocol", "errors"),
    "transports": (
        *("_framing", "aio.stream", "protocol.limits", "ptyspeed", "termsafe", "errors"),
    ),
    "ports": ("transports.holders", "errors"),
    "services": ("_framing", "aio.channel", "host", "errors"),
    "agent": (
        *("services", "aio", "protocol", "identity", "trust", "termsafe", "errors"),
        # The prompt's own commands, which are no services.
        *("host.init", "host.login", "host.passwd", "host.programs", "host.terminal_pty"),
        *("host.children", "host.descriptors", "host.process_group"),
    ),
    "console": (
        *("services", "aio", "protocol", "identity", "trust", "interrupts", "termsafe", "errors"),
    ),
    "selftest": (
        *("agent", "services", "aio", "protocol", "transports", "host", "identity", "errors"),
    ),
    "cli": ("",),
}

# Names that only these modules may import.
ONLY_IN = {
    "guardpost._baked": ("baked",),
    "guardpost.baked": ("cli",),
    "guardpost._framing": (
        *("protocol.framing", "protocol.codec_paths", "transports.lineio"),
        "services.files.rolling",
    ),
    "guardpost.protocol.connection": ("protocol", "aio"),
    "argcomplete": ("cli",),
    "msgspec": ("protocol.messages", "services", "cli"),
    "nacl": ("protocol.handshake", "protocol.session", "identity", "trust", "agent.accounts"),
    "psutil": ("host",),
    "pyghmi": ("transports.ipmi",),
    "rich": ("cli",),
    "serial": ("transports.serial", "ports.windows"),
}

# What services share; a service knows no other service.
SHARED_BY_SERVICES = (
    *("services.action", "services.argv", "services.asker", "services.job", "services.kept"),
    *("services.event_queue", "services.listener", "services.program", "services.records"),
    *("services.relay", "services.socks", "services.table_delta", "services.thresholds"),
    "services.waiting",
)

# What would tie the protocol to a clock, a machine or an event loop.
NOT_SANS_IO = {
    *("asyncio", "datetime", "logging", "multiprocessing", "os", "pathlib", "random", "secrets"),
    *("select", "selectors", "signal", "socket", "subprocess", "sys", "threading", "time"),
}
SANS_IO = (
    "protocol",
    *(f"transports.amt.{name}" for name in ("digest", "messages", "redirection")),
    "transports.ipmi.sol",
    *("transports.telnet.comport", "transports.telnet.negotiation"),
)


def name_of(path: Path) -> str:
    """`guardpost/aio/driver.py` -> `aio.driver`; a package is called by its folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module that `path` imports, anywhere in it, by its full name."""
    package = ["guardpost", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def within(name: str, *places: str) -> bool:
    return any(not place or name == place or name.startswith(place + ".") for place in places)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    module = name_of(path)
    layer = module.partition(".")[0]
    assert layer in LAYERS, f"{module}: say in LAYERS what it may import"
    for name in imports(path):
        ours = name.removeprefix("guardpost.")
        if ours != name:
            assert within(ours, layer, *LAYERS[layer]), f"{module} must not import {name}"
        elif within(module, *SANS_IO):
            assert name.partition(".")[0] not in NOT_SANS_IO, f"{module} must not import {name}"
        for guarded, places in ONLY_IN.items():
            if within(name, guarded):
                assert within(module, *places), f"{module} must not import {guarded}"


def test_a_service_knows_no_other_service() -> None:
    for path in (PACKAGE / "services").rglob("[!_]*.py"):
        own = ".".join(name_of(path).split(".")[:2])  # a package is one service
        for name in imports(path):
            ours = name.removeprefix("guardpost.")
            if within(ours, "services"):
                assert within(ours, own, *SHARED_BY_SERVICES), f"{path.name}: {name}"


def test_only_the_standard_library_and_declared_packages_are_imported() -> None:
    declared = {*ONLY_IN, "guardpost", "cffi", *sys.stdlib_module_names}
    for path in MODULES:
        for name in imports(path):
            assert name.partition(".")[0] in declared, f"{name_of(path)} imports {name}"
