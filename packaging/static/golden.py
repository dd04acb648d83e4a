"""A golden configuration: what --authorise and its like put into the executable.

Only what is plainly wrong is refused here; the executable says the rest itself (--version -v).
"""

import argparse
import base64
import binascii
import os
import re
import tomllib
from pathlib import Path

from static.report import BuildError

__all__ = ["add_options", "configuration"]

KEY_BYTES = 32
SEED = re.compile(r"[0-9a-fA-F]{64}")
# As guardpost writes an identity file.
PRIVATE = "guardpost-key-1:"
EXPECTED = f"give 64 hex digits, a line {PRIVATE}..., or an identity file"


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("configuration to put inside")
    group.add_argument(
        "--authorise",
        metavar="KEY",
        action="append",
        default=[],
        help="a console's public key, a line of authorized_consoles, or a file of them",
    )
    group.add_argument("--policy", metavar="FILE", type=Path, help="an agent.toml")
    group.add_argument(
        "--password-hash",
        metavar="NAME:HASH",
        action="append",
        default=[],
        help="for the text prompt; `guardpost agent --hash-password NAME` prints one",
    )
    group.add_argument(
        "--identity-seed",
        metavar="HEX_OR_FILE",
        default="",
        help="the agent's private key: 64 hex digits, the line of an identity file, or such a "
        "file; the executable is then a secret, and only its owner can read it",
    )


def configuration(args: argparse.Namespace) -> dict[str, str]:
    """The fields of program.Baked that hold it. Raises BuildError."""
    return {
        "authorized": "".join(authorised(each) for each in args.authorise),
        "policy": policy(args.policy) if args.policy else "",
        "password_hashes": "".join(f"{account(each)}\n" for each in args.password_hash),
        "identity_seed": seed(args.identity_seed) if args.identity_seed else "",
    }


def read(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BuildError(f"{option} {path}: {error}") from None


def authorised(given: str) -> str:
    # A long line is no path: os.path only says that there is no such file.
    text = read(Path(given), "--authorise") if os.path.isfile(given) else given
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    wrong = [line for line in lines if not any(is_key(word) for word in line.split())]
    if wrong or not lines:
        about = f"{wrong[0][:60]!r} has no key" if wrong else "there is no key in it"
        raise BuildError(f"--authorise: {about}; `guardpost key` prints a console's")
    return text if text.endswith("\n") else f"{text}\n"


def is_key(word: str) -> bool:
    try:
        return len(base64.b64decode(word, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def policy(path: Path) -> str:
    text = read(path, "--policy")
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"--policy {path}: {error}") from None
    return text


def account(line: str) -> str:
    if not re.fullmatch(r"[\w.-]+:\$argon2id\$\S+", line.strip(), re.ASCII):
        raise BuildError(
            "--password-hash is no NAME:HASH; `guardpost agent --hash-password NAME` prints one "
            "(in quotes: it holds $)"
        )
    return line.strip()


def seed(given: str) -> str:
    """Nothing of what was given is shown: it may be a secret all the same."""
    text = given
    if not SEED.fullmatch(given) and not given.startswith(PRIVATE):
        try:
            text = Path(given).read_text(encoding="utf-8")
        except OSError as error:
            raise BuildError(
                f"--identity-seed is no key, and as a file: {error.strerror}; {EXPECTED}"
            ) from None
        except ValueError:
            text = ""  # no text, so no key
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if len(lines) == 1 and lines[0].startswith(PRIVATE) and is_key(lines[0][len(PRIVATE) :]):
        return base64.b64decode(lines[0][len(PRIVATE) :]).hex()
    if len(lines) == 1 and SEED.fullmatch(lines[0]):
        return lines[0].lower()
    raise BuildError(f"--identity-seed has no key; {EXPECTED}")
