/*
 * A rolling sum: whether some block of known bytes begins at a place is said by 32 bits, which
 * move on by a byte for a multiplication. Finds where a new version of a file goes on as an older
 * one did; another digest then says whether it really does.
 */
#ifndef GP_ROLLING_H
#define GP_ROLLING_H

#include <stddef.h>
#include <stdint.h>

/* Multiplier of the polynomial: data[0] * M^(n-1) + ... + data[n-1], each byte raised by 1. */
#define GP_ROLLING_MULTIPLIER 0x9e3779b1u

/* Bits of the filter: one for each value that the upper 16 bits of a sum have. */
#define GP_ROLLING_FILTER_BYTES 8192

/* The sum of n bytes. */
uint32_t gp_rolling_sum(const uint8_t *data, size_t n);

/*
 * The least place p >= start with p + block <= n where the sum of `block` bytes (> 0) is one of
 * `sums`; n if there is none. `sums` are `count` values that rise, and `filter` has the bit
 * (sum >> 16) of each: filter[sum >> 19] >> (sum >> 16 & 7) & 1. Then *out_sum is the sum.
 */
size_t gp_rolling_find(const uint8_t *data, size_t n, size_t start, size_t block,
                       const uint32_t *sums, size_t count, const uint8_t *filter,
                       uint32_t *out_sum);

#endif
