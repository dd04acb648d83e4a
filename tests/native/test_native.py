"""The C tests of the codec, built by both compilers with sanitizers and every warning an error."""

from pathlib import Path

import pytest
from support.native import CODEC, compiled, run
from support.tools import need

HERE = Path(__file__).parent

compilers = pytest.mark.parametrize("compiler", ["gcc", "clang"])


@compilers
@pytest.mark.parametrize("source", sorted(HERE.glob("test_*.c")), ids=lambda path: path.stem)
def test_in_c(compiler: str, source: Path, tmp_path: Path) -> None:
    program = compiled(need(compiler), tmp_path / source.stem, *CODEC, str(source))
    run([str(program)], seconds=120)


@compilers
def test_the_crc_without_the_processors_help(compiler: str, tmp_path: Path) -> None:
    sources = [*CODEC, str(HERE / "test_crc.c")]
    program = compiled(need(compiler), tmp_path / "test_crc", "-DGP_PORTABLE", *sources)
    run([str(program)], seconds=120)
