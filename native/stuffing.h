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
    uint8_t low_rows[16];  /* of a low nibble: the high nibbles 0 .. 7, a bit each, with which it
                              is forbidden */
    uint8_t high_rows[16]; /* the same for 8 .. 15 */
} gp_stuffing;

/* Indexed by gp_profile, without GP_PRINTABLE. */
extern const gp_stuffing gp_stuffings[3];

/* How far stuffing may read behind its input and write behind its output. */
#define GP_SLACK 32

/*
 * Start one as {profile, out, 0, 1}; `out` must hold the worst case of all that is put in and
 * GP_SLACK bytes more, which are scribbled on.
 */
typedef struct gp_stuffer {
    const gp_stuffing *profile;
    uint8_t *out;
    size_t code_at; /* where the code byte of the open block goes */
    size_t at;      /* where the next byte goes */
} gp_stuffer;

/*
 * Closes the last block; `at` is then the size, without a delimiter. A run of M ends here as a
 * full block, any shorter one with the virtual F[0].
 */
static inline void gp_stuff_end(gp_stuffer *s)
{
    s->out[s->code_at] = s->profile->code_of[(s->at - s->code_at - 1) * s->profile->k];
}

/* Copies the bytes that are not forbidden and returns how many they are. */
size_t gp_drop_forbidden(const gp_stuffing *p, const uint8_t *in, size_t n, uint8_t *out);

#endif
