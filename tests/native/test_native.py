"""The C tests of the codec, built by both compilers with sanitizers and every warning an error."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from support.native import CODEC, compiled, run
from support.tools import need

from guardpost.protocol import codec_paths

HERE = Path(__file__).parent
SOURCES = sorted(HERE.glob("test_*.c"))

compilers = pytest.mark.parametrize("compiler", ["gcc", "clang"])
sources = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


Codecs = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def codecs(tmp_path_factory: pytest.TempPathFactory) -> Codecs:
    """The object files of the codec, built once by each compiler."""
    folder = tmp_path_factory.mktemp("codecs")

    @functools.cache
    def codec_of(compiler: str) -> list[str]:
        (folder / compiler).mkdir()
        objects = [folder / compiler / f"{Path(each).stem}.o" for each in CODEC]
        for each, out in zip(CODEC, objects, strict=True):
            compiled(need(compiler), out, "-c", each)
        return [str(out) for out in objects]

    return codec_of


def taken(said: str) -> list[str]:
    """The paths that a test says it has run on."""
    return [line.removeprefix("on ") for line in said.splitlines()]


def expected(source: Path, here: list[str]) -> list[str]:
    return [] if source.stem in ("test_tables", "test_rolling") else here


@compilers
@sources
def test_on_every_path_of_this_processor(
    compiler: str, source: Path, codecs: Codecs, tmp_path: Path
) -> None:
    program = compiled(need(compiler), tmp_path / source.stem, *codecs(compiler), str(source))
    assert taken(run([str(program)], seconds=120)) == expected(source, codec_paths.paths())


@compilers
def test_where_there_is_only_the_portable_path(compiler: str, tmp_path: Path) -> None:
    sources = ["-DGP_PORTABLE", *CODEC, str(HERE / "test_crc.c")]
    program = compiled(need(compiler), tmp_path / "test_crc", *sources)
    assert taken(run([str(program)], seconds=120)) == ["portable"]


@pytest.mark.slow
@sources
def test_on_aarch64(source: Path, tmp_path: Path) -> None:
    """In an emulator, where the address sanitizer does not run; the guard pages do."""
    compiler, emulator = need("aarch64-linux-gnu-gcc"), need("qemu-aarch64")
    arguments = ["-static", "-O2", "-fno-sanitize=address", *CODEC, str(source)]
    program = compiled(compiler, tmp_path / source.stem, *arguments)
    said = run([emulator, str(program)], seconds=600)
    assert taken(said) == expected(source, ["portable", "arm64"])


@pytest.mark.slow
@compilers
def test_every_length_of_every_kind_beside_guards(
    compiler: str, codecs: Codecs, tmp_path: Path
) -> None:
    source = str(HERE / "test_guards.c")
    program = compiled(need(compiler), tmp_path / "test_guards", *codecs(compiler), source)
    assert taken(run([str(program), "all"], seconds=600)) == codec_paths.paths()
