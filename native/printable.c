/* Base64 of the printable profile; its rules stand in printable.h and framing.h. */
#include "printable.h"

static const char alphabet[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define DROPPED 64u

static uint32_t value_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint32_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint32_t)(c - 'a') + 26u;
    }
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0') + 52u;
    }
    return c == '+' ? 62u : c == '/' ? 63u : DROPPED;
}

static uint8_t letter(uint32_t six)
{
    return (uint8_t)alphabet[six & 0x3fu];
}

size_t gp_base64_put(gp_base64 *b, const uint8_t *in, size_t n, uint8_t *out)
{
    size_t written = 0;
    for (size_t i = 0; i < n; i++) {
        b->bits = b->bits << 8 | in[i];
        b->held += 8;
        if (b->held == 24) {
            for (unsigned shift = 24; shift > 0;) {
                shift -= 6;
                out[written++] = letter(b->bits >> shift);
            }
            b->bits = 0;
            b->held = 0;
        }
    }
    return written;
}

size_t gp_base64_finish(gp_base64 *b, uint8_t *out)
{
    if (b->held == 8) {
        out[0] = letter(b->bits >> 2);
        out[1] = letter(b->bits << 4);
        return 2;
    }
    if (b->held == 16) {
        out[0] = letter(b->bits >> 10);
        out[1] = letter(b->bits >> 4);
        out[2] = letter(b->bits << 2);
        return 3;
    }
    return 0;
}

int64_t gp_base64_decode(const uint8_t *in, size_t n, uint8_t *out)
{
    size_t written = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t value = value_of(in[i]);
        if (value == DROPPED) {
            continue;
        }
        bits = bits << 6 | value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[written++] = (uint8_t)(bits >> held);
            bits &= (1u << held) - 1u;
        }
    }
    return held == 6 || bits != 0 ? -1 : (int64_t)written;
}
