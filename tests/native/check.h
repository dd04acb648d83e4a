/* What the C tests share: a check that says where it failed, a small generator, every path. */
#ifndef GP_CHECK_H
#define GP_CHECK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paths.h"

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);       \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

/* xorshift64: the same numbers everywhere. */
static inline uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static inline void fill_random(uint64_t *seed, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)(next_random(seed) >> 24);
    }
}

/* Exactly n bytes of heap, so that a sanitizer sees the first byte too many. */
static inline uint8_t *exactly(size_t n)
{
    uint8_t *const memory = malloc(n > 0 ? n : 1);
    CHECK(memory != NULL);
    return n > 0 ? memory : memory + 1;
}

static inline void release(uint8_t *memory, size_t n)
{
    free(n > 0 ? memory : memory - 1);
}

/* Runs `tests` on each path that this machine has, and says which those are. */
static inline void on_every_path(void (*tests)(void))
{
    for (int path = 0; path < GP_PATHS; path++) {
        if (gp_use_path((gp_path)path)) {
            CHECK(gp_path_in_use() == (gp_path)path);
            printf("on %s\n", gp_path_name((gp_path)path));
            tests();
        }
    }
}

#endif
