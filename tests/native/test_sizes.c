/*
 * The worst case is never exceeded, is reached, and is enough room: every body length
 * 1 .. 2048 in every profile, in buffers of exactly that size.
 */
#include "check.h"
#include "framing.h"
#include "stuffing.h"

enum { LONGEST = 2048 };

/* Usable at compile time. */
static uint8_t room[GP_ENCODED_MAX(GP_PRINTABLE, LONGEST)];

static int64_t encode_exactly(gp_profile profile, uint32_t state, const uint8_t *body, size_t n)
{
    const size_t most = gp_encoded_max(profile, n);
    uint8_t *const out = exactly(most);
    gp_encoder e = {profile, state, out, most, 0};
    const int64_t size = gp_encode_one(&e, body, n);
    CHECK(size > 0 && (size_t)size <= most);
    e.cap = most - 1;
    CHECK(gp_encode_one(&e, body, n) == GP_ERR_CAPACITY);
    release(out, most);
    return size;
}

/* Letters are forbidden nowhere; a CRC state is looked for that makes the CRC so too. */
static int is_reached(gp_profile profile, const uint8_t *letters, size_t n)
{
    const int64_t most = (int64_t)gp_encoded_max(profile, n);
    for (uint32_t state = 0; state < 500; state++) {
        gp_encoder e = {profile, state, room, sizeof room, 0};
        if (gp_encode_one(&e, letters, n) == most) {
            return 1;
        }
    }
    return 0;
}

static void check_length(gp_profile profile, size_t n, uint64_t *seed)
{
    uint8_t *const body = exactly(n);
    memset(body, 'a', n);
    CHECK(is_reached(profile, body, n));
    encode_exactly(profile, 0, body, n);
    for (unsigned value = 0; value < 256; value += 17) {
        memset(body, (int)value, n);
        encode_exactly(profile, 0, body, n);
    }
    fill_random(seed, body, n);
    encode_exactly(profile, 0, body, n);
    for (size_t i = 0; i < n; i++) {
        body[i] = next_random(seed) & 0x10000 ? 0x00 : 0x11;
    }
    encode_exactly(profile, 0, body, n);
    release(body, n);
}

static void tests(void)
{
    uint64_t seed = 1;
    for (unsigned profile = GP_CLEAN; profile <= GP_PRINTABLE; profile++) {
        for (size_t n = 0; n <= LONGEST; n++) {
            CHECK(gp_encoded_max((gp_profile)profile, n) == GP_ENCODED_MAX(profile, n));
            if (n > 0) {
                check_length((gp_profile)profile, n, &seed);
            }
        }
        check_length((gp_profile)profile, LONGEST, &seed);
        CHECK(gp_encoded_max((gp_profile)profile, GP_BODY_MAX) > GP_BODY_MAX);
        CHECK(gp_encoded_max((gp_profile)profile, GP_BODY_MAX + 1) == 0);
    }
    CHECK(gp_encoded_max((gp_profile)4, 1) == 0);
}

int main(void)
{
    on_every_path(tests);
    return 0;
}
