/* COBS-k; its rules stand in framing.h, the contracts in stuffing.h. */
#include "stuffing.h"

#include <string.h>

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

/* The classes of eight source bytes, the first in the lowest lane. */
static uint64_t classes_of_eight(const gp_stuffing *p, const uint8_t *in)
{
    uint64_t lanes = 0;
    if (p->k == 1) {
        const uint64_t low = 0x7f7f7f7f7f7f7f7fu;
        for (unsigned i = 0; i < 8; i++) {
            lanes |= (uint64_t)in[i] << (8 * i);
        }
        return ~(((lanes & low) + low) | lanes | low) >> 7; /* 1 where the byte is 0 */
    }
    for (unsigned i = 0; i < 8; i++) {
        lanes |= (uint64_t)p->class_of[in[i]] << (8 * i);
    }
    return lanes;
}

/*
 * Source bytes are copied to where they stand if no block fills up: one past the code
 * byte. A forbidden byte leaves its own place for the next code byte.
 */
void gp_stuff(gp_stuffer *s, const uint8_t *in, size_t n)
{
    const gp_stuffing *const p = s->profile;
    uint8_t *const out = s->out;
    const size_t k = p->k;
    size_t code_at = s->code_at;
    size_t at = s->at;
    while (n > 0) {
        size_t full_at = code_at + 1 + p->run_max;
        if (at == full_at) {
            out[code_at] = p->code_of[p->run_max * k];
            code_at = at++;
            full_at = code_at + 1 + p->run_max;
        }
        if (n >= 8 && full_at - at >= 8) {
            uint64_t lanes = classes_of_eight(p, in);
            memcpy(out + at, in, 8);
            while (lanes != 0) {
                const unsigned lane = lowest_lane(lanes);
                const size_t which = (size_t)(lanes >> (8 * lane) & 0xffu) - 1;
                out[code_at] = p->code_of[(at + lane - code_at - 1) * k + which];
                code_at = at + lane;
                lanes &= ~((uint64_t)0xff << (8 * lane));
            }
            at += 8;
            in += 8;
            n -= 8;
            continue;
        }
        const size_t class = p->class_of[*in];
        out[at] = *in;
        if (class != 0) {
            out[code_at] = p->code_of[(at - code_at - 1) * k + class - 1];
            code_at = at;
        }
        at++;
        in++;
        n--;
    }
    s->code_at = code_at;
    s->at = at;
}

/* A run of M ends here as a full block; any shorter one with the virtual F[0]. */
void gp_stuff_end(gp_stuffer *s)
{
    s->out[s->code_at] = s->profile->code_of[(s->at - s->code_at - 1) * s->profile->k];
}

/* Copies the literals of a block; eight at a time while `slack` bytes follow on both sides. */
static void copy_run(uint8_t *out, const uint8_t *in, size_t run, size_t slack)
{
    if (run > 32 || slack < run + 8) {
        memcpy(out, in, run);
        return;
    }
    for (size_t i = 0; i < run; i += 8) {
        memcpy(out + i, in + i, 8);
    }
}

int64_t gp_unstuff(const gp_stuffing *p, const uint8_t *in, size_t n, uint8_t *out)
{
    size_t from = 0;
    size_t to = 0;
    for (;;) {
        const uint8_t code = in[from++];
        const size_t run = p->run_of[code];
        if (run == GP_NO_RUN || run > n - from) {
            return -1;
        }
        copy_run(out + to, in + from, run, n - from); /* to < from: as much room as input */
        from += run;
        to += run;
        if (from == n) {
            return run == p->run_max || p->tail_of[code] == p->forbidden[0] ? (int64_t)to : -1;
        }
        if (run < p->run_max) {
            out[to++] = p->tail_of[code];
        }
    }
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

int gp_has_forbidden(const gp_stuffing *p, const uint8_t *in, size_t n)
{
    unsigned found = 0;
    if (p->k == 1) {
        return 0; /* the delimiter is the only one */
    }
    for (size_t i = 0; i < n; i++) {
        found |= p->class_of[in[i]];
    }
    return found != 0;
}
