"""The smallest recovery image: a static busybox and the agent, as packaging/recovery makes it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.debian_package import CACHE, PackageMissing, unpacked_package
from support.tools import ROOT, need

__all__ = ["busybox_image", "foreign_busybox"]

SCRIPT = ROOT / "packaging" / "recovery" / "busybox-image.sh"


def busybox_image(
    output: Path, agent: Path, files: Mapping[str, Path] = {}, busybox: Path | None = None
) -> Path:
    """Such an image in `output`, with `files` by their absolute names in it.

    `busybox`: one for the computer that will boot it, if that is of another kind. Skips the test
    where there is no busybox or cpio.
    """
    need("cpio")
    chosen = need("busybox") if busybox is None else str(busybox)
    words = ["env", f"BUSYBOX={chosen}", "sh", str(SCRIPT), str(agent), str(output)]
    words += [f"{file}={name}" for name, file in files.items()]
    subprocess.run(words, check=True, capture_output=True)
    return output


def foreign_busybox(architecture: str) -> Path:
    """Debian's static one for another architecture; skips the test where apt gives none."""
    try:
        there = CACHE / f"busybox-{architecture}"
        package = unpacked_package(there, "busybox-static", architecture)
    except PackageMissing as error:
        pytest.skip(f"no busybox for {architecture}: {error}")
    return package / "bin" / "busybox"
