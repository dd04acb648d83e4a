/* Vectors of 32 bytes where a processor has only 16. Internal. */
#ifndef GP_VECTOR_PAIRS_H
#define GP_VECTOR_PAIRS_H

typedef struct v32 {
    v16 low;
    v16 high;
} v32;

GP_VECTOR v32 w_load(const uint8_t *in)
{
    const v32 v = {v_load(in), v_load(in + 16)};
    return v;
}

GP_VECTOR void w_store(uint8_t *out, v32 v)
{
    v_store(out, v.low);
    v_store(out + 16, v.high);
}

GP_VECTOR v32 w_all(uint8_t value)
{
    const v32 v = {v_all(value), v_all(value)};
    return v;
}

GP_VECTOR v32 w_or(v32 a, v32 b)
{
    const v32 v = {v_or(a.low, b.low), v_or(a.high, b.high)};
    return v;
}

GP_VECTOR v32 w_equal(v32 a, v32 b)
{
    const v32 v = {v_equal(a.low, b.low), v_equal(a.high, b.high)};
    return v;
}

GP_VECTOR uint32_t w_bits(v32 v)
{
    return v_bits(v.low) | v_bits(v.high) << 16;
}

#endif
