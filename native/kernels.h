/*
 * The inner loops of the codec, once for each kind of processor. Internal.
 *
 * A path is one table of them; paths.h says which there are. All paths give the same bytes
 * for the same bytes, and none reads or writes outside what is said here.
 */
#ifndef GP_KERNELS_H
#define GP_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "paths.h"
#include "stuffing.h"

/* Other compilers and processors take the portable path, and so do all with GP_PORTABLE. */
#if defined(__GNUC__) && defined(__x86_64__) && !defined(GP_PORTABLE)
#define GP_HAS_X86 1
#else
#define GP_HAS_X86 0
#endif
#if defined(__GNUC__) && defined(__aarch64__) && defined(__AARCH64EL__) && !defined(GP_PORTABLE)
#define GP_HAS_ARM64 1
#else
#define GP_HAS_ARM64 0
#endif

typedef struct gp_kernels {
    gp_path path;

    /* The CRC-32C register after n bytes; unlike gp_crc32c it does not invert. */
    uint32_t (*crc)(uint32_t crc, const uint8_t *in, size_t n);

    /* How many of n bytes come before the first that is a or b; n if none is. */
    size_t (*find)(const uint8_t *in, size_t n, uint8_t a, uint8_t b);

    /* Whether any of n bytes is forbidden. */
    int (*has_forbidden)(const gp_stuffing *p, const uint8_t *in, size_t n);

    /* Puts n bytes, of which GP_SLACK more may be read; see gp_stuffer. */
    void (*stuff)(gp_stuffer *s, const uint8_t *in, size_t n);

    /*
     * Turns n > 0 bytes without a forbidden one among them back into at most n bytes of
     * `out`, which must not overlap. Returns their number, or -1 if the blocks make no sense.
     */
    int64_t (*unstuff)(const gp_stuffing *p, const uint8_t *in, size_t n, uint8_t *out);
} gp_kernels;

extern const gp_kernels gp_portable_kernels;
#if GP_HAS_X86
extern const gp_kernels gp_sse42_kernels;
extern const gp_kernels gp_avx2_kernels;
#endif
#if GP_HAS_ARM64
extern const gp_kernels gp_arm64_kernels;
#endif

/* Those of the path in use. */
const gp_kernels *gp_kernels_in_use(void);

/* The loops of the portable path that others take for what is not worth a vector. */
void gp_stuff_portable(gp_stuffer *s, const uint8_t *in, size_t n);
int64_t gp_unstuff_portable(const gp_stuffing *p, const uint8_t *in, size_t n, uint8_t *out);
uint32_t gp_crc_portable(uint32_t crc, const uint8_t *in, size_t n);

#endif
