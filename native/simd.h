/*
 * The loops of the codec on vectors, written once for all processors. Internal.
 *
 * A path includes vector_x86.h or vector_arm64.h, which name the operations, and then this
 * file. GP_TARGET is what tells the compiler that it may use the instructions.
 */
#ifndef GP_SIMD_H
#define GP_SIMD_H

#include <string.h>

#include "kernels.h"

/* The lanes counted in the ways the loops need: down from 255, up from 0x70, and a bit each. */
static const uint8_t to_end[16] = {255, 254, 253, 252, 251, 250, 249, 248,
                                   247, 246, 245, 244, 243, 242, 241, 240};
static const uint8_t from_start[16] = {0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77,
                                       0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f};
static const uint8_t low_lanes[16] = {1, 2, 4, 8, 16, 32, 64, 128};
static const uint8_t high_lanes[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128};

static inline unsigned lowest(uint32_t bits)
{
    return (unsigned)__builtin_ctz(bits);
}

static inline unsigned highest(uint32_t bits)
{
    return 31u - (unsigned)__builtin_clz(bits);
}

static inline uint64_t eight_at(const uint8_t *in)
{
    uint64_t eight;
    memcpy(&eight, in, 8);
    return eight;
}

static inline uint64_t four_at(const uint8_t *in)
{
    uint32_t four;
    memcpy(&four, in, 4);
    return four;
}

/*
 * n < 16 bytes and then zeros. Two reads that may overlap are put together in registers: a
 * vector read back from what was just written in pieces would wait for all of it.
 */
GP_TARGET static inline v16 load_short(const uint8_t *in, size_t n)
{
    if (n >= 8) {
        return v_pair(eight_at(in), eight_at(in + n - 8) >> 8 * (15 - n) >> 8);
    }
    if (n >= 4) {
        return v_pair(four_at(in) | four_at(in + n - 4) << 8 * (n - 4), 0);
    }
    if (n > 0) {
        return v_pair((uint64_t)in[0] | (uint64_t)in[n / 2] << 8 * (n / 2) |
                          (uint64_t)in[n - 1] << 8 * (n - 1),
                      0);
    }
    return v_all(0);
}

/* The first n < 16 bytes of v, in the same way. */
GP_TARGET static inline void store_short(uint8_t *out, v16 v, size_t n)
{
    const uint64_t low = v_low_half(v);
    if (n >= 8) {
        const uint64_t last = low >> 8 * (n - 8) | v_high_half(v) << 8 * (15 - n) << 8;
        memcpy(out, &low, 8);
        memcpy(out + n - 8, &last, 8);
    } else if (n >= 4) {
        const uint64_t last = low >> 8 * (n - 4);
        memcpy(out, &low, 4);
        memcpy(out + n - 4, &last, 4);
    } else if (n > 0) {
        out[0] = (uint8_t)low;
        out[n / 2] = (uint8_t)(low >> 8 * (n / 2));
        out[n - 1] = (uint8_t)(low >> 8 * (n - 1));
    }
}

GP_TARGET static size_t find(const uint8_t *in, size_t n, uint8_t a, uint8_t b)
{
    const v32 all_a = w_all(a);
    const v32 all_b = w_all(b);
    size_t i = 0;
    for (; n - i >= 64; i += 64) {
        const v32 low = w_load(in + i);
        const v32 high = w_load(in + i + 32);
        const v32 in_low = w_or(w_equal(low, all_a), w_equal(low, all_b));
        const v32 in_high = w_or(w_equal(high, all_a), w_equal(high, all_b));
        if (w_bits(w_or(in_low, in_high)) != 0) {
            const uint64_t found = w_bits(in_low) | (uint64_t)w_bits(in_high) << 32;
            return i + (size_t)__builtin_ctzll(found);
        }
    }
    for (; n - i >= 16; i += 16) {
        const v16 bytes = v_load(in + i);
        const uint32_t found = v_bits(v_or(v_equal(bytes, v_all(a)), v_equal(bytes, v_all(b))));
        if (found != 0) {
            return i + lowest(found);
        }
    }
    while (i < n && in[i] != a && in[i] != b) {
        i++;
    }
    return i;
}

/*
 * Which bytes are forbidden. A byte is a row (its low nibble) and a column (its high one) of
 * a table of 256 bits; a row is two bytes of it.
 */
GP_TARGET static inline v16 forbidden_among(const gp_stuffing *p, v16 bytes)
{
    const v16 row = v_or(v_lookup(v_load(p->low_rows), bytes),
                         v_lookup(v_load(p->high_rows), v_xor(bytes, v_all(0x80))));
    const v16 column = v_lookup(v_or(v_load(low_lanes), v_load(high_lanes)), v_high_nibbles(bytes));
    return v_equal(v_and(row, column), column);
}

