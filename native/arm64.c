/* The codec's loops for AArch64: NEON, which every one has, and the CRC instructions. */
#include "kernels.h"

#if GP_HAS_ARM64

#include <arm_acle.h>

#define GP_TARGET
#include "vector_arm64.h"

#include "simd.h"

#if defined(__clang__)
#define GP_CRC_TARGET __attribute__((target("crc")))
#else
#define GP_CRC_TARGET __attribute__((target("+crc")))
#endif

GP_CRC_TARGET static uint32_t crc_of(uint32_t crc, const uint8_t *in, size_t n)
{
    for (; n >= 8; n -= 8, in += 8) {
        crc = __crc32cd(crc, eight_at(in));
    }
    for (; n > 0; n--, in++) {
        crc = __crc32cb(crc, *in);
    }
    return crc;
}

const gp_kernels gp_arm64_kernels = {GP_PATH_ARM64, crc_of, find, has_forbidden, stuff, unstuff};

#endif
