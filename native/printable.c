/* Base64 of the printable profile; its rules stand in printable.h and framing.h. */
#include "printable.h"

static const char alphabet[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 1 more than the value of a character; 0 is outside the alphabet. */
static const uint8_t value_of[256] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64
};

static uint8_t letter(uint32_t six)
{
    return (uint8_t)alphabet[six & 0x3fu];
}

static size_t put_three(uint32_t bits, uint8_t *out)
{
    out[0] = letter(bits >> 18);
    out[1] = letter(bits >> 12);
    out[2] = letter(bits >> 6);
    out[3] = letter(bits);
    return 4;
}

static size_t put_byte(gp_base64 *b, uint8_t byte, uint8_t *out)
{
    b->bits = b->bits << 8 | byte;
    b->held += 8;
    if (b->held < 24) {
        return 0;
    }
    put_three(b->bits, out);
    b->bits = 0;
    b->held = 0;
    return 4;
}

size_t gp_base64_put(gp_base64 *b, const uint8_t *in, size_t n, uint8_t *out)
{
    size_t written = 0;
    size_t i = 0;
    while (i < n && b->held > 0) {
        written += put_byte(b, in[i++], out + written);
    }
    for (; n - i >= 3; i += 3) {
        const uint32_t bits = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        written += put_three(bits, out + written);
    }
    while (i < n) {
        written += put_byte(b, in[i++], out + written);
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
        while (held == 0 && n - i >= 4) { /* four characters of the alphabet are three bytes */
            const uint32_t a = value_of[in[i]], b = value_of[in[i + 1]];
            const uint32_t c = value_of[in[i + 2]], d = value_of[in[i + 3]];
            if (a == 0 || b == 0 || c == 0 || d == 0) {
                break;
            }
            const uint32_t three = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
            out[written++] = (uint8_t)(three >> 16);
            out[written++] = (uint8_t)(three >> 8);
            out[written++] = (uint8_t)three;
            i += 4;
        }
        if (i == n) {
            break;
        }
        const unsigned value = value_of[in[i]];
        if (value == 0) {
            continue;
        }
        bits = bits << 6 | (value - 1);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[written++] = (uint8_t)(bits >> held);
            bits &= (1u << held) - 1u;
        }
    }
    return held == 6 || bits != 0 ? -1 : (int64_t)written;
}