GP_TARGET static int has_forbidden(const gp_stuffing *p, const uint8_t *in, size_t n)
{
    v16 found = v_all(0);
    if (p->k == 1) {
        return 0; /* the delimiter is the only one */
    }
    for (; n >= 16; n -= 16, in += 16) {
        found = v_or(found, forbidden_among(p, v_load(in)));
    }
    const uint32_t last = v_bits(forbidden_among(p, load_short(in, n))) & ((1u << n) - 1u);
    return (v_bits(found) | last) != 0;
}

/*
 * COBS of 16 bytes as they stand if no block fills up: each zero becomes the distance to the next
 * one, which is the greatest of `to_end` behind it. The last zero is left with a number of no
 * meaning, as what follows decides it.
 */
GP_TARGET static inline v16 coded(v16 source)
{
    const v16 zeros = v_equal(source, v_all(0));
    const v16 ends = v_load(to_end);
    v16 next = v_behind_1(v_and(zeros, ends));
    next = v_max(next, v_behind_1(next));
    next = v_max(next, v_behind_2(next));
    next = v_max(next, v_behind_4(next));
    next = v_max(next, v_behind_8(next));
    return v_or(source, v_and(zeros, v_sub(ends, next)));
}

/*
 * `zeros` are among 16 bytes that stand at `at`: the first closes the open block, the last opens
 * one. Without any the code is wrong and written again later: dense and sparse places mix, and
 * guessing costs more.
 */
static inline void close_block(gp_stuffer *s, size_t at, uint32_t zeros)
{
    s->out[s->code_at] = (uint8_t)(at + lowest(zeros | 1u << 16) - s->code_at);
    s->code_at = zeros != 0 ? at + highest(zeros | 1u) : s->code_at;
}

/* Stands at `at`: 32 bytes, of which only the first are the block's if not all of them are. */
GP_TARGET static inline void put_32(gp_stuffer *s, const uint8_t *in, uint32_t its)
{
    const v32 bytes = w_load(in);
    const uint32_t zeros = w_bits(w_equal(bytes, w_all(0))) & its;
    if (zeros == 0) {
        w_store(s->out + s->at, bytes);
        return;
    }
    v_store(s->out + s->at, coded(v_load(in)));
    v_store(s->out + s->at + 16, coded(v_load(in + 16)));
    close_block(s, s->at, zeros & 0xffff);
    close_block(s, s->at + 16, zeros >> 16);
}

GP_TARGET static inline void stuff_clean(gp_stuffer *s, const uint8_t *in, size_t n)
{
    gp_stuffer t = *s; /* in registers: nothing else points to it */
    while (n > 0) {
        /* Whole steps stand apart, so that none waits for the sizes of those before. */
        for (; n >= 64 && t.at - t.code_at <= 255 - 64; in += 64, n -= 64, t.at += 64) {
            const v32 low = w_load(in);
            const v32 high = w_load(in + 32);
            const v32 zeros = w_or(w_equal(low, w_all(0)), w_equal(high, w_all(0)));
            if (w_bits(zeros) != 0) {
                break;
            }
            w_store(t.out + t.at, low);
            w_store(t.out + t.at + 32, high);
        }
        for (; n >= 32 && t.at - t.code_at <= 255 - 32; in += 32, n -= 32, t.at += 32) {
            put_32(&t, in, 0xffffffff);
        }
        if (n == 0) {
            break;
        }
        if (t.at - t.code_at == 255) {
            t.out[t.code_at] = 0xff;
            t.code_at = t.at++;
        }
        const size_t room = t.code_at + 255 - t.at;
        const size_t most = n < 32 ? n : 32;
        const size_t step = room < most ? room : most; /* what is stored behind it is not yet */
        put_32(&t, in, (uint32_t)((1ull << step) - 1u));
        t.at += step;
        in += step;
        n -= step;
    }
    *s = t;
}

/* With more than one forbidden byte blocks are short: from one to the next by a bit mask. */
GP_TARGET static inline void stuff_dirty(gp_stuffer *s, const uint8_t *in, size_t n)
{
    const gp_stuffing *const p = s->profile;
    const size_t k = p->k;
    size_t code_at = s->code_at;
    size_t at = s->at;
    while (n > 0) {
        const size_t step = n < 32 ? n : 32;
        const uint64_t low = v_bits(forbidden_among(p, v_load(in)));
        const uint64_t high = v_bits(forbidden_among(p, v_load(in + 16)));
        const uint64_t ends = low | high << 16 | (uint64_t)1 << step;
        for (size_t i = 0;;) {
            const size_t room = code_at + 1 + p->run_max - at;
            const size_t gap = (size_t)__builtin_ctzll(ends >> i);
            const int full = room <= gap;
            const size_t run = full ? room : gap;
            w_store(s->out + at, w_load(in + i));
            at += run;
            i += run;
            if (i == step) {
                break; /* a full block here is closed by what follows, if anything does */
            }
            /* No branch between the two: nothing could guess it. */
            const size_t closed = (at - code_at - 1) * k + p->class_of[in[i]] - 1u;
            s->out[code_at] = p->code_of[full ? p->run_max * k : closed];
            code_at = at++;
            i += !full;
            if (i == step) {
                break;
            }
        }
        in += step;
        n -= step;
    }
    s->code_at = code_at;
    s->at = at;
}

