/*
 * Framing codec of guardpost: finds whole frames in a byte stream that loses,
 * damages and inserts bytes, and hands everything else out unchanged.
 *
 * It knows nothing of packets, keys or time. It does not allocate, keeps no state
 * outside the caller's structures (but for what processor this is, paths.h) and
 * never touches a byte outside the buffers it is given, so calls on different
 * decoders may run at the same time.
 *
 * THE FRAME
 *
 *   A frame carries a body of 1 .. GP_BODY_MAX bytes. On the line it is
 *
 *       stuffed(body || crc) || delimiter          clean, xonxoff, console
 *       '{' || base64(body || crc) || '}'          printable
 *
 *   crc is the CRC-32C of the body, four bytes, little endian (crc32c.h), with
 *   the register starting at a 32-bit state both peers know. An intact frame
 *   made under another state is not a good frame.
 *
 * PROFILES
 *
 *   number name      forbidden in a frame                          delimiter  M
 *   0      clean     00                                            00         254
 *   1      xonxoff   00 11 13                                      00         84
 *   2      console   00 03 04 05 0a 0d 11 13 16 1a 1b 1c 1d 1e     1e         11
 *                    26 7e 7f 91 93 ff
 *   3      printable everything but A-Z a-z 0-9 + /                '}'        -
 *
 * STUFFING (COBS-k)
 *
 *   F is the profile's ascending list of k forbidden values, the alphabet is the
 *   ascending list of the 256 - k others, M = (256 - k - 1) / k rounded down.
 *   A stuffed frame is a row of blocks: one code byte, then `run` literal bytes
 *   (never of F). The code byte is alphabet[i]:
 *
 *       i = run * k + which,  run 0 .. M-1    run literals, then F[which] stood
 *                                             in the source
 *       i = M * k                             M literals and nothing after them
 *       i > M * k                             never sent
 *
 *   The encoder closes a block at the first forbidden byte or after M literals,
 *   whichever is first. At the end of the source it appends one virtual F[0],
 *   which closes the last block; when the source ended exactly with a block of
 *   M literals, nothing is appended. The decoder removes the virtual byte again:
 *   a frame whose last block is neither full nor closed by F[0] is bad. With
 *   F = {00} this is COBS, bit for bit.
 *
 *   Before decoding, the decoder drops every forbidden byte it finds inside a
 *   frame: paths insert XON, XOFF and carriage returns.
 *
 * PRINTABLE
 *
 *   base64 is the standard alphabet without padding; the spare bits of the last
 *   character are zero, otherwise the frame is bad. The decoder drops every
 *   character outside the alphabet. A '{' always starts a new segment.
 *
 * SEGMENTS
 *
 *   The line is read as segments, each closed by a delimiter; in printable also
 *   by the '{' that starts the next one. An empty segment is skipped without a
 *   word, so a delimiter may be sent at any time as a guard. A segment that is
 *   not a good frame comes out as residue: its bytes exactly as they stood on
 *   the line, without the delimiter (in printable with it, where it is text).
 */
#ifndef GP_FRAMING_H
#define GP_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#define GP_BODY_MAX 65600u
#define GP_CRC_SIZE 4u
#define GP_CRC_STATES_MAX 4u
#define GP_HEADER_MAX 32u

typedef enum gp_profile {
    GP_CLEAN = 0,
    GP_XONXOFF = 1,
    GP_CONSOLE = 2,
    GP_PRINTABLE = 3
} gp_profile;

/* Size on the line of the worst body of n bytes, delimiter included. */
#define GP_STUFFED_MAX(run_max, n) \
    ((n) + GP_CRC_SIZE + ((n) + GP_CRC_SIZE + (run_max) - 1u) / (run_max) + 1u)
#define GP_PRINTABLE_MAX(n) (2u + (((n) + GP_CRC_SIZE) * 4u + 2u) / 3u)
#define GP_ENCODED_MAX(profile, n)                             \
    ((profile) == GP_CLEAN     ? GP_STUFFED_MAX(254u, (n))     \
     : (profile) == GP_XONXOFF ? GP_STUFFED_MAX(84u, (n))      \
     : (profile) == GP_CONSOLE ? GP_STUFFED_MAX(11u, (n))      \
                               : GP_PRINTABLE_MAX((n)))

