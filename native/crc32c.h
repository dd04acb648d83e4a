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

/*
 * Internal: x^(64 w - 33) modulo the polynomial, reflected, for w = 1 .. GP_CRC_SHIFTS. The
 * carry-less product of a register and the w-th of them, through one step of eight bytes from
 * a register of 0, is that register after 8 w bytes of zero.
 */
#define GP_CRC_SHIFTS 128
extern const uint32_t gp_crc_shifts[GP_CRC_SHIFTS];

#endif
