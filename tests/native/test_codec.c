/* Encoder and decoder in buffers of exactly the size they ask for, whole and cut anywhere. */
#include "check.h"
#include "crc32c.h"
#include "framing.h"
#include "heard.h"

enum { LINE = 4096 };

/* Frames, guards, text and damage, with many marks in it. */
static size_t dirty_line(gp_profile profile, uint64_t *seed, uint8_t *line)
{
    static const uint8_t marks[] = "\0\x11\x13\x1e\n{}A/";
    size_t n = 0;
    while (n < LINE - 1500) {
        uint8_t body[500];
        const size_t length = 1 + next_random(seed) % (next_random(seed) % 8 ? 60 : 500);
        fill_random(seed, body, length);
        for (size_t i = 0; i < length && next_random(seed) % 3; i++) {
            body[i] = marks[next_random(seed) % (sizeof marks - 1)];
        }
        gp_encoder e = {profile, STATES[next_random(seed) % 2], line + n, LINE - n, 0};
        const int64_t size = gp_encode_one(&e, body, length);
        CHECK(size > 0);
        n += (size_t)size;
        switch (next_random(seed) % 8) {
        case 0:
            line[n - 1 - next_random(seed) % (size_t)size] ^= (uint8_t)next_random(seed);
            break;
        case 1:
            n -= next_random(seed) % (size_t)size;
            break;
        case 2:
            line[n++] = marks[next_random(seed) % (sizeof marks - 1)];
            break;
        case 3:
            memset(line + n, 'a', 300);
            n += next_random(seed) % 300;
            break;
        default:
            break;
        }
    }
    return n;
}

/* Cut into header and body at a few places. */
static void check_body(gp_profile profile, const uint8_t *body, size_t n)
{
    for (size_t header = 0; header <= n; header += 1 + n / 6) {
        check_round_trip(profile, body, n, header);
    }
}

static void check_refusals(void)
{
    uint8_t byte[8] = {0};
    gp_decoder d;
    size_t frames = 9, taken = 9;
    const uint32_t lengths[2] = {1, GP_BODY_MAX + 1};
    uint8_t out[64];
    gp_desc desc;
    uint32_t joined;
    gp_encoder nobody = {(gp_profile)4, 0, out, 64, 0};
    gp_encoder e = {GP_CLEAN, 0, out, 64, 0};
    CHECK(gp_encode_one(&nobody, byte, 1) == GP_ERR_PROFILE);
    CHECK(gp_encode_one(&e, NULL, 0) == GP_ERR_LENGTH);
    CHECK(gp_encode_one(&e, byte, SIZE_MAX) == GP_ERR_LENGTH);
    CHECK(gp_encode_many(&e, byte, lengths, 2, &frames) > 0 && frames == 1);
    CHECK(gp_encode_many(&e, byte, lengths + 1, 1, &frames) == GP_ERR_LENGTH && frames == 0);
    CHECK(gp_encode_segments(&e, byte, 2, 1, byte, 8, 4, &frames, &taken) == GP_ERR_COUNTER);
    CHECK(gp_encode_segments(&e, byte, 1, 0, byte, 8, 4, &frames, &taken) == GP_ERR_COUNTER);
    CHECK(gp_encode_segments(&e, byte, 2, 0, byte, 8, 0, &frames, &taken) == GP_ERR_COUNTER);
    CHECK(gp_encode_segments(&e, byte, 33, 0, byte, 8, 4, &frames, &taken) == GP_ERR_LENGTH);
    e.cap = 22;
    CHECK(gp_encode_segments(&e, byte, 2, 0, byte, 8, 3, &frames, &taken) == 22);
    CHECK(frames == 2 && taken == 6 && e.used == 22);
    CHECK(gp_encode_next(&e, byte, 1) == GP_ERR_CAPACITY && e.used == 22);
    CHECK(gp_encode_one(&e, byte, 1) == 7 && gp_encode_next(&e, byte, 1) == 7 && e.used == 14);
    CHECK(gp_decoder_init(&d, (gp_profile)4, byte, 8) == GP_ERR_PROFILE);
    CHECK(gp_decoder_init(&d, GP_CLEAN, byte, 0) == GP_ERR_CAPACITY);
    CHECK(gp_decoder_init(&d, GP_CLEAN, byte, 8) == 0);
    CHECK(gp_decoder_set_crc(&d, STATES, 5) == GP_ERR_LENGTH);
    CHECK(gp_decode(&d, NULL, 0, out, 64, NULL, 0, &taken) == 0 && taken == 0);
    CHECK(gp_decode_runs(&d, 33, 0, byte, 8, out, 64, &desc, &joined, 1, &taken) == GP_ERR_LENGTH);
    CHECK(gp_decode_runs(&d, 1, 0, byte, 8, out, 64, &desc, &joined, 1, &taken) == GP_ERR_COUNTER);
    CHECK(gp_decode_runs(&d, 4, 3, byte, 8, out, 64, &desc, &joined, 1, &taken) == GP_ERR_COUNTER);
    CHECK(taken == 0 && gp_decoder_pending(&d) == 0);
}

static void tests(void)
{
    static uint8_t line[LINE];
    uint64_t seed = 2;
    CHECK(gp_crc32c(0xffffffff, (const uint8_t *)"123456789", 9) == 0xe3069283);
    CHECK(gp_crc32c(0xffffffff, NULL, 0) == 0);
    check_refusals();
    for (unsigned p = GP_CLEAN; p <= GP_PRINTABLE; p++) {
        for (size_t n = 1; n <= 420; n++) {
            uint8_t body[420];
            memset(body, 'a', n);
            check_body((gp_profile)p, body, n);
            fill_random(&seed, body, n);
            check_body((gp_profile)p, body, n);
            for (size_t i = 0; i < n; i += 1 + next_random(&seed) % 4) {
                body[i] = 0;
            }
            check_body((gp_profile)p, body, n);
        }
        for (unsigned round = 0; round < 60; round++) {
            uint8_t *exact;
            const size_t n = dirty_line((gp_profile)p, &seed, line);
            exact = exactly(n);
            memcpy(exact, line, n);
            check_line((gp_profile)p, exact, n, HOLD_MAX);
            release(exact, n);
        }
    }
}

int main(void)
{
    on_every_path(tests);
    return 0;
}
