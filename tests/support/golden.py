"""A golden configuration as build_frozen.py bakes it in."""

import types

from guardpost.agent.accounts import account_line
from guardpost.baked import Facts
from guardpost.identity import Identity, ephemeral

__all__ = ["CONSOLE", "IDENTITY", "PASSWORD", "golden"]

CONSOLE = ephemeral(lambda count: b"c" * count).public_key
IDENTITY = Identity(bytes(range(1, 33)))
PASSWORD = "correct horse"


def golden(**changed: object) -> Facts:
    """Everything baked in; `changed` are constants of guardpost._baked."""
    constants = {
        "VARIANT": "agent",
        "TARGET": "x86_64",
        "PARTS": (("CPython", "3.11.2"), ("libsodium", "1.0.20")),
        "LICENSES": (("CPython", "the licence of CPython"), ("libsodium", "that of libsodium")),
        "AUTHORIZED": f'role="web" {CONSOLE} ann@desk\n',
        "POLICY": '[roles.web]\npermit = "monitor"\n',
        "PASSWORD_HASHES": account_line("ann", PASSWORD) + "\n",
        "IDENTITY_SEED": IDENTITY.private.hex(),
        **changed,
    }
    module = types.ModuleType("guardpost._baked")
    vars(module).update(constants)
    return Facts(module)
