"""The declarations of this folder's C as cffi reads them: what guardpost._framing is."""

import os
from pathlib import Path

from cffi import FFI

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
