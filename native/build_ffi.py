"""Builds guardpost._framing: the C of this folder and the glue cffi writes for it.

pyproject.toml names the extension and this build_ext; there is no setup.py because
setuptools' own way to cffi (`cffi_modules`) is not a pyproject key.
"""

import os
from pathlib import Path

from cffi import FFI
from setuptools.command.build_ext import build_ext
from setuptools.extension import Extension

MODULE = "guardpost._framing"
HERE = Path(__file__).parent


def framing_ffi() -> FFI:
    """What cffi compiles, in API mode: a mismatch with the headers does not build."""
    ffi = FFI()
    headers = ["crc32c.h", "framing.h", "paths.h", "rolling.h"]
    ffi.cdef((HERE / "framing.cdef").read_text(encoding="utf-8"))
    ffi.cdef((HERE / "rolling.cdef").read_text(encoding="utf-8"))
    if os.name == "posix":
        ffi.cdef((HERE / "lineio.cdef").read_text(encoding="utf-8"))
        headers.append("lineio.h")
    ffi.set_source(MODULE, "".join(f'#include "{name}"\n' for name in headers))
    return ffi


class BuildFFI(build_ext):
    """build_ext that adds the glue to the sources of our one extension."""

    def build_extension(self, ext: Extension) -> None:
        if ext.name == MODULE:
            glue = Path(self.build_temp) / "_framing.c"
            glue.parent.mkdir(parents=True, exist_ok=True)
            framing_ffi().emit_c_code(str(glue))
            # Relative, as setuptools wants sources: an absolute path would escape build_temp.
            ours = [f"native/{path.name}" for path in sorted(HERE.glob("*.c"))]
            ext.sources = [*ours, str(glue)]
            ext.depends = [f"native/{path.name}" for path in sorted(HERE.glob("*.h"))]
        super().build_extension(ext)
