/* COBS-k: the stuffing of framing.h, and the tables of the profiles that use it. Internal. */
#ifndef GP_STUFFING_H
#define GP_STUFFING_H

#include <stddef.h>
#include <stdint.h>

#define GP_FORBIDDEN_MAX 20
#define GP_NO_RUN 255u /* above every M */

typedef struct gp_stuffing {
    uint8_t k;         /* how many values are forbidden */
    uint8_t run_max;   /* M: literals of a full block */
    uint8_t delimiter; /* one of the forbidden values */
    uint8_t forbidden[GP_FORBIDDEN_MAX]; /* F, ascending; k of them are used */
    uint8_t class_of[256]; /* of a source byte: 0 = literal, which + 1 = F[which] */
    uint8_t code_of[256];  /* of an index i: alphabet[i], for i = 0 .. M * k */
    uint8_t run_of[256];   /* of a code byte: its literals, or GP_NO_RUN: not a code byte */
    uint8_t tail_of[256];  /* of a code byte: the forbidden byte after them */
} gp_stuffing;

/* Indexed by gp_profile, without GP_PRINTABLE. */
extern const gp_stuffing gp_stuffings[3];

/* Start one as {profile, out, 0, 1}; `out` must hold the worst case of all that is put in. */
typedef struct gp_stuffer {
    const gp_stuffing *profile;
    uint8_t *out;
    size_t code_at; /* where the code byte of the open block goes */
    size_t at;      /* where the next byte goes */
} gp_stuffer;

void gp_stuff(gp_stuffer *s, const uint8_t *in, size_t n);

/* Closes the last block; `at` is then the size, without a delimiter. */
void gp_stuff_end(gp_stuffer *s);

/*
 * Turns n > 0 bytes without a forbidden one among them back into at most n bytes of
 * `out`, which must not overlap. Returns their number, or -1 if the blocks make no sense.
 */
int64_t gp_unstuff(const gp_stuffing *p, const uint8_t *in, size_t n, uint8_t *out);

/* Whether any of n bytes is forbidden. */
int gp_has_forbidden(const gp_stuffing *p, const uint8_t *in, size_t n);

/* Copies the bytes that are not forbidden and returns how many they are. */
size_t gp_drop_forbidden(const gp_stuffing *p, const uint8_t *in, size_t n, uint8_t *out);

#endif
