"""The executable that build_frozen.py makes: what it is, what is in it, and that it comes again."""

import base64
import contextlib
import lzma
import os
import re
import secrets
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import frozen
from support.frozen import frozen_agent
from support.tools import ROOT, need

KEY = base64.b64encode(bytes(range(32))).decode()
SEED = secrets.token_hex(32)
HASH = "root:$argon2id$v=19$m=8192,t=5,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA"

MEGABYTE = 1_000_000


PARTS = (
    *("cffi", "libffi", "libsodium", "msgspec", "musl", "psutil", "pynacl", "pyserial"),
    *("python3.11", "zig", "zlib"),
)


def said(program: Path, *words: str) -> str:
    done = subprocess.run([program, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_small() -> None:
    data = frozen_agent().read_bytes()
    assert len(data) <= 9.5 * MEGABYTE
    assert len(lzma.compress(data, preset=6)) <= 3 * MEGABYTE


def test_it_needs_no_library_of_the_host() -> None:
    listed = subprocess.run(
        [need("readelf"), "-lW", frozen_agent()], capture_output=True, text=True, check=True
    ).stdout
    assert "LOAD" in listed
    assert "INTERP" not in listed
    assert "DYNAMIC" not in listed


def test_nobodys_folders_are_in_it() -> None:
    data = frozen_agent().read_bytes()
    for folder in (ROOT, frozen.cache()):
        assert f"{folder}/".encode() not in data, f"{folder} is in the executable"


def test_it_says_what_it_is_made_of() -> None:
    told = said(frozen_agent(), "--version", "-v")
    assert "agent executable for " in told
    for part in ("cffi 2", "libffi 3", "libsodium ", "msgspec 0", "musl ", "psutil ", "zlib 1:1."):
        assert f"\n{part}" in told
    # Debian's revision, whose patches are what keeps an old CPython safe.
    assert "\npython3.11 3.11.2-6+deb12u" in told


def test_it_brings_every_licence() -> None:
    lines = said(frozen_agent(), "--licenses").splitlines()
    ruled = [number for number, line in enumerate(lines) if line == "=" * 72]
    headed = {lines[number + 1] for number in ruled[::2]}
    parts = {line.split()[0] for line in said(frozen_agent(), "--version", "-v").splitlines()}
    assert {*PARTS} <= parts
    assert headed == {"guardpost", *PARTS}
    told = "\n".join(lines)
    for words in (
        "Apache License",
        "PSF LICENSE",
        "Mersenne Twister",
        "Rich Felker",
        "Frank Denis",
    ):
        assert words in told


def holding(secret: bytes, folder: Path, since: float) -> Iterator[Path]:
    """The files that were written since then with that in them."""
    for place, _, names in os.walk(folder):
        for file in [Path(place, name) for name in names]:
            with contextlib.suppress(FileNotFoundError):  # of another build
                if file.stat().st_mtime >= since and secret in file.read_bytes():
                    yield file


def test_a_configuration_is_baked_in_and_kept_nowhere_else(tmp_path: Path) -> None:
    frozen_agent()
    policy = tmp_path / "agent.toml"
    policy.write_text('[roles.web]\npermit = "forward=127.0.0.1:80"\n')
    words = ["--authorise", f'role="web" {KEY} ours', "--policy", str(policy)]
    made = frozen.built(tmp_path / "out", *words, "--password-hash", HASH, "--identity-seed", SEED)
    told = said(made, "--version", "-v")
    assert "baked in: 1 console key\n" in told
    assert "role web ours\n" in told
    assert "baked in: policy with the roles full, monitor, web\n" in told
    assert "baked in: 1 password of root\n" in told
    assert "baked in: identity " in told
    assert SEED not in told
    assert stat.S_IMODE(made.stat().st_mode) == 0o700, "it holds a private key"
    begun = policy.stat().st_mtime
    assert [*holding(SEED.encode(), made.parent, begun)] == [made]
    assert [*holding(SEED.encode(), frozen.cache(), begun)] == []


def test_a_second_build_has_nothing_left_to_do(tmp_path: Path) -> None:
    done = frozen.build("--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line.endswith("...")] == []
    assert (tmp_path / "guardpost-agent").read_bytes() == frozen_agent().read_bytes()


def test_an_error_is_one_line_and_leaves_no_executable(tmp_path: Path) -> None:
    done = frozen.build("--output", str(tmp_path), "--authorise", "nobody")
    assert done.returncode == 1
    assert done.stderr.startswith("error: --authorise: 'nobody' has no key")
    assert done.stderr.count("\n") == 1
    assert [*tmp_path.iterdir()] == []


# What compiling and linking our own code takes; the rest is taken from the plain build.
OURS = ("bytecode-", "modules-", "codec-", "guardpost-agent-")


# What a module in it asks for and does without: another system's, another Python's.
NOT_THERE = {
    *("_frozen_importlib", "_frozen_importlib_external", "os.path"),
    *("_winapi", "_winreg", "msvcrt", "nt", "psutil._psutil_windows", "winreg"),
    *("annotationlib", "attrs", "java", "org", "vms_lib"),
}


def other_checkout(folder: Path) -> Path:
    for name in ("guardpost", "native", "packaging"):
        ignored = shutil.ignore_patterns("__pycache__", "*.so")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("build_frozen.py", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, folder)
    return folder


def build_elsewhere(folder: Path, without: tuple[str, ...]) -> Path:
    """The executable of a copy of this checkout, from a store that lacks those parts."""
    cache, checkout = folder / "cache", folder / "a" / "checkout"
    cache.mkdir(parents=True)
    for part in frozen.cache().iterdir():
        if not part.name.startswith((".", *without)):
            (cache / part.name).symlink_to(part)
    script = other_checkout(checkout) / "build_frozen.py"
    command = [sys.executable, script, "--cache", cache, "--output", folder / "out"]
    frozen.be_patient()
    done = subprocess.run(command, capture_output=True, text=True)
    frozen.judge(done.returncode, done.stderr)
    return folder / "out" / "guardpost-agent"


@pytest.mark.slow
def test_our_code_links_to_the_same_bytes_elsewhere(tmp_path: Path) -> None:
    frozen_agent()
    made = build_elsewhere(tmp_path / "somewhere" / "else", OURS)
    assert made.read_bytes() == frozen_agent().read_bytes()
    [told] = (made.parents[1] / "cache").glob("bytecode-agent-*/modules.txt")
    assert {*re.findall(r"\((\S+) is not there\)", told.read_text())} == NOT_THERE


@pytest.mark.slow
def test_a_build_from_nothing_gives_the_same_bytes(tmp_path: Path) -> None:
    frozen_agent()
    kept = ("downloads", "apt", "pip-", "zig")
    others = {each.name for each in frozen.cache().iterdir() if not each.name.startswith(kept)}
    made = build_elsewhere(tmp_path, tuple(others))
    assert made.read_bytes() == frozen_agent().read_bytes()


@pytest.mark.slow
def test_an_arm_host_has_one_too(tmp_path: Path) -> None:
    emulator = need("qemu-aarch64")
    frozen.be_patient()
    made = frozen.built(tmp_path, "--target", "aarch64")
    done = subprocess.run([emulator, made, "--version", "-v"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "agent executable for aarch64" in done.stdout
    # What starts the program again fails: the emulator is for this one process.
    proved = subprocess.run([emulator, made, "--self-test"], capture_output=True, text=True)
    for line in ("codec portable", "codec arm64", "Noise XX", "Argon2id", "TCP sockets"):
        assert f"{line}: ok" in proved.stdout
    assert made.stat().st_size <= 9.5 * MEGABYTE


@pytest.mark.slow
def test_the_console_is_an_executable_too(tmp_path: Path) -> None:
    frozen.be_patient()
    made = frozen.built(tmp_path / "out", "--variant", "full")
    assert made.name == "guardpost"
    told = said(made, "--version", "-v")
    assert "full executable for " in told
    parts = {line.split()[0] for line in told.splitlines()}
    assert {*PARTS, "openssl", "rich", "argcomplete"} <= parts
    assert "\nopenssl\n" in said(made, "--licenses")
    assert ": failed" not in said(made, "--self-test")
    words = [made, "info", "ipmi:bmc.example"]  # and nobody is asked for a password
    home = {"HOME": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, env=home, timeout=60)
    assert done.returncode == 255
    assert "this executable has no IPMI; install ipmitool, and use 'exec:ipm" in done.stderr


@pytest.mark.slow
def test_there_is_one_for_hosts_with_a_libc(tmp_path: Path) -> None:
    frozen.be_patient()
    made = frozen.built(tmp_path / "out", "--variant", "onefile")
    assert "onefile executable for " in said(made, "--version", "-v")
    assert ": failed" not in said(made, "--self-test")
