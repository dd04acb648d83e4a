"""The C tests of the codec, built by both compilers with sanitizers and every warning an error."""

from pathlib import Path

import pytest
from support.native import CODEC, compiled, run
from support.tools import need

HERE = Path(__file__).parent


@pytest.mark.parametrize("source", sorted(HERE.glob("test_*.c")), ids=lambda path: path.stem)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_in_c(compiler: str, source: Path, tmp_path: Path) -> None:
    program = compiled(need(compiler), tmp_path / source.stem, *CODEC, str(source))
    run([str(program)], seconds=120)