/* GP_ENCODED_MAX as a function; 0 when the profile is unknown or n > GP_BODY_MAX. */
size_t gp_encoded_max(gp_profile profile, size_t n);

/* What the encoders return instead of a size. */
typedef enum gp_error {
    GP_ERR_PROFILE = -1,  /* no such profile */
    GP_ERR_LENGTH = -2,   /* a body that is empty or too long, or a header or list too long */
    GP_ERR_CAPACITY = -3, /* `out` is smaller than the worst case of the (first) frame */
    GP_ERR_COUNTER = -4   /* the counter does not lie inside the header, or segment is 0 */
} gp_error;

/*
 * Owned and filled in by the caller: what frames are made of and where they go. A buffer of 32
 * bytes more than the worst case makes all encoders faster: without them a frame is made
 * elsewhere and copied. Behind the frames anything may be written, up to `cap`.
 */
typedef struct gp_encoder {
    gp_profile profile;
    uint32_t crc_state;
    uint8_t *out; /* must not overlap what is encoded */
    size_t cap;
    size_t used; /* how many bytes of frames stand in `out` */
} gp_encoder;

/*
 * Encodes one frame whose body is n bytes: gp_encode_one into an empty `out`, gp_encode_next
 * behind what stands there.
 *
 * Both return the number of bytes written, or a gp_error and nothing is written.
 * GP_ERR_CAPACITY unless gp_encoded_max(profile, n) bytes of `out` are free.
 */
int64_t gp_encode_one(gp_encoder *e, const uint8_t *body, size_t n);
int64_t gp_encode_next(gp_encoder *e, const uint8_t *body, size_t n);

/*
 * Encodes `count` bodies that lie back to back in `bodies`, lengths[i] bytes each,
 * one frame each, into an empty `out`. Stops before the first frame whose worst case
 * does not fit. *out_frames is how many were encoded: fewer than `count` means call
 * again with the rest.
 *
 * Returns the number of bytes written, or a gp_error if the first frame cannot be
 * encoded. A later body of a wrong length stops the row like one that does not fit,
 * and is the first of the next call.
 */
int64_t gp_encode_many(gp_encoder *e, const uint8_t *bodies, const uint32_t *lengths,
                       size_t count, size_t *out_frames);

/*
 * Cuts `data` into frames of `segment` bytes (the last may be shorter), each body
 * being `header` and then its piece, and encodes them into an empty `out`. The 16-bit
 * little-endian counter at header[counter_at] is the caller's in the first frame and
 * one more in each next, modulo 65536; `header` itself is not changed. Stops before
 * the first frame whose worst case does not fit. *out_frames is how many frames were
 * written and *out_taken how many bytes of `data` they carry.
 *
 * Returns the number of bytes written, or a gp_error if the first frame cannot be
 * encoded.
 */
int64_t gp_encode_segments(gp_encoder *e, const uint8_t *header, size_t header_len,
                           size_t counter_at, const uint8_t *data, size_t n, size_t segment,
                           size_t *out_frames, size_t *out_taken);

/* Why a segment is residue: `which` of its descriptor. */
typedef enum gp_residue {
    GP_NOT_A_FRAME = -1,   /* text before '{', or nothing but bytes that are dropped */
    GP_BAD_STRUCTURE = -2, /* the stuffing or base64 makes no sense, or there is no body */
    GP_BAD_CRC = -3,       /* the structure is sound, the CRC fits none of the states */
    GP_OVERLONG = -4       /* longer than the decoder may hold, or than a body may be */
} gp_residue;

/* One thing found: `length` bytes at out[offset]. */
typedef struct gp_desc {
    uint32_t offset;
    uint32_t length;
    int32_t which; /* >= 0: the body of a good frame, index of its CRC state; < 0: gp_residue */
} gp_desc;