/*
 * Which of 16 bytes are code bytes, by pointer doubling: every lane looks up where a block that
 * began there would lead, then where that leads, so four rounds follow any chain through 16
 * bytes. Only the last lookup needs to know where the chain begins, so the rounds of one vector
 * overlap with those of the next, where walking from code to code would wait for each byte.
 *
 * `start` has in all lanes where the first code byte stands, 0 being the first lane; it may be
 * past the last. *out_codes is 0xff in the lanes of code bytes. Returns, again in all lanes, where
 * the next code byte stands, 0 being the first lane of the following vector, at most 127.
 */
GP_TARGET static inline v16 follow(v16 bytes, v16 start, v16 *out_codes)
{
    /* 0x70 more than the lane it is: those in this vector are below 0x80 and can be looked up. */
    v16 next = v_add_sat(bytes, v_load(from_start));
    v16 low = v_load(low_lanes); /* the lanes of each lane's chain so far, a bit each */
    v16 high = v_load(high_lanes);
    const v16 lanes = v_or(low, high);
    for (int round = 0; round < 4; round++) {
        low = v_or(low, v_lookup(low, next));
        high = v_or(high, v_lookup(high, next));
        next = v_max(next, v_lookup(next, next)); /* what has left the vector stays where it is */
    }
    const v16 first = v_add_sat(start, v_all(0x70));
    const v16 chain = v_or(v_and(v_lookup(low, first), v_load(low_lanes)),
                           v_and(v_lookup(high, first), v_load(high_lanes)));
    *out_codes = v_equal(chain, lanes);
    return v_max(v_sub_sat(v_lookup(next, first), v_all(0x80)), v_sub_sat(start, v_all(16)));
}

enum { LONG_RUN = 32 }; /* from here on copying is faster than following */

/* Where an unstuffing stands. */
typedef struct gp_place {
    size_t from;
    size_t to;
} gp_place;

/*
 * Goes on at the literals of a block, `run` < LONG_RUN of them, while blocks are short: copies,
 * and puts a zero where a code byte was. Returns 1 with *at on the code byte of a long block, 0
 * with *at at the end, -1 if the last block does not end there.
 */
GP_TARGET static inline int unstuff_short(const uint8_t *in, size_t n, uint8_t *out, size_t run,
                                          gp_place *at)
{
    size_t from = at->from;
    size_t to = at->to;
    v16 start = v_all((uint8_t)run);
    v16 codes;
    for (; n - from >= 16; from += 16, to += 16) { /* to < from: as much room as input */
        const v16 bytes = v_load(in + from);
        start = follow(bytes, start, &codes);
        v_store(out + to, v_and_not(codes, bytes));
        if (v_first(start) >= LONG_RUN) {
            const unsigned lane = highest(v_bits(codes));
            at->from = from + lane;
            at->to = to + lane + 1;
            return 1;
        }
    }
    const size_t left = n - from;
    const v16 bytes = load_short(in + from, left); /* its zeros end every chain */
    follow(bytes, start, &codes);
    store_short(out + to, v_and_not(codes, bytes), left);
    at->from = n;
    at->to = to + left;
    return (v_bits(codes) >> left & 1u) != 0 ? 0 : -1;
}

GP_TARGET static inline void copy_long(uint8_t *out, const uint8_t *in, size_t n)
{
    for (size_t i = 0; n - i > 32; i += 32) {
        w_store(out + i, w_load(in + i));
    }
    w_store(out + n - 32, w_load(in + n - 32));
}

GP_TARGET static inline int64_t unstuff_clean(const uint8_t *in, size_t n, uint8_t *out)
{
    gp_place at = {0, 0};
    for (;;) {
        const size_t run = (size_t)in[at.from++] - 1u;
        if (run > n - at.from) {
            return -1;
        }
        if (run < LONG_RUN) {
            const int going = unstuff_short(in, n, out, run, &at);
            if (going <= 0) {
                return going < 0 ? -1 : (int64_t)at.to;
            }
            continue;
        }
        copy_long(out + at.to, in + at.from, run);
        at.from += run;
        at.to += run;
        if (at.from == n) {
            return (int64_t)at.to;
        }
        out[at.to] = 0;
        at.to += run < 254;
    }
}

GP_TARGET static int64_t unstuff(const gp_stuffing *p, const uint8_t *in, size_t n, uint8_t *out)
{
    return p->k == 1 ? unstuff_clean(in, n, out) : gp_unstuff_portable(p, in, n, out);
}

GP_TARGET static void stuff(gp_stuffer *s, const uint8_t *in, size_t n)
{
    if (s->profile->k == 1) {
        stuff_clean(s, in, n);
    } else {
        stuff_dirty(s, in, n);
    }
}

#endif
