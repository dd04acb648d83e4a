"""Who may log in at the text prompt: guardpost's own accounts, so that the audit knows who.

The file has a line NAME:ARGON2ID-HASH per account; empty lines and lines that
begin with # are kept and ignored. It is read again at each login.
"""

import asyncio
import contextlib
import enum
import os
import re
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from guardpost.errors import KeyFileError, UsageError

__all__ = ["DEFAULT_PATH", "Accounts", "Verdict", "account_line", "names_in", "parse_account"]
__all__ += ["set_password"]

DEFAULT_PATH: Final = (
    Path(os.environ.get("PROGRAMDATA", "C:\\ProgramData"), "guardpost", "accounts")
    if sys.platform == "win32"
    else Path("/etc/guardpost/accounts")
)

# A rescue system with 64 MiB must still let people in; more passes make up for it
# (OWASP password storage: m = 7 MiB, t = 5 for Argon2id).
MEMORY_BYTES: Final = 8 * 1024 * 1024
PASSES: Final = 5
MAX_DELAY_SECONDS: Final = 60.0
MAX_FILE_BYTES: Final = 1 << 20
MAX_PASSWORD_CHARS: Final = 1000

# Verified when there is no such account, so that its absence takes as long to find.
# The password of it is 32 random bytes that nobody kept.
_NOBODY: Final = (
    b"$argon2id$v=19$m=8192,t=5,p=1$WkWfJxsE2OKk+SMK90EMFQ$2XB6qjBlm5F"
    b"l0hPOa0aCQBwMJC36sQqsZvViYPiRfJE"
)
_HASH: Final = re.compile(
    r"\$argon2id\$v=19\$m=\d{1,10},t=\d{1,10},p=\d{1,3}\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+", re.ASCII
)
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")


class Verdict(enum.Enum):
    """What became of a login."""

    RIGHT = "right"
    WRONG = "wrong"  # name or password; nobody learns which
    BUSY = "busy"  # another login is being checked


