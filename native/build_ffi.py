"""Builds guardpost._framing: the C of this folder and the glue cffi writes for it.

pyproject.toml names the extension and this build_ext; there is no setup.py because
setuptools' own way to cffi (`cffi_modules`) is not a pyproject key.
"""

import sys
from pathlib import Path

from setuptools.command.build_ext import build_ext
from setuptools.extension import Extension

# setuptools runs this file by its path, and knows no package it stands in.
sys.path.append(str(Path(__file__).parent.parent))

from native.framing_ffi import HERE, MODULE, framing_ffi


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
