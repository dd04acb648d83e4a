/*
 * Every path gives what the portable one gives, for every length 1 .. 2048 and some longer ones,
 * and touches nothing outside its buffers: each of them begins, or ends, at a guard page.
 *
 *     test_guards [all [SEED]]
 */
#define _DEFAULT_SOURCE
#include "check.h"
#include "crc32c.h"
#include "framing.h"
#include "guarded.h"

enum { LONGEST = 2048, HEADER = 8, KINDS = 6 };
enum { LINE = GP_ENCODED_MAX(GP_PRINTABLE, GP_BODY_MAX) + 64 };

static const uint32_t STATE = 0x01234567;

static guarded bodies, lines, outs, holds;

/* What the portable path made. */
static uint8_t expected[LINE];
static size_t expected_size;

static void fill(uint64_t *seed, unsigned kind, uint8_t *body, size_t n)
{
    static const uint8_t marks[] = "\0\x11\x13\x1e\n{}\xff";
    for (size_t i = 0; i < n; i++) {
        const uint64_t random = next_random(seed);
        const uint8_t any = (uint8_t)(random >> 24);
        const uint8_t mark = marks[random % (sizeof marks - 1)];
        switch (kind) {
        case 0:
            body[i] = any;
            break;
        case 1: /* half zeros, at random places */
            body[i] = random >> 40 & 1 ? 0 : (uint8_t)(any | 1);
            break;
        case 2: /* full blocks, and an end exactly at one */
            body[i] = 'a';
            break;
        case 3: /* blocks of all lengths */
            body[i] = random >> 40 & 127 ? (uint8_t)(any | 1) : 0;
            break;
        case 4:
            body[i] = mark;
            break;
        default:
            body[i] = 0;
            break;
        }
    }
}

static void check_encoding(gp_profile profile, const uint8_t *body, size_t n, int at_end,
                           size_t extra)
{
    const size_t cap = gp_encoded_max(profile, n) + extra;
    gp_encoder e = {profile, STATE, place(&lines, cap, at_end), cap, 0};
    const int64_t size = gp_encode_one(&e, body, n);
    CHECK(size == (int64_t)expected_size && memcmp(e.out, expected, expected_size) == 0);
}

static void check_segments(gp_profile profile, const uint8_t *body, size_t n, int at_end)
{
    uint8_t *const header = place(&holds, HEADER, at_end);
    const size_t cap = gp_encoded_max(profile, n);
    size_t frames, taken;
    gp_encoder e = {profile, STATE, place(&lines, cap, at_end), cap, 0};
    if (n <= HEADER) {
        return;
    }
    memcpy(header, body, HEADER);
    CHECK(gp_encode_segments(&e, header, HEADER, 2, body + HEADER, n - HEADER, n, &frames,
                             &taken) == (int64_t)expected_size);
    CHECK(memcmp(e.out, expected, expected_size) == 0 && frames == 1 && taken == n - HEADER);
}

/* Straight from the input, or through `hold` where the input ends once. */
static void check_decoding(gp_profile profile, const uint8_t *body, size_t n, int at_end,
                           size_t first)
{
    const size_t out_cap = 2 * expected_size + 1;
    uint8_t *const line = place(&lines, expected_size, at_end);
    uint8_t *const out = place(&outs, out_cap, at_end);
    gp_decoder d;
    gp_desc desc = {0, 0, 0};
    size_t used;
    memcpy(line, expected, expected_size);
    CHECK(gp_decoder_init(&d, profile, place(&holds, expected_size, at_end), expected_size) == 0);
    CHECK(gp_decoder_set_crc(&d, &STATE, 1) == 0);
    if (first > 0) {
        CHECK(gp_decode(&d, line, first, out, out_cap, &desc, 1, &used) == 0 && used == first);
    }
    CHECK(gp_decode(&d, line + first, expected_size - first, out, out_cap, &desc, 1, &used) == 1);
    CHECK(used == expected_size - first && desc.which == 0 && desc.length == n);
    CHECK(memcmp(out + desc.offset, body, n) == 0);
}

