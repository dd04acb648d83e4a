/* The vectors of simd.h on AArch64, with NEON. Internal; include it with GP_TARGET defined. */
#ifndef GP_VECTOR_ARM64_H
#define GP_VECTOR_ARM64_H

#include <arm_neon.h>
#include <stdint.h>

#define GP_VECTOR GP_TARGET static inline

typedef uint8x16_t v16;

GP_VECTOR v16 v_load(const uint8_t *in)
{
    return vld1q_u8(in);
}

GP_VECTOR void v_store(uint8_t *out, v16 v)
{
    vst1q_u8(out, v);
}

GP_VECTOR v16 v_all(uint8_t value)
{
    return vdupq_n_u8(value);
}

/* From and into halves, the first byte lowest. */
GP_VECTOR v16 v_pair(uint64_t low, uint64_t high)
{
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(low), vcreate_u64(high)));
}

GP_VECTOR uint64_t v_low_half(v16 v)
{
    return vgetq_lane_u64(vreinterpretq_u64_u8(v), 0);
}

GP_VECTOR uint64_t v_high_half(v16 v)
{
    return vgetq_lane_u64(vreinterpretq_u64_u8(v), 1);
}

GP_VECTOR uint8_t v_first(v16 v)
{
    return vgetq_lane_u8(v, 0);
}

GP_VECTOR v16 v_and(v16 a, v16 b)
{
    return vandq_u8(a, b);
}

/* b where a has no bit. */
GP_VECTOR v16 v_and_not(v16 a, v16 b)
{
    return vbicq_u8(b, a);
}

GP_VECTOR v16 v_or(v16 a, v16 b)
{
    return vorrq_u8(a, b);
}

GP_VECTOR v16 v_xor(v16 a, v16 b)
{
    return veorq_u8(a, b);
}

GP_VECTOR v16 v_sub(v16 a, v16 b)
{
    return vsubq_u8(a, b);
}

/* These two stop at 255 and at 0. */
GP_VECTOR v16 v_add_sat(v16 a, v16 b)
{
    return vqaddq_u8(a, b);
}

GP_VECTOR v16 v_sub_sat(v16 a, v16 b)
{
    return vqsubq_u8(a, b);
}

GP_VECTOR v16 v_max(v16 a, v16 b)
{
    return vmaxq_u8(a, b);
}

/* 0xff where they are the same, else 0. */
GP_VECTOR v16 v_equal(v16 a, v16 b)
{
    return vceqq_u8(a, b);
}

/* A bit for each lane of a comparison, the first lane lowest. */
GP_VECTOR uint32_t v_bits(v16 v)
{
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const v16 bits = vandq_u8(v, vld1q_u8(weights));
    return (uint32_t)vaddv_u8(vget_low_u8(bits)) | (uint32_t)vaddv_u8(vget_high_u8(bits)) << 8;
}

/* table[index modulo 16], and 0 where the index is 128 or more. */
GP_VECTOR v16 v_lookup(v16 table, v16 index)
{
    return vqtbl1q_u8(table, vandq_u8(index, vdupq_n_u8(0x8f)));
}

GP_VECTOR v16 v_high_nibbles(v16 v)
{
    return vshrq_n_u8(v, 4);
}

/* Each lane gets the one that many behind it, the last ones 0. */
GP_VECTOR v16 v_behind_1(v16 v)
{
    return vextq_u8(v, vdupq_n_u8(0), 1);
}

GP_VECTOR v16 v_behind_2(v16 v)
{
    return vextq_u8(v, vdupq_n_u8(0), 2);
}

GP_VECTOR v16 v_behind_4(v16 v)
{
    return vextq_u8(v, vdupq_n_u8(0), 4);
}

GP_VECTOR v16 v_behind_8(v16 v)
{
    return vextq_u8(v, vdupq_n_u8(0), 8);
}

#include "vector_pairs.h"

#endif
