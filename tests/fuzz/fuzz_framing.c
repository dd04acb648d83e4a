/*
 * Any bytes give frames, residue or held bytes, the same however they are cut and on every path,
 * in bounded memory; and every body comes back from its frame.
 *
 * The input is a small program, because chance alone does not write a good CRC: profile,
 * hold, and then what to put on the line. native/framing.h says what a line is.
 */
#include "heard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of the input. */
typedef struct tape {
    const uint8_t *at;
    size_t left;
} tape;

static uint8_t take_byte(tape *t)
{
    if (t->left == 0) {
        return 0;
    }
    t->left--;
    return *t->at++;
}

static size_t take_bytes(tape *t, size_t n, const uint8_t **out)
{
    const size_t taken = n < t->left ? n : t->left;
    *out = t->at;
    t->at += taken;
    t->left -= taken;
    return taken;
}

/* One of: bytes as they are, a frame, a damaged frame, a frame under a state nobody expects. */
static size_t put_on_line(gp_profile profile, tape *t, uint8_t *line, size_t cap)
{
    const uint8_t *bytes;
    const uint8_t what = take_byte(t);
    const size_t n = take_bytes(t, take_byte(t), &bytes);
    const uint32_t state = what & 4 ? STATES[0] : STATES[1];
    if ((what & 3) == 0) {
        const size_t fits = n < cap ? n : cap;
        memcpy(line, bytes, fits);
        return fits;
    }
    gp_encoder e = {profile, (what & 3) == 3 ? 7u : state, line, cap, 0};
    const int64_t size = gp_encode_one(&e, bytes, n);
    if (size < 0) {
        return 0;
    }
    if ((what & 3) == 2) {
        const size_t at = take_byte(t) % (size_t)size;
        line[at] ^= take_byte(t);
    }
    return (size_t)size;
}

/* The line that the rest of the input puts together, and its length. */
static size_t write_line(gp_profile profile, tape t, uint8_t *line)
{
    size_t n = 0;
    while (t.left > 0 && n < LINE_MAX / 2) {
        n += put_on_line(profile, &t, line + n, LINE_MAX / 2 - n);
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t line[LINE_MAX], first[LINE_MAX];
    static heard portable;
    size_t first_size = 0;
    tape t = {data, size};
    const gp_profile profile = (gp_profile)(take_byte(&t) & 3);
    const size_t hold_cap = 2u + 2u * take_byte(&t);
    for (int path = GP_PATH_PORTABLE; path < GP_PATHS; path++) {
        if (!gp_use_path((gp_path)path)) {
            continue;
        }
        if (t.left > 0 && t.left <= LINE_MAX / 2) {
            check_round_trip(profile, t.at, t.left, hold_cap % (t.left + 1));
        }
        const size_t n = write_line(profile, t, line);
        if (path == GP_PATH_PORTABLE) {
            memcpy(first, line, n);
            first_size = n;
        }
        CHECK(n == first_size && memcmp(line, first, n) == 0);
        uint8_t *const exact = exactly(n);
        memcpy(exact, line, n);
        const heard *const h = check_line(profile, exact, n, hold_cap);
        if (path == GP_PATH_PORTABLE) {
            portable = *h;
        }
        check_same(&portable, h);
        release(exact, n);
    }
    return 0;
}