typedef enum gp_decoder_state {
    GP_COLLECTING = 0, /* hold has the first hold_len bytes of the current segment */
    GP_OVERFLOWED = 1  /* the current segment is too long: what comes is residue */
} gp_decoder_state;

/* Owned by the caller; everything but the three counters is for the decoder only. */
typedef struct gp_decoder {
    gp_decoder_state state;
    gp_profile profile;
    uint8_t *hold;
    size_t hold_cap;
    size_t hold_len;
    uint32_t crc_states[GP_CRC_STATES_MAX];
    size_t crc_count;
    uint64_t frames;        /* good frames */
    uint64_t bad_frames;    /* segments of residue other than GP_NOT_A_FRAME */
    uint64_t residue_bytes; /* bytes handed out as residue */
} gp_decoder;

/*
 * Starts a decoder with one CRC state, 0xFFFFFFFF. `hold` keeps the segment that
 * the end of the input cut in two; it belongs to the decoder as long as the decoder
 * is used. A segment longer than hold_cap is never a good frame, so hold_cap should
 * be at least gp_encoded_max(profile, GP_BODY_MAX) and some room for bytes the path
 * inserts. Returns 0, or GP_ERR_PROFILE, or GP_ERR_CAPACITY when hold_cap is 0 or
 * beyond 2^29.
 */
int gp_decoder_init(gp_decoder *d, gp_profile profile, uint8_t *hold, size_t hold_cap);

/*
 * From the next segment on, a frame is good if its CRC fits any of these states,
 * tried in order. Returns 0, or GP_ERR_LENGTH when n > GP_CRC_STATES_MAX.
 */
int gp_decoder_set_crc(gp_decoder *d, const uint32_t *states, size_t n);

/*
 * Decodes from `in`; *out_consumed is how much of it was used up. The caller takes
 * out what was found and, while some of `in` is left, calls again with the rest.
 * Whole segments are decoded straight from `in`; only one that its end cuts in two
 * goes through hold. An overlong segment comes out as residue in several pieces.
 *
 * `out` must not overlap `in` or hold. Progress is certain when
 * out_cap >= 2 * hold_cap + 1 and max_descs >= 1; with less it may return with
 * nothing found and nothing consumed. Every body and every piece of residue is
 * packed into `out`, in the order of the line.
 *
 * Returns the number of descriptors written.
 */
size_t gp_decode(gp_decoder *d, const uint8_t *in, size_t n, uint8_t *out, size_t out_cap,
                 gp_desc *out_descs, size_t max_descs, size_t *out_consumed);

/*
 * The inverse of gp_encode_segments: decodes as gp_decode does, but joins good frames that
 * follow each other, fit the same CRC state, and whose bodies begin with the same
 * header_len bytes except that the 16-bit little-endian counter at counter_at is one more
 * in each next, modulo 65536. Such a run is one descriptor: at its offset stand the header of
 * the first frame and then the rest of every body, without a gap. out_frames[i] is how many
 * frames descriptor i has: 0 where it is residue, 1 where a body is shorter than the header.
 * A run ends with the call: frames of the next call begin a new one.
 *
 * Returns the number of descriptors written. GP_ERR_LENGTH when header_len is above
 * GP_HEADER_MAX and GP_ERR_COUNTER when the counter does not lie in the header; nothing is
 * consumed then.
 */
int64_t gp_decode_runs(gp_decoder *d, size_t header_len, size_t counter_at, const uint8_t *in,
                       size_t n, uint8_t *out, size_t out_cap, gp_desc *out_descs,
                       uint32_t *out_frames, size_t max_descs, size_t *out_consumed);

/* How many bytes of an unfinished segment are held. */
size_t gp_decoder_pending(const gp_decoder *d);

/*
 * Takes the held bytes out as residue: text that no delimiter follows. The next byte
 * starts a new segment, also after an overlong one. Returns their number (at most
 * hold_cap), or GP_ERR_CAPACITY and nothing changes when cap is less.
 */
int64_t gp_decoder_take(gp_decoder *d, uint8_t *out, size_t cap);

#endif
