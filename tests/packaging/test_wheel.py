"""What is published: one wheel for every Python from 3.11 on, and the source that builds it."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.tools import ROOT

from guardpost import __version__

LEFT_OUT = ("*.so", "*.egg-info", "__pycache__", ".*", "build", "dist")


def run(*command: str | Path, **options: object) -> str:
    result = subprocess.run(command, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert result.returncode == 0, result.stdout + result.stderr
    return str(result.stdout)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy of the project: building writes beside what it builds."""
    copy = tmp_path_factory.mktemp("source") / "guardpost"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return copy


@pytest.fixture(scope="module")
def published(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel that was built from it alone."""
    out = tmp_path_factory.mktemp("published")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source)
    return out


@pytest.fixture(scope="module")
def wheel(published: Path) -> Path:
    (found,) = published.glob("*.whl")
    return found


def test_one_wheel_serves_every_python(wheel: Path) -> None:
    name, version, *tags = wheel.stem.split("-", 4)
    assert (name, version, tags[:2]) == ("guardpost_sol", __version__, ["cp311", "abi3"])
    with zipfile.ZipFile(wheel) as archive:
        files = archive.namelist()
    tops = {each.partition("/")[0] for each in files}
    assert tops == {"guardpost", f"guardpost_sol-{__version__}.dist-info"}
    assert not [each for each in files if each.endswith((".c", ".h"))]
    assert any(each.endswith("licenses/NOTICE") for each in files)


def test_the_source_archive_holds_all_it_takes_to_build_and_test(
    source: Path, published: Path
) -> None:
    (archive,) = published.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        inside = {each.partition("/")[2] for each in opened.getnames()}
    wanted = [
        path.relative_to(source).as_posix()
        for folder in ("native", "tests", "guardpost")
        for path in (source / folder).rglob("*")
        if path.suffix in {".py", ".c", ".h", ".cdef", ".pyi"}
    ]
    assert {*wanted, "Makefile", "LICENSE", "tests/allowed_skips"} <= inside


def find_python(version: str) -> str | None:
    """A Python of that version, where the machine has one (pyenv keeps some off PATH)."""
    if version == "this":
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [f"python{version}", *map(str, pyenv.glob(f"versions/{version}*/bin/python"))]
    return next(filter(starts, candidates), None)


def starts(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.parametrize("version", ["this", "3.12", "3.13"])
def test_the_wheel_runs_on(version: str, wheel: Path, tmp_path: Path) -> None:
    """In an empty environment, where nothing can be compiled."""
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    environment = tmp_path / "environment"
    run(python, "-m", "venv", "--without-pip", environment)
    binaries = environment / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", binaries / "python", "install", "-q"]
    no_compiler = os.environ | {"PATH": str(binaries), "CC": "no-compiler-here"}
    run(*pip, "--only-binary", ":all:", wheel, env=no_compiler)
    assert run(binaries / "guardpost", "--version", cwd=tmp_path) == f"guardpost {__version__}\n"
    run(binaries / "python", "-c", "import guardpost._framing", cwd=tmp_path)
