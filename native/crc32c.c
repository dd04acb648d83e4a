/*
 * CRC-32C by the processor's own instruction where it has one, else by slicing: eight
 * table look-ups for eight bytes. Define GP_PORTABLE for slicing alone.
 */
#include "crc32c.h"

#if defined(__GNUC__) && defined(__x86_64__) && !defined(GP_PORTABLE)
#define GP_HAS_SSE42 1
#include <string.h>
#else
#define GP_HAS_SSE42 0
#endif

/*
 * A slice is linear in its index, so each is spelled as its eight values at the powers of
 * two and the compiler works out the rest.
 */

#define BIT(i, b, v) ((((i) >> (b)) & 1u) ? (v) : 0u)
#define E1(i, a, b, c, d, e, f, g, h)                                               \
    (BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ BIT(i, 4, e) ^     \
     BIT(i, 5, f) ^ BIT(i, 6, g) ^ BIT(i, 7, h))
#define E4(i, ...) \
    E1((i), __VA_ARGS__), E1((i) + 1u, __VA_ARGS__), E1((i) + 2u, __VA_ARGS__), \
        E1((i) + 3u, __VA_ARGS__)
#define E16(i, ...) \
    E4((i), __VA_ARGS__), E4((i) + 4u, __VA_ARGS__), E4((i) + 8u, __VA_ARGS__), \
        E4((i) + 12u, __VA_ARGS__)
#define E64(i, ...) \
    E16((i), __VA_ARGS__), E16((i) + 16u, __VA_ARGS__), E16((i) + 32u, __VA_ARGS__), \
        E16((i) + 48u, __VA_ARGS__)
#define SLICE(...) \
    {E64(0u, __VA_ARGS__), E64(64u, __VA_ARGS__), E64(128u, __VA_ARGS__), E64(192u, __VA_ARGS__)}

/* slices[s][i]: the register after byte i and then s zero bytes, from a register of 0. */
static const uint32_t slices[8][256] = {
    SLICE(0xF26B8303u, 0xE13B70F7u, 0xC79A971Fu, 0x8AD958CFu,
          0x105EC76Fu, 0x20BD8EDEu, 0x417B1DBCu, 0x82F63B78u),
    SLICE(0x13A29877u, 0x274530EEu, 0x4E8A61DCu, 0x9D14C3B8u,
          0x3FC5F181u, 0x7F8BE302u, 0xFF17C604u, 0xFBC3FAF9u),
    SLICE(0xA541927Eu, 0x4F6F520Du, 0x9EDEA41Au, 0x38513EC5u,
          0x70A27D8Au, 0xE144FB14u, 0xC76580D9u, 0x8B277743u),
    SLICE(0xDD45AAB8u, 0xBF672381u, 0x7B2231F3u, 0xF64463E6u,
          0xE964B13Du, 0xD725148Bu, 0xABA65FE7u, 0x52A0C93Fu),
    SLICE(0x38116FACu, 0x7022DF58u, 0xE045BEB0u, 0xC5670B91u,
          0x8F2261D3u, 0x1BA8B557u, 0x37516AAEu, 0x6EA2D55Cu),
    SLICE(0xEF306B19u, 0xDB8CA0C3u, 0xB2F53777u, 0x6006181Fu,
          0xC00C303Eu, 0x85F4168Du, 0x0E045BEBu, 0x1C08B7D6u),
    SLICE(0x68032CC8u, 0xD0065990u, 0xA5E0C5D1u, 0x4E2DFD53u,
          0x9C5BFAA6u, 0x3D5B83BDu, 0x7AB7077Au, 0xF56E0EF4u),
    SLICE(0x493C7D27u, 0x9278FA4Eu, 0x211D826Du, 0x423B04DAu,
          0x847609B4u, 0x0D006599u, 0x1A00CB32u, 0x34019664u)
};

static uint32_t little_endian(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static uint32_t update_sliced(uint32_t crc, const uint8_t *in, size_t n)
{
    for (; n >= 8; n -= 8, in += 8) {
        const uint32_t low = crc ^ little_endian(in);
        const uint32_t high = little_endian(in + 4);
        crc = slices[7][low & 0xffu] ^ slices[6][(low >> 8) & 0xffu] ^
              slices[5][(low >> 16) & 0xffu] ^ slices[4][low >> 24] ^
              slices[3][high & 0xffu] ^ slices[2][(high >> 8) & 0xffu] ^
              slices[1][(high >> 16) & 0xffu] ^ slices[0][high >> 24];
    }
    for (; n > 0; n--, in++) {
        crc = (crc >> 8) ^ slices[0][(crc ^ *in) & 0xffu];
    }
    return crc;
}

#if GP_HAS_SSE42
__attribute__((target("sse4.2"))) static uint32_t update_sse42(uint32_t crc, const uint8_t *in,
                                                               size_t n)
{
    uint64_t wide = crc;
    for (; n >= 8; n -= 8, in += 8) {
        uint64_t word;
        memcpy(&word, in, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; n > 0; n--, in++) {
        crc = __builtin_ia32_crc32qi(crc, *in);
    }
    return crc;
}
#endif

uint32_t gp_crc32c(uint32_t state, const uint8_t *in, size_t n)
{
#if GP_HAS_SSE42
    if (__builtin_cpu_supports("sse4.2")) {
        return ~update_sse42(state, in, n);
    }
#endif
    return ~update_sliced(state, in, n);
}
