/* The codec's loops for x86-64 with SSE4.2 (and SSSE3, which came before it). */
#include "kernels.h"

#if GP_HAS_X86

#define GP_TARGET __attribute__((target("ssse3,sse4.2")))
#include "vector_x86.h"

#include "simd.h"

GP_TARGET static uint32_t crc_of(uint32_t crc, const uint8_t *in, size_t n)
{
    uint64_t wide = crc;
    for (; n >= 8; n -= 8, in += 8) {
        wide = _mm_crc32_u64(wide, eight_at(in));
    }
    crc = (uint32_t)wide;
    for (; n > 0; n--, in++) {
        crc = _mm_crc32_u8(crc, *in);
    }
    return crc;
}

const gp_kernels gp_sse42_kernels = {GP_PATH_SSE42, crc_of, find, has_forbidden, stuff, unstuff};

#endif
