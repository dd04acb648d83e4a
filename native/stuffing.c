/* COBS-k; its rules stand in framing.h, the contracts in stuffing.h. */
#include "stuffing.h"

#include <string.h>

#include "kernels.h"

#if defined(_MSC_VER) && defined(_M_X64)
#include <intrin.h>
#endif

static unsigned lowest_lane(uint64_t lanes)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(lanes) >> 3;
#elif defined(_MSC_VER) && defined(_M_X64)
    unsigned long bit;
    _BitScanForward64(&bit, lanes);
    return (unsigned)bit >> 3;
#else
    unsigned lane = 0;
    for (; (lanes & 0xffu) == 0; lanes >>= 8) {
        lane++;
    }
    return lane;
#endif
}

#define ONE_PER_LANE 0x0101010101010101u

/* The classes of eight source bytes, the first in the lowest lane. */
static inline uint64_t classes_of_eight(const gp_stuffing *p, size_t k, const uint8_t *in)
{
    if (k == 1) { /* spelled out, so that compilers make one load of it */
        const uint64_t bytes = (uint64_t)in[0] | (uint64_t)in[1] << 8 | (uint64_t)in[2] << 16 |
                               (uint64_t)in[3] << 24 | (uint64_t)in[4] << 32 |
                               (uint64_t)in[5] << 40 | (uint64_t)in[6] << 48 |
                               (uint64_t)in[7] << 56;
        const uint64_t low = 0x7f * ONE_PER_LANE;
        return ~(((bytes & low) + low) | bytes | low) >> 7; /* 1 where the byte is 0 */
    }
    const uint8_t *const c = p->class_of;
    return (uint64_t)c[in[0]] | (uint64_t)c[in[1]] << 8 | (uint64_t)c[in[2]] << 16 |
           (uint64_t)c[in[3]] << 24 | (uint64_t)c[in[4]] << 32 | (uint64_t)c[in[5]] << 40 |
           (uint64_t)c[in[6]] << 48 | (uint64_t)c[in[7]] << 56;
}

static inline uint8_t code_byte(const gp_stuffing *p, size_t k, size_t run, size_t which)
{
    return k == 1 ? (uint8_t)(run + 1) : p->code_of[run * k + which];
}

/*
 * Source bytes are copied to where they stand if no block fills up: one past the code
 * byte. A forbidden byte leaves its own place for the next code byte. Inlined once with
 * the constants of COBS and once for any k.
 */
static inline void stuff(gp_stuffer *s, size_t k, size_t run_max, const uint8_t *in, size_t n)
{
    const gp_stuffing *const p = s->profile;
    uint8_t *const out = s->out;
    size_t code_at = s->code_at;
    size_t at = s->at;
    while (n > 0) {
        size_t full_at = code_at + 1 + run_max;
        if (at == full_at) {
            out[code_at] = code_byte(p, k, run_max, 0);
            code_at = at++;
            full_at = code_at + 1 + run_max;
        }
        if (n >= 8 && full_at - at >= 8) {
            const uint64_t lanes = classes_of_eight(p, k, in);
            memcpy(out + at, in, 8);
            /* One bit for each lane that is not 0; no class has the highest bit. */
            uint64_t left = (lanes + 0x7f * ONE_PER_LANE) >> 7 & ONE_PER_LANE;
            for (; left != 0; left &= left - 1) {
                const unsigned lane = lowest_lane(left);
                const size_t which = (size_t)(lanes >> (8 * lane) & 0xffu) - 1;
                out[code_at] = code_byte(p, k, at + lane - code_at - 1, which);
                code_at = at + lane;
            }
            at += 8;
            in += 8;
            n -= 8;
            continue;
        }
        const size_t class = p->class_of[*in];
        out[at] = *in;
        if (class != 0) {
            out[code_at] = code_byte(p, k, at - code_at - 1, class - 1);
            code_at = at;
        }
        at++;
        in++;
        n--;
    }
    s->code_at = code_at;
    s->at = at;
}

void gp_stuff_portable(gp_stuffer *s, const uint8_t *in, size_t n)
{
    if (s->profile->k == 1) {
        stuff(s, 1, 254, in, n);
    } else {
        stuff(s, s->profile->k, s->profile->run_max, in, n);
    }
}

/* Copies the literals of a block; `slack` bytes follow on both sides, run included. */
static inline void copy_run(uint8_t *out, const uint8_t *in, size_t run, size_t slack)
{
    if (run > 32 || slack < 40) {
        memcpy(out, in, run);
        return;
    }
    memcpy(out, in, 16); /* short runs are the common ones: no branch on their length */
    for (size_t i = 16; i < run; i += 16) {
        memcpy(out + i, in + i, 16);
    }
}

static inline int64_t unstuff(const gp_stuffing *p, size_t k, size_t run_max, const uint8_t *in,
                              size_t n, uint8_t *out)
{
    size_t from = 0;
    size_t to = 0;
    for (;;) {
        const uint8_t code = in[from++];
        const size_t run = k == 1 ? (size_t)code - 1 : p->run_of[code];
        const uint8_t tail = k == 1 ? 0 : p->tail_of[code];
        if (run > n - from || (k > 1 && run == GP_NO_RUN)) {
            return -1;
        }
        copy_run(out + to, in + from, run, n - from); /* to < from: as much room as input */
        from += run;
        to += run;
        if (from == n) {
            return run == run_max || tail == p->forbidden[0] ? (int64_t)to : -1;
        }
        out[to] = tail;
        to += run < run_max;
    }
}

int64_t gp_unstuff_portable(const gp_stuffing *p, const uint8_t *in, size_t n, uint8_t *out)
{
    return p->k == 1 ? unstuff(p, 1, 254, in, n, out) : unstuff(p, p->k, p->run_max, in, n, out);
}

size_t gp_drop_forbidden(const gp_stuffing *p, const uint8_t *in, size_t n, uint8_t *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        out[kept] = in[i];
        kept += p->class_of[in[i]] == 0;
    }
    return kept;
}
