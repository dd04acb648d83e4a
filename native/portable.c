/* The path that every compiler can build: C11, and nothing of any processor. */
#include <string.h>

#include "kernels.h"

static size_t find(const uint8_t *in, size_t n, uint8_t a, uint8_t b)
{
    size_t i = 0;
    if (n == 0) {
        return 0;
    }
    if (a == b) {
        const uint8_t *const found = memchr(in, a, n);
        return found == NULL ? n : (size_t)(found - in);
    }
    while (i < n && in[i] != a && in[i] != b) {
        i++;
    }
    return i;
}

static int has_forbidden(const gp_stuffing *p, const uint8_t *in, size_t n)
{
    unsigned found = 0;
    if (p->k == 1) {
        return 0; /* the delimiter is the only one */
    }
    for (size_t i = 0; i < n; i++) {
        found |= p->class_of[in[i]];
    }
    return found != 0;
}

const gp_kernels gp_portable_kernels = {
    GP_PATH_PORTABLE,  gp_crc_portable,    find,
    has_forbidden,     gp_stuff_portable,  gp_unstuff_portable,
};