class Accounts:
    """Checks passwords, one at a time, ever more slowly while they are wrong.

    One object for all prompts of an agent: the delay is global. `failures` counts
    wrong passwords since the agent started. `first` and `last` are lines as in the file, which
    count before it and behind it; `path` None is no file.
    """

    def __init__(
        self,
        path: Path | None = DEFAULT_PATH,
        *,
        first: str = "",
        last: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._first, self._last = _hashes(first.encode()), _hashes(last.encode())
        self._clock = clock
        self._checking: asyncio.Task[bool] | None = None
        self._wrong_in_a_row = 0
        self._not_before = clock()
        self.failures = 0

    def any(self) -> bool:
        """Whether anybody could log in. Raises KeyFileError when the file cannot be used."""
        return bool(self._known())

    def names(self) -> list[str]:
        """Who has one; nobody where the file cannot be read."""
        try:
            return sorted(self._known())
        except KeyFileError:
            return []

    def _known(self) -> dict[str, bytes]:
        file = _hashes(_read(self._path)) if self._path is not None else {}
        return {**self._last, **file, **self._first}

    def wait_seconds(self) -> float:
        """How long the next check waits before it begins."""
        return max(self._not_before - self._clock(), 0.0)

    async def verify(self, name: str, password: str) -> Verdict:
        """Check a password. Cancelling it takes nothing back: the check goes on and counts.

        Raises KeyFileError when the file cannot be used.
        """
        if self._checking is not None:
            return Verdict.BUSY
        self._checking = asyncio.ensure_future(self._verify(name, password))
        self._checking.add_done_callback(self._checked)
        return Verdict.RIGHT if await asyncio.shield(self._checking) else Verdict.WRONG

    def _checked(self, task: "asyncio.Task[bool]") -> None:
        self._checking = None
        if not task.cancelled():
            task.exception()  # nobody may be waiting for it any more

    async def _verify(self, name: str, password: str) -> bool:
        while (wait := self.wait_seconds()) > 0:
            await asyncio.sleep(wait)
        known = self._known().get(name)
        right = await asyncio.to_thread(matches, known or _NOBODY, password)
        right = right and known is not None
        self._count(right)
        return right

    def _count(self, right: bool) -> None:
        if right:
            self._wrong_in_a_row = 0
            return
        self.failures += 1
        self._wrong_in_a_row += 1
        # The exponent is bounded: years of wrong passwords must not overflow a float.
        delay = min(2.0 ** min(self._wrong_in_a_row - 1, 10), MAX_DELAY_SECONDS)
        self._not_before = self._clock() + delay


def matches(known: bytes, password: str) -> bool:
    """Whether `known`, an Argon2id hash, is one of `password`."""
    from nacl.bindings import crypto_pwhash_str_verify
    from nacl.exceptions import CryptoError

    try:
        return crypto_pwhash_str_verify(known, password.encode())
    # A damaged hash opens to nobody.
    except (CryptoError, ValueError):
        return False


def set_password(path: Path, name: str, password: str) -> None:
    """Give `name` this password; the file is made if need be, and replaced as a whole.

    Raises UsageError when name or password could not be typed at the prompt,
    KeyFileError when the file cannot be read or written.
    """
    line = account_line(name, password).encode()
    lines = _read(path).splitlines() if path.exists() else []
    kept = [each for each in lines if not each.startswith(name.encode() + b":")]
    _replace(path, b"".join([each + b"\n" for each in [*kept, line]]))


def account_line(name: str, password: str) -> str:
    """The line of the file with which `name` has this password.

    Raises UsageError when name or password could not be typed at the prompt.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be an account; use up to 32 letters, digits, and _ . - within"
        )
    if not password or len(password) > MAX_PASSWORD_CHARS:
        raise UsageError(f"a password has 1 to {MAX_PASSWORD_CHARS} characters")
    if not all(" " <= char <= "~" for char in password):
        raise UsageError("a password has only characters that every terminal can type: ASCII")
    from nacl.bindings import crypto_pwhash_ALG_ARGON2ID13, crypto_pwhash_str_alg

    hashed = crypto_pwhash_str_alg(
        password.encode(), PASSES, MEMORY_BYTES, crypto_pwhash_ALG_ARGON2ID13
    )
    return f"{name}:{hashed.rstrip(bytes(1)).decode()}"


def parse_account(line: str) -> str:
    """`line` as it may stand in the file, NAME:HASH. Raises UsageError, which shows none of it."""
    name, _, hashed = line.strip().partition(":")
    if not (_NAME.fullmatch(name) and _HASH.fullmatch(hashed)):
        made = (
            "`guardpost agent --hash-password NAME` prints one; where $ means something, quote it"
        )
        raise UsageError(f"it is not NAME:HASH with an Argon2id hash; {made}")
    return f"{name}:{hashed}"


def names_in(text: str) -> list[str]:
    """Who has a password by `text`, lines as in the file."""
    return sorted(_hashes(text.encode()))


def _read(path: Path) -> bytes:
    """The file; empty when there is none. Raises KeyFileError."""
    try:
        with path.open("rb") as file:
            if sys.platform != "win32" and os.fstat(file.fileno()).st_mode & 0o077:
                raise KeyFileError(f"{path} can be read by others; do: chmod 600 {path}")
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise KeyFileError(f"{path} is larger than {MAX_FILE_BYTES} bytes; is it an accounts file?")
    return data


def _hashes(data: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for line in data.splitlines():
        name, _, hashed = line.strip().partition(b":")
        if hashed.startswith(b"$argon2id$") and not name.startswith(b"#"):
            found[name.decode("utf-8", "replace")] = hashed
    return found


def _replace(path: Path, data: bytes) -> None:
    """Write beside and rename, so that a full disk or a power cut leaves the old file."""
    beside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        descriptor = os.open(
            beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR
        )
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        if sys.platform != "win32":
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise KeyFileError(f"{path} cannot be written: {error.strerror}") from None
