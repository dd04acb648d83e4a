/*
 * The vectors of simd.h on x86-64: 16 bytes with SSSE3, 32 with AVX2 or as twice 16. Internal.
 * Include it with GP_TARGET defined, and GP_AVX2 where that may be used.
 */
#ifndef GP_VECTOR_X86_H
#define GP_VECTOR_X86_H

#include <immintrin.h>
#include <stdint.h>

#define GP_VECTOR GP_TARGET static inline

typedef __m128i v16;

GP_VECTOR v16 v_load(const uint8_t *in)
{
    return _mm_loadu_si128((const __m128i *)(const void *)in);
}

GP_VECTOR void v_store(uint8_t *out, v16 v)
{
    _mm_storeu_si128((__m128i *)(void *)out, v);
}

GP_VECTOR v16 v_all(uint8_t value)
{
    return _mm_set1_epi8((char)value);
}

/* From and into halves, the first byte lowest. */
GP_VECTOR v16 v_pair(uint64_t low, uint64_t high)
{
    return _mm_set_epi64x((int64_t)high, (int64_t)low);
}

GP_VECTOR uint64_t v_low_half(v16 v)
{
    return (uint64_t)_mm_cvtsi128_si64(v);
}

GP_VECTOR uint64_t v_high_half(v16 v)
{
    return (uint64_t)_mm_extract_epi64(v, 1);
}

GP_VECTOR uint8_t v_first(v16 v)
{
    return (uint8_t)_mm_cvtsi128_si32(v);
}

GP_VECTOR v16 v_and(v16 a, v16 b)
{
    return _mm_and_si128(a, b);
}

/* b where a has no bit. */
GP_VECTOR v16 v_and_not(v16 a, v16 b)
{
    return _mm_andnot_si128(a, b);
}

GP_VECTOR v16 v_or(v16 a, v16 b)
{
    return _mm_or_si128(a, b);
}

GP_VECTOR v16 v_xor(v16 a, v16 b)
{
    return _mm_xor_si128(a, b);
}

GP_VECTOR v16 v_sub(v16 a, v16 b)
{
    return _mm_sub_epi8(a, b);
}

/* These two stop at 255 and at 0. */
GP_VECTOR v16 v_add_sat(v16 a, v16 b)
{
    return _mm_adds_epu8(a, b);
}

GP_VECTOR v16 v_sub_sat(v16 a, v16 b)
{
    return _mm_subs_epu8(a, b);
}

GP_VECTOR v16 v_max(v16 a, v16 b)
{
    return _mm_max_epu8(a, b);
}

/* 0xff where they are the same, else 0. */
GP_VECTOR v16 v_equal(v16 a, v16 b)
{
    return _mm_cmpeq_epi8(a, b);
}

/* A bit for each lane of a comparison, the first lane lowest. */
GP_VECTOR uint32_t v_bits(v16 v)
{
    return (uint32_t)_mm_movemask_epi8(v);
}

/* table[index modulo 16], and 0 where the index is 128 or more. */
GP_VECTOR v16 v_lookup(v16 table, v16 index)
{
    return _mm_shuffle_epi8(table, index);
}

GP_VECTOR v16 v_high_nibbles(v16 v)
{
    return _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(0x0f));
}

/* Each lane gets the one that many behind it, the last ones 0. */
GP_VECTOR v16 v_behind_1(v16 v)
{
    return _mm_srli_si128(v, 1);
}

GP_VECTOR v16 v_behind_2(v16 v)
{
    return _mm_srli_si128(v, 2);
}

GP_VECTOR v16 v_behind_4(v16 v)
{
    return _mm_srli_si128(v, 4);
}

GP_VECTOR v16 v_behind_8(v16 v)
{
    return _mm_srli_si128(v, 8);
}

#ifdef GP_AVX2

typedef __m256i v32;

GP_VECTOR v32 w_load(const uint8_t *in)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)in);
}

GP_VECTOR void w_store(uint8_t *out, v32 v)
{
    _mm256_storeu_si256((__m256i *)(void *)out, v);
}

GP_VECTOR v32 w_all(uint8_t value)
{
    return _mm256_set1_epi8((char)value);
}

GP_VECTOR v32 w_or(v32 a, v32 b)
{
    return _mm256_or_si256(a, b);
}

GP_VECTOR v32 w_equal(v32 a, v32 b)
{
    return _mm256_cmpeq_epi8(a, b);
}

GP_VECTOR uint32_t w_bits(v32 v)
{
    return (uint32_t)_mm256_movemask_epi8(v);
}

#else
#include "vector_pairs.h"
#endif

#endif
