/* Base64 of the printable profile: RFC 4648 section 4, without padding. Internal. */
#ifndef GP_PRINTABLE_H
#define GP_PRINTABLE_H

#include <stddef.h>
#include <stdint.h>

/* Encodes pieces that need not be multiples of three bytes; start it zeroed. */
typedef struct gp_base64 {
    uint32_t bits; /* source bits not yet written, the newest lowest */
    unsigned held; /* how many of them: 0, 8 or 16 */
} gp_base64;

/* Both return the number of characters written. */
size_t gp_base64_put(gp_base64 *b, const uint8_t *in, size_t n, uint8_t *out);
size_t gp_base64_finish(gp_base64 *b, uint8_t *out);

/*
 * Decodes n characters into at most n bytes of `out`, dropping what is outside the
 * alphabet. Returns the number of bytes, or -1 when one character is left over or a
 * spare bit is set.
 */
int64_t gp_base64_decode(const uint8_t *in, size_t n, uint8_t *out);

#endif
