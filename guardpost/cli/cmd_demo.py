"""guardpost demo: all of it on one machine, on a simulated 115200 line, by its own commands."""

import argparse
import contextlib
import functools
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from guardpost.errors import LineLost, UsageError

__all__ = ["configure", "run"]

BAUD = 115200
_PAGE_BYTES = 100_000
_COLUMNS = 100
_PATIENCE_SECONDS = 20.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--baud", type=int, default=BAUD, metavar="N", help=f"speed of the line (default {BAUD})"
    )
    parser.add_argument(
        "--shell", action="store_true", help="instead of the tour a shell, on the same line"
    )


def run(args: argparse.Namespace) -> int:
    """Raises UsageError where there are no ptys; exit code 0 when every step worked."""
    if sys.platform == "win32":
        raise UsageError(
            "the demo needs ptys, which Windows has not; try the README's first session"
        )
    with tempfile.TemporaryDirectory(prefix="guardpost-demo-") as folder:
        demo = _Demo(Path(folder), args.baud)
        return demo.shell() if args.shell else demo.run()


class _Demo:
    """One folder, one line, one agent, one web server; the console's commands one by one."""

    def __init__(self, folder: Path, baud: int) -> None:
        self._folder = folder
        self._baud = baud
        self._environment = dict(os.environ, XDG_RUNTIME_DIR=str(folder))
        self._console = ("--identity", str(folder / "console.key"))
        self._trust = (
            "--known-agents",
            str(folder / "known_agents"),
            "--trust-new",
            "--persist",
            "60",
        )
        self._here = str(folder / "console-end")
        self._there = str(folder / "host-end")

    def run(self) -> int:
        key = self._output("key", *self._console).strip()
        with self._line(), self._agent(key), _web_server(_PAGE_BYTES) as web_port:
            self._say(
                f"a line of {self._baud} baud ({self._baud // 10} bytes a second), no hardware"
            )
            self._step("what host is this?", "info", *self._trusting())
            self._step("its processes", "ps", *self._trusting(), "--sort", "cpu", lines=8)
            self._step(
                "a command, its output and its exit code",
                *(
                    "exec",
                    *self._trusting(),
                    "--",
                    "sh",
                    "-c",
                    "echo hello from $(uname -n); exit 7",
                ),
                expect=7,
            )
            self._copy()
            self._step(
                "a shell on a terminal of the host",
                *("shell", *self._trusting()),
                typed=b"tty; stty size; exit 5\n",
                expect=5,
            )
            self._tunnel(web_port)
            self._output("owner", self._here, "stop")
        self._say("done: all of it went through the line, sealed")
        return 0

    def shell(self) -> int:
        """A person's own turn; what he does there is done to this machine."""
        key = self._output("key", *self._console).strip()
        with self._line(), self._agent(key):
            self._say(f"a shell of this machine, through a line of {self._baud} baud")
            subprocess.run(self._argv("shell", *self._trusting()), env=self._environment)
            self._output("owner", self._here, "stop")
        return 0

    def _trusting(self) -> tuple[str, ...]:
        return (*self._console, *self._trust, self._here)

    # --- the commands ---

    def _step(
        self,
        title: str,
        *words: str,
        expect: int = 0,
        lines: int = 40,
        typed: bytes | None = None,
    ) -> None:
        """`typed` is its standard input, where that is not ours."""
        self._say(f"{title}   $ guardpost {self._shown(words)}")
        begun = time.monotonic()
        done = subprocess.run(
            self._argv(*words),
            env={**self._environment, "TERM": "dumb"},
            stdout=subprocess.PIPE,
            input=typed,
        )
        seconds = time.monotonic() - begun
        output = done.stdout.decode("utf-8", "replace").splitlines()
        for line in output[:lines]:
            print("   ", line[:_COLUMNS])
        if len(output) > lines:
            print(f"    ... {len(output) - lines} more lines")
        print(
            f"    [{len(done.stdout)} bytes, exit code {done.returncode}, {seconds:.2f} s]",
            flush=True,
        )
        if done.returncode != expect:
            raise LineLost(f"the demo expected exit code {expect}; run it again with -v")

    def _copy(self) -> None:
        """There, then there again, when nothing travels any more."""
        log, there = self._folder / "report.log", self._folder / "on-the-host"
        log.write_bytes(b"".join(b"%08d disk sda: %d errors\n" % (n, n % 3) for n in range(20_000)))
        size = log.stat().st_size
        words = ("put", *self._trusting(), str(log), str(there))
        for title, verb in (("a file, verified", "copied"), ("and again", "found equal")):
            self._say(f"{title}   $ guardpost {self._shown(words)}")
            begun = time.monotonic()
            done = subprocess.run(self._argv(*words, "-q"), env=self._environment)
            seconds = time.monotonic() - begun
            if done.returncode or there.read_bytes() != log.read_bytes():
                raise LineLost("the file did not arrive; run the demo again with -v")
            print(
                f"    [{size} bytes of text {verb} in {seconds:.2f} s: "
                f"{size / seconds / (self._baud / 10):.1f} times the line's rate, "
                f"BLAKE2b {hashlib.blake2b(there.read_bytes(), digest_size=32).hexdigest()[:16]}]",
                flush=True,
            )

    def _tunnel(self, web_port: int) -> None:
        words = ("forward", *self._trusting(), "-L", f"0:127.0.0.1:{web_port}")
        self._say(f"a web server on the host, through the line   $ guardpost {self._shown(words)}")
        with self._background(*words, stderr=subprocess.PIPE) as forward:
            assert forward.stderr is not None
            port = _port_in(forward.stderr.readline().decode())
            size, seconds = _download(port)
        share = 100 * size / seconds / (self._baud / 10)
        print(
            f"    [{size} bytes by HTTP in {seconds:.2f} s: {size / seconds:.0f} bytes a second, ",
            end="",
        )
        print(f"{share:.1f} % of the line]", flush=True)
        if size < _PAGE_BYTES:
            raise LineLost("the page did not come whole; run the demo again with -v")

    def _shown(self, words: tuple[str, ...]) -> str:
        hidden = {*self._console, *self._trust}
        shown = ["TARGET" if w == self._here else w for w in words if w not in hidden]
        return shlex.join(shown)

    def _say(self, text: str) -> None:
        print(f"\n== {text}", flush=True)

    # --- the processes ---

    def _argv(self, *words: str) -> list[str]:
        program = (
            [sys.executable]
            if getattr(sys, "frozen", False)
            else [sys.executable, "-m", "guardpost"]
        )
        return [*program, *words]

    def _output(self, *words: str) -> str:
        done = subprocess.run(self._argv(*words), env=self._environment, stdout=subprocess.PIPE)
        return done.stdout.decode()

    @contextlib.contextmanager
    def _background(
        self, *words: str, stderr: int | None = None
    ) -> "Iterator[subprocess.Popen[bytes]]":
        process = subprocess.Popen(
            self._argv(*words), env=self._environment, stdin=subprocess.DEVNULL, stderr=stderr
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()

    @contextlib.contextmanager
    def _line(self) -> Iterator[None]:
        with self._background("line", self._here, self._there, "--baud", str(self._baud)) as line:
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not (os.path.exists(self._here) and os.path.exists(self._there)):
                if line.poll() is not None or time.monotonic() > deadline:
                    raise LineLost("the simulated line did not start; try `guardpost line` by hand")
                time.sleep(0.02)
            yield

    @contextlib.contextmanager
    def _agent(self, key: str) -> Iterator[None]:
        identity = ("--identity", str(self._folder / "agent.key"))
        words = ("agent", self._there, *identity, "--allow", key)
        log = self._folder / "agent.log"
        with log.open("wb") as out, self._background(*words, stderr=out.fileno()) as agent:
            yield
            if agent.poll() is not None:
                raise LineLost(f"the agent ended early: {log.read_text().strip()}")


@contextlib.contextmanager
def _web_server(size: int) -> Iterator[int]:
    """A real HTTP server on the loopback, with one page of `size` incompressible bytes."""
    import http.server

    page = os.urandom(size)

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, 0.1), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def _download(port: int) -> tuple[int, float]:
    """Bytes of the page, and the seconds from its first byte to its last."""
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=120) as answer:
        size = len(answer.read(1))
        begun = time.monotonic()
        size += len(answer.read())
    return size, time.monotonic() - begun


def _port_in(line: str) -> int:
    """The port in "guardpost: forwarding 127.0.0.1:PORT to ..."."""
    try:
        return int(line.split(" to ")[0].rsplit(":", 1)[1])
    except (IndexError, ValueError):
        raise LineLost(f"the tunnel did not start: {line.strip()}") from None
