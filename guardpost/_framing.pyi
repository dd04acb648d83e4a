# What guardpost.protocol.framing, guardpost.transports.lineio and guardpost.services.files.rolling
# use of the extension; its manuals are native/framing.h, native/lineio.h and native/rolling.h.
from array import array
from collections.abc import Callable
from typing import Literal, overload

class CData:
    """An owned C array; it lives as long as this object does."""

    def __getitem__(self, index: int, /) -> int: ...
    def __setitem__(self, index: int, value: int, /) -> None: ...
    def __add__(self, offset: int, /) -> CData: ...

class CEncoder(CData):
    profile: int
    crc_state: int
    out: CData
    cap: int
    used: int

class CDecoder(CData):
    frames: int
    bad_frames: int
    residue_bytes: int

class Buffer:
    """The memory of a CData; a slice of it is a copy."""

    def __getitem__(self, index: slice, /) -> bytes: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

class FFI:
    NULL: CData
    @overload
    def new(self, cdecl: Literal["gp_encoder *"]) -> CEncoder: ...
    @overload
    def new(self, cdecl: Literal["gp_decoder *"]) -> CDecoder: ...
    @overload
    def new(self, cdecl: str, init: int | tuple[int, ...] = ...) -> CData: ...
    def new_allocator(
        self, *, should_clear_after_alloc: bool = ...
    ) -> Callable[[str, int], CData]: ...
    def buffer(self, cdata: CData) -> Buffer: ...
    @overload
    def from_buffer(self, python_buffer: bytes | bytearray | memoryview, /) -> CData: ...
    @overload
    def from_buffer(self, cdecl: str, python_buffer: array[int], /) -> CData: ...
    def string(self, cdata: CData) -> bytes: ...

class Lib:
    GP_BODY_MAX: int
    GP_CRC_STATES_MAX: int
    GP_HEADER_MAX: int
    GP_PATHS: int
    GP_CLEAN: int
    GP_XONXOFF: int
    GP_CONSOLE: int
    GP_PRINTABLE: int
    GP_ERR_PROFILE: int
    GP_ERR_LENGTH: int
    GP_ERR_CAPACITY: int
    GP_ERR_COUNTER: int
    GP_NOT_A_FRAME: int
    GP_BAD_STRUCTURE: int
    GP_BAD_CRC: int
    GP_OVERLONG: int
    GP_ROLLING_FILTER_BYTES: int

    def gp_crc32c(self, state: int, data: bytes, n: int, /) -> int: ...
    def gp_encoded_max(self, profile: int, n: int, /) -> int: ...
    def gp_encode_one(self, e: CEncoder, body: bytes, n: int, /) -> int: ...
    def gp_encode_next(self, e: CEncoder, body: bytes, n: int, /) -> int: ...
    def gp_encode_many(
        self, e: CEncoder, bodies: CData, lengths: CData, count: int, out_frames: CData, /
    ) -> int: ...
    def gp_encode_segments(
        self,
        e: CEncoder,
        header: bytes,
        header_len: int,
        counter_at: int,
        data: CData,
        n: int,
        segment: int,
        out_frames: CData,
        out_taken: CData,
        /,
    ) -> int: ...
    def gp_decoder_init(self, d: CDecoder, profile: int, hold: CData, hold_cap: int, /) -> int: ...
    def gp_decoder_set_crc(self, d: CDecoder, states: CData, n: int, /) -> int: ...
    def gp_decode(
        self,
        d: CDecoder,
        data: bytes | CData,
        n: int,
        out: CData,
        out_cap: int,
        out_descs: CData,
        max_descs: int,
        out_consumed: CData,
        /,
    ) -> int: ...
    def gp_decode_runs(
        self,
        d: CDecoder,
        header_len: int,
        counter_at: int,
        data: bytes | CData,
        n: int,
        out: CData,
        out_cap: int,
        out_descs: CData,
        out_frames: CData,
        max_descs: int,
        out_consumed: CData,
        /,
    ) -> int: ...
    def gp_decoder_pending(self, d: CDecoder, /) -> int: ...
    def gp_decoder_take(self, d: CDecoder, out: CData, cap: int, /) -> int: ...
    # POSIX only
    def gp_gather(
        self, fd: int, delimiter: int, out: CData, cap: int, wait_us: int, out_error: CData, /
    ) -> int: ...
    def gp_put_out(
        self, fd: int, data: CData, n: int, wait_us: int, out_error: CData, /
    ) -> int: ...
    def gp_rolling_sum(self, data: CData, n: int, /) -> int: ...
    def gp_rolling_find(
        self,
        data: CData,
        n: int,
        start: int,
        block: int,
        sums: CData,
        count: int,
        known: CData,
        out_sum: CData,
        /,
    ) -> int: ...
    def gp_has_path(self, path: int, /) -> int: ...
    def gp_use_path(self, path: int, /) -> int: ...
    def gp_path_in_use(self) -> int: ...
    def gp_path_name(self, path: int, /) -> CData: ...

ffi: FFI
lib: Lib
