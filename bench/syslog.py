"""A syslog such as a small server writes in some days: the same bytes each time.

What repeats in a real one repeats here (the lines of one connection, of one job), and what does
not (times, pids, addresses, ports, ids, fingerprints) is random.
"""

from collections.abc import Callable, Iterator
from random import Random

__all__ = ["syslog"]

_EPOCH_DAY = 11  # of November
_LINES_PER_SECOND = 0.4
_NAMES = ("admin", "test", "oracle", "git", "ubuntu", "user", "ftpuser", "pi", "guest", "steam")
_USERS = ("deploy", "anna", "backup")
_JOBS = (
    ("root", "   cd / && run-parts --report /etc/cron.hourly"),
    ("root", "command -v debian-sa1 > /dev/null && debian-sa1 1 1"),
    ("backup", "/usr/local/bin/snapshot --quiet /srv"),
)
_UNITS = (
    ("apt-daily", "Daily apt download activities"),
    ("logrotate", "Rotate log files"),
    ("fstrim", "Discard unused blocks on filesystems from /etc/fstab"),
    ("sysstat-collect", "system activity accounting tool"),
    ("systemd-tmpfiles-clean", "Cleanup of Temporary Directories"),
    ("phpsessionclean", "Clean php session files"),
)

_Lines = Iterator[tuple[str, str]]  # who ("sshd[4711]"), what


def syslog(size: int, seed: int = 1) -> bytes:
    """`size` bytes of lines, the last one cut."""
    random = Random(seed)
    out = bytearray()
    seconds = 0.0
    uptime = 81345.0
    while len(out) < size:
        happening = random.choices(_HAPPENINGS, _WEIGHTS)[0]
        seconds += random.expovariate(_LINES_PER_SECOND)
        for who, what in happening(random):
            seconds += random.random() / 4
            if who == "kernel":
                what = f"[{uptime + seconds:.6f}] {what}"
            out += f"{_stamp(seconds)} web01 {who}: {what}\n".encode()
    return bytes(out[:size])


def _stamp(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"Nov {_EPOCH_DAY + days:2d} {hour:02d}:{minute:02d}:{second:02d}"


def _pid(random: Random) -> int:
    return random.randrange(1000, 4_194_304)


def _address(random: Random) -> str:
    return ".".join(str(random.randrange(1, 255)) for _ in range(4))


def _guess(random: Random) -> _Lines:
    """Somebody guesses passwords."""
    who, address, name = f"sshd[{_pid(random)}]", _address(random), random.choice(_NAMES)
    port = random.randrange(1024, 65536)
    yield who, f"Invalid user {name} from {address} port {port}"
    yield who, "pam_unix(sshd:auth): check pass; user unknown"
    failure = "authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost="
    yield who, f"pam_unix(sshd:auth): {failure}{address}"
    yield who, f"Failed password for invalid user {name} from {address} port {port} ssh2"
    yield who, f"Connection closed by invalid user {name} {address} port {port} [preauth]"


def _login(random: Random) -> _Lines:
    who, user, port = f"sshd[{_pid(random)}]", random.choice(_USERS), random.randrange(1024, 65536)
    number = random.randrange(1000, 9000)
    key = f"ED25519 SHA256:{random.randbytes(21).hex()}"
    yield who, f"Accepted publickey for {user} from 10.20.0.{number % 9} port {port} ssh2: {key}"
    opened = f"pam_unix(sshd:session): session opened for user {user}(uid=1001) by (uid=0)"
    yield who, opened
    yield "systemd-logind[612]", f"New session {number} of user {user}."
    yield "systemd[1]", f"Started session-{number}.scope - Session {number} of User {user}."
    yield who, f"Received disconnect from 10.20.0.{number % 9} port {port}:11: disconnected by user"
    yield who, f"pam_unix(sshd:session): session closed for user {user}"
    yield "systemd[1]", f"session-{number}.scope: Deactivated successfully."
    yield "systemd-logind[612]", f"Removed session {number}."


def _job(random: Random) -> _Lines:
    who, (user, command) = f"CRON[{_pid(random)}]", random.choice(_JOBS)
    yield who, f"pam_unix(cron:session): session opened for user {user}(uid=0) by (uid=0)"
    yield who, f"({user}) CMD ({command})"
    yield who, f"pam_unix(cron:session): session closed for user {user}"


def _unit(random: Random) -> _Lines:
    name, words = random.choice(_UNITS)
    yield "systemd[1]", f"Starting {name}.service - {words}..."
    yield "systemd[1]", f"{name}.service: Deactivated successfully."
    yield "systemd[1]", f"Finished {name}.service - {words}."
    if random.random() < 0.5:
        yield "systemd[1]", f"{name}.service: Consumed {random.random() * 9:.3f}s CPU time."


def _blocked(random: Random) -> _Lines:
    """The firewall drops a packet: little in it repeats."""
    where = "IN=eth0 OUT= MAC=52:54:00:1c:2b:7e:fe:54:00:9a:11:02:08:00"
    ports = f"SPT={random.randrange(1024, 65536)} DPT={random.randrange(1, 65536)}"
    numbers = f"TTL={random.randrange(40, 250)} ID={random.randrange(65536)}"
    yield (
        "kernel",
        f"[UFW BLOCK] {where} SRC={_address(random)} DST=203.0.113.17 LEN=44 TOS=0x00 PREC=0x00 "
        f"{numbers} PROTO=TCP {ports} WINDOW=1024 RES=0x00 SYN URGP=0",
    )


_HAPPENINGS: tuple[Callable[[Random], _Lines], ...] = (_guess, _login, _job, _unit, _blocked)
_WEIGHTS = (4, 1, 2, 3, 4)