/* Damage must not lead astray: the same verdict, and the same bytes, on each path. */
static void check_damage(gp_profile profile, size_t at, uint8_t flip, int at_end, gp_path path)
{
    static uint8_t heard[2][2 * LINE];
    gp_desc descs[2][4];
    size_t found[2], used;
    const size_t out_cap = 2 * expected_size + 1;
    uint8_t *const line = place(&lines, expected_size, at_end);
    uint8_t *const out = place(&outs, out_cap, at_end);
    memcpy(line, expected, expected_size);
    line[at] ^= flip;
    for (int which = 0; which < 2; which++) {
        gp_decoder d;
        CHECK(gp_use_path(which == 0 ? GP_PATH_PORTABLE : path));
        CHECK(gp_decoder_init(&d, profile, place(&holds, LINE, at_end), LINE) == 0);
        CHECK(gp_decoder_set_crc(&d, &STATE, 1) == 0);
        found[which] =
            gp_decode(&d, line, expected_size, out, out_cap, descs[which], 4, &used);
        size_t n = 0;
        for (size_t i = 0; i < found[which]; i++) {
            memcpy(heard[which] + n, out + descs[which][i].offset, descs[which][i].length);
            n += descs[which][i].length;
        }
        CHECK(which == 0 || memcmp(heard[0], heard[1], n) == 0);
    }
    CHECK(found[0] == found[1]);
    for (size_t i = 0; i < found[0]; i++) {
        CHECK(descs[0][i].length == descs[1][i].length && descs[0][i].which == descs[1][i].which);
    }
}

static void check_body(gp_profile profile, unsigned kind, size_t n, uint64_t *seed)
{
    static uint8_t body[GP_BODY_MAX];
    fill(seed, kind, body, n);
    gp_encoder e = {profile, STATE, expected, sizeof expected, 0};
    CHECK(gp_use_path(GP_PATH_PORTABLE));
    const int64_t size = gp_encode_one(&e, body, n);
    CHECK(size > 0);
    expected_size = (size_t)size;
    const size_t first = next_random(seed) % expected_size;
    const size_t damaged = next_random(seed) % expected_size;
    const uint8_t flip = (uint8_t)(next_random(seed) >> 20 | 1);
    for (int path = 0; path < GP_PATHS; path++) {
        for (int at_end = 0; at_end < 2 && gp_use_path((gp_path)path); at_end++) {
            uint8_t *const here = place(&bodies, n, at_end);
            memcpy(here, body, n);
            CHECK(gp_crc32c(STATE, here, n) ==
                  gp_crc32c(~gp_crc32c(STATE, here, n / 3), here + n / 3, n - n / 3));
            check_encoding(profile, here, n, at_end, 0);
            check_encoding(profile, here, n, at_end, 1 + n % 40);
            check_segments(profile, here, n, at_end);
            check_decoding(profile, here, n, at_end, 0);
            check_decoding(profile, here, n, at_end, first);
            check_damage(profile, damaged, flip, at_end, (gp_path)path);
        }
    }
}

/* Every length in every profile; with `all` also in every kind of body. */
static void check_profile(gp_profile profile, int all, uint64_t *seed)
{
    for (size_t n = 1; n <= LONGEST; n++) {
        for (unsigned kind = 0; kind < KINDS; kind++) {
            if (all || kind == n % KINDS) {
                check_body(profile, kind, n, seed);
            }
        }
    }
    for (unsigned kind = 0; kind < KINDS; kind++) {
        for (unsigned round = 0; round < (all ? 40 : 4); round++) {
            check_body(profile, kind, 1 + next_random(seed) % GP_BODY_MAX, seed);
        }
        check_body(profile, kind, GP_BODY_MAX, seed);
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) | 1 : 4;
    bodies = between_guards(GP_BODY_MAX);
    lines = between_guards(LINE);
    outs = between_guards(2 * LINE + 1);
    holds = between_guards(LINE);
    for (int path = 0; path < GP_PATHS; path++) {
        if (gp_has_path((gp_path)path)) {
            printf("on %s\n", gp_path_name((gp_path)path));
        }
    }
    for (unsigned profile = GP_CLEAN; profile <= GP_PRINTABLE; profile++) {
        check_profile((gp_profile)profile, argc > 1 && strcmp(argv[1], "all") == 0, &seed);
    }
    return 0;
}
