/* The rolling sum; its rules stand in rolling.h. */
#include "rolling.h"

/* Raised by 1, lest zeros be nothing: blocks of them would have the same sum at every length. */
static uint32_t term(uint8_t byte)
{
    return (uint32_t)byte + 1u;
}

static uint32_t power(uint32_t base, size_t exponent)
{
    uint32_t result = 1;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1u) {
            result *= base;
        }
        base *= base;
    }
    return result;
}

static int is_known(uint32_t sum, const uint32_t *sums, size_t count, const uint8_t *filter)
{
    const unsigned bits = filter[sum >> 19];
    if ((bits >> (sum >> 16 & 7u) & 1u) == 0) {
        return 0;
    }
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (sums[middle] < sum) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && sums[low] == sum;
}

uint32_t gp_rolling_sum(const uint8_t *data, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum = sum * GP_ROLLING_MULTIPLIER + term(data[i]);
    }
    return sum;
}

size_t gp_rolling_find(const uint8_t *data, size_t n, size_t start, size_t block,
                       const uint32_t *sums, size_t count, const uint8_t *filter,
                       uint32_t *out_sum)
{
    if (block == 0 || start > n || n - start < block) {
        return n;
    }
    const uint32_t leaving = power(GP_ROLLING_MULTIPLIER, block);
    uint32_t sum = gp_rolling_sum(data + start, block);
    for (size_t at = start;; at++) {
        if (is_known(sum, sums, count, filter)) {
            *out_sum = sum;
            return at;
        }
        if (at + block == n) {
            return n;
        }
        sum = sum * GP_ROLLING_MULTIPLIER + term(data[at + block]) - leaving * term(data[at]);
    }
}
