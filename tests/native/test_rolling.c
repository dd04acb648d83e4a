/* What the rolling sum finds is what a search place by place finds, and nothing else is read. */
#include "check.h"
#include "rolling.h"

enum { LONGEST = 300, SUMS = 8 };

static uint8_t filter[GP_ROLLING_FILTER_BYTES];

static void know(uint32_t sum)
{
    filter[sum >> 19] = (uint8_t)(filter[sum >> 19] | 1u << (sum >> 16 & 7u));
}

static int rising(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static size_t found_slowly(const uint8_t *data, size_t n, size_t start, size_t block,
                           const uint32_t *sums, size_t count)
{
    for (size_t at = start; at + block <= n; at++) {
        const uint32_t sum = gp_rolling_sum(data + at, block);
        for (size_t i = 0; i < count; i++) {
            if (sums[i] == sum) {
                return at;
            }
        }
    }
    return n;
}

static void test_the_sum_is_the_polynomial(void)
{
    const uint8_t data[] = {0, 7, 255};
    const uint32_t m = GP_ROLLING_MULTIPLIER;
    CHECK(gp_rolling_sum(data, 0) == 0);
    CHECK(gp_rolling_sum(data, 1) == 1);
    CHECK(gp_rolling_sum(data, 3) == m * m + 8u * m + 256u);
}

static void test_every_place_is_looked_at(uint64_t *seed)
{
    for (int round = 0; round < 3000; round++) {
        const size_t n = next_random(seed) % LONGEST;
        const size_t block = 1 + next_random(seed) % 40;
        const size_t start = next_random(seed) % (n + 2);
        uint8_t *const data = exactly(n);
        fill_random(seed, data, n);
        uint32_t sums[SUMS];
        const size_t count = next_random(seed) % (SUMS + 1);
        memset(filter, 0, sizeof filter);
        for (size_t i = 0; i < count; i++) {
            /* Some of what is there, some whose upper half alone is. */
            const size_t at = n >= block ? next_random(seed) % (n - block + 1) : 0;
            const uint32_t there = n >= block ? gp_rolling_sum(data + at, block) : 5;
            sums[i] = next_random(seed) % 2 ? there : there ^ 1u;
            know(sums[i]);
        }
        qsort(sums, count, sizeof sums[0], rising);
        uint32_t sum = 0;
        const size_t found = gp_rolling_find(data, n, start, block, sums, count, filter, &sum);
        CHECK(found == found_slowly(data, n, start, block, sums, count));
        CHECK(found == n || sum == gp_rolling_sum(data + found, block));
        release(data, n);
    }
}

int main(void)
{
    uint64_t seed = 88172645463325252u;
    test_the_sum_is_the_polynomial();
    test_every_place_is_looked_at(&seed);
    return 0;
}
