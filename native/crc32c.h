/* CRC-32C (Castagnoli) with a starting state of the caller's choice. */
#ifndef GP_CRC32C_H
#define GP_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * The reflected CRC with polynomial 0x82F63B78 over n bytes of `in`: the register
 * starts at `state` and is inverted at the end. State 0xFFFFFFFF gives the published
 * CRC-32C (RFC 3720, appendix B.4): 0xE3069283 over "123456789". A CRC in two pieces
 * is gp_crc32c(~gp_crc32c(state, a, m), b, n). With n = 0, `in` is not looked at.
 */
uint32_t gp_crc32c(uint32_t state, const uint8_t *in, size_t n);

#endif
