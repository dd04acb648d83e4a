/* The codec's loops for x86-64 with AVX2, and CRC-32C in three streams. */
#include "kernels.h"

#if GP_HAS_X86

#define GP_AVX2 1
#define GP_TARGET __attribute__((target("avx2,bmi,sse4.2,pclmul")))
#include "vector_x86.h"

#include "crc32c.h"
#include "simd.h"

/* Below this the join costs more than it saves: one stream is 3 cycles for 8 bytes. */
enum { STREAMS_MIN = 144, WORDS_MAX = GP_CRC_SHIFTS / 2 };

/* Not yet reduced: `crc` after as many zero bytes as `words` words have. */
GP_TARGET static inline uint64_t shifted(uint32_t crc, size_t words)
{
    const __m128i product = _mm_clmulepi64_si128(
        _mm_cvtsi32_si128((int)crc), _mm_cvtsi32_si128((int)gp_crc_shifts[words - 1]), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

/*
 * The instruction takes 3 cycles and can begin one a cycle, so three thirds go at once. A CRC is
 * linear: the first third counts as if the others were zero bytes behind it, and so on.
 */
GP_TARGET static inline uint32_t crc_of_thirds(uint32_t crc, const uint8_t *in, size_t words)
{
    const size_t third = 8 * words;
    uint64_t a = crc;
    uint64_t b = 0;
    uint64_t c = 0;
    for (const uint8_t *const end = in + third; in < end; in += 8) {
        a = _mm_crc32_u64(a, eight_at(in));
        b = _mm_crc32_u64(b, eight_at(in + third));
        c = _mm_crc32_u64(c, eight_at(in + 2 * third));
    }
    const uint64_t front = shifted((uint32_t)a, 2 * words) ^ shifted((uint32_t)b, words);
    return (uint32_t)(_mm_crc32_u64(0, front) ^ c);
}

GP_TARGET static uint32_t crc_of(uint32_t crc, const uint8_t *in, size_t n)
{
    while (n >= STREAMS_MIN) {
        const size_t words = n / 24 < WORDS_MAX ? n / 24 : WORDS_MAX;
        crc = crc_of_thirds(crc, in, words);
        in += 24 * words;
        n -= 24 * words;
    }
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

const gp_kernels gp_avx2_kernels = {GP_PATH_AVX2, crc_of, find, has_forbidden, stuff, unstuff};

#endif
