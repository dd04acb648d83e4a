"""RDP for real: Debian's xrdp, and xfreerdp on a screen of its own, up to the log-on window."""

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from support.running import running
from support.screen import Box, Picture, Screen
from support.tcp import free_port
from support.tools import ROOT, need

__all__ = ["OPTIONS", "PARTS", "SIZE", "await_log_on", "missing", "xfreerdp", "xrdp"]

SIZE = (640, 480)

_CONFIG = Path("/etc/xrdp/xrdp.ini")

Colour = tuple[int, int, int]
TEAL: Colour = (0x00, 0x9C, 0xB5)
GREY: Colour = (0xDE, 0xDE, 0xDE)
WHITE: Colour = (0xFF, 0xFF, 0xFF)
BLACK: Colour = (0x00, 0x00, 0x00)

_LETTERS = (0.02, 0.4)
_PLAIN = (0.8, 1.0)

# Of each part, the share that has its colour, at least and at most. Places and colours are those of
# Debian's xrdp.ini (ls_...): a window of 350 x 430 in the middle of the screen.
PARTS: dict[str, tuple[Box, Colour, tuple[float, float]]] = {
    "Cancel": ((382, 395, 85, 30), BLACK, _LETTERS),
    "OK": ((287, 395, 85, 30), BLACK, _LETTERS),
    "password": ((175, 298, 70, 18), BLACK, _LETTERS),
    "its box": ((258, 300, 200, 14), WHITE, _PLAIN),
    "username": ((175, 272, 70, 18), BLACK, _LETTERS),
    "its box, with a name": ((258, 274, 200, 14), WHITE, _PLAIN),
    "Session": ((175, 246, 70, 18), BLACK, _LETTERS),
    "the title": ((148, 28, 60, 16), WHITE, _LETTERS),
    "the title's bar": ((148, 28, 340, 16), TEAL, _PLAIN),
    "the window": ((148, 340, 340, 50), GREY, _PLAIN),
    "what is behind it": ((0, 0, 140, 480), TEAL, _PLAIN),
}


def _options() -> list[str]:
    """Of xfreerdp, as docs/operating.md has them, without where to."""
    text = (ROOT / "docs/operating.md").read_text()
    found = re.search(r"^    xfreerdp /v:\S+ (.*)$", text, re.MULTILINE)
    assert found is not None
    return found[1].split()


OPTIONS = _options()


def missing(picture: Picture) -> list[str]:
    """The parts of the log-on window that are not there; what is drawn last comes first."""
    return [what for what, part in PARTS.items() if not _shows(picture, *part)]


def _shows(picture: Picture, box: Box, wanted: Colour, shares: tuple[float, float]) -> bool:
    """Colours come in 16 bits a pixel: they are near, not equal."""
    found = picture.colours(box)
    alike = sum(
        count
        for colour, count in found.items()
        if all(abs(a - b) <= 16 for a, b in zip(colour, wanted, strict=True))
    )
    least, most = shares
    return least <= alike / found.total() <= most


@contextlib.contextmanager
def xrdp() -> Iterator[int]:
    """Yields the port on 127.0.0.1. It runs by Debian's settings, with a certificate of its own."""
    program, port = need("xrdp"), free_port()
    with tempfile.TemporaryDirectory(prefix="xrdp-") as folder:
        key, certificate = f"{folder}/key.pem", f"{folder}/certificate.pem"
        make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=host"]
        subprocess.run(
            [need("openssl"), *make, "-keyout", key, "-out", certificate],
            check=True,
            capture_output=True,
        )
        own = {"port": f"tcp://127.0.0.1:{port}", "certificate": certificate, "key_file": key}
        own |= {"LogFile": f"{folder}/xrdp.log", "EnableSyslog": "false"}
        config = _CONFIG.read_text()
        for name, value in own.items():
            config = re.sub(f"^{name}=.*", f"{name}={value}", config, count=1, flags=re.MULTILINE)
        (Path(folder) / "xrdp.ini").write_text(config)
        with running([program, "--nodaemon", "--config", f"{folder}/xrdp.ini"], port):
            yield port


@contextlib.contextmanager
def xfreerdp(
    port: int, screen: Screen, options: Sequence[str] = OPTIONS
) -> "Iterator[subprocess.Popen[bytes]]":
    """It connects to `port` of 127.0.0.1; nobody is there to answer what it might ask."""
    with tempfile.TemporaryDirectory(prefix="xfreerdp-") as home:
        client = subprocess.Popen(
            [need("xfreerdp"), f"/v:127.0.0.1:{port}", *options],
            env=dict(os.environ, DISPLAY=screen.display, HOME=home, XDG_CONFIG_HOME=home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield client
        finally:
            client.terminate()
            client.wait()


def await_log_on(client: "subprocess.Popen[bytes]", screen: Screen, seconds: float) -> None:
    """Returns when all of the log-on window is there.

    Raises AssertionError: xfreerdp has ended, or `seconds` were not enough.
    """
    deadline = time.monotonic() + seconds
    seen = None
    while (now := screen.picture()) == seen or not _is_whole(now):
        seen = now
        assert client.poll() is None, f"xfreerdp ended with {client.returncode}"
        assert time.monotonic() < deadline, f"missing after {seconds:g} s: {missing(now)}"
        time.sleep(0.02)


def _is_whole(picture: Picture) -> bool:
    """As missing(), but it stops at the first part that is."""
    return all(_shows(picture, *part) for part in PARTS.values())
