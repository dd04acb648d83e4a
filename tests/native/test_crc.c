/* The CRC is the one of crc32c.h a bit at a time, from every state, length and address. */
#include "check.h"
#include "crc32c.h"

static uint32_t bit_by_bit(uint32_t crc, const uint8_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        crc ^= in[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
        }
    }
    return ~crc;
}

static void tests(void)
{
    const uint32_t states[] = {0, 0xffffffff, 0x01234567, 0x80000000};
    uint64_t seed = 3;
    CHECK(gp_crc32c(0xffffffff, (const uint8_t *)"123456789", 9) == 0xe3069283);
    for (size_t n = 0; n <= 600; n++) {
        for (size_t shift = 0; shift < 8; shift++) {
            uint8_t *const block = exactly(n + shift);
            const uint8_t *const in = block + shift;
            const uint32_t state = states[(n + shift) % 4] ^ (uint32_t)n;
            fill_random(&seed, block, n + shift);
            CHECK(gp_crc32c(state, in, n) == bit_by_bit(state, in, n));
            const size_t half = n / 3;
            CHECK(gp_crc32c(~gp_crc32c(state, in, half), in + half, n - half) ==
                  gp_crc32c(state, in, n));
            release(block, n + shift);
        }
    }
}

int main(void)
{
    on_every_path(tests);
    return 0;
}
