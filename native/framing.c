/* The encoders of all profiles; the wire and every contract stand in framing.h. */
#include "framing.h"

#include <string.h>

#include "kernels.h"
#include "printable.h"
#include "stuffing.h"

static int is_profile(gp_profile profile)
{
    return (unsigned)profile <= (unsigned)GP_PRINTABLE;
}

size_t gp_encoded_max(gp_profile profile, size_t n)
{
    if (!is_profile(profile) || n > GP_BODY_MAX) {
        return 0;
    }
    return GP_ENCODED_MAX(profile, n);
}

/* What goes into a frame; GP_SLACK bytes from the header on may be read, also if it is shorter. */
typedef struct gp_source {
    const uint8_t *header;
    size_t header_len;
    const uint8_t *body;
    size_t body_len;
} gp_source;

static void put_crc(uint32_t crc, uint8_t *out)
{
    for (unsigned i = 0; i < GP_CRC_SIZE; i++) {
        out[i] = (uint8_t)(crc >> (8 * i));
    }
}

static size_t end_frame(gp_stuffer *s)
{
    gp_stuff_end(s);
    s->out[s->at++] = s->profile->delimiter;
    return s->at;
}

enum { SHORT_FRAME = 1024 };

/*
 * Two ways, since starting and ending a loop costs as much as copying a few hundred bytes: a
 * short frame is put together and then goes through each loop once. `out` has GP_SLACK bytes
 * more than the worst case.
 */
static size_t frame_short(const gp_kernels *run, gp_stuffer *s, uint32_t crc_state,
                          const gp_source *from)
{
    uint8_t source[GP_SLACK + SHORT_FRAME + GP_CRC_SIZE + GP_SLACK];
    size_t n = from->header_len;
    if (n > 0) {
        memcpy(source, from->header, GP_SLACK);
    }
    memcpy(source + n, from->body, from->body_len);
    n += from->body_len;
    put_crc(~run->crc(crc_state, source, n), source + n);
    memset(source + n + GP_CRC_SIZE, 0, GP_SLACK);
    run->stuff(s, source, n + GP_CRC_SIZE);
    return end_frame(s);
}

/* A longer one is put from where it is, but for its end, behind which nothing may be read. */
static size_t frame_long(const gp_kernels *run, gp_stuffer *s, uint32_t crc_state,
                         const gp_source *from)
{
    uint8_t last[GP_SLACK + GP_CRC_SIZE + GP_SLACK] = {0};
    const size_t early = from->body_len - GP_SLACK;
    const uint32_t crc = run->crc(crc_state, from->header, from->header_len);
    memcpy(last, from->body + early, GP_SLACK);
    put_crc(~run->crc(crc, from->body, from->body_len), last + GP_SLACK);
    run->stuff(s, from->header, from->header_len);
    run->stuff(s, from->body, early);
    run->stuff(s, last, GP_SLACK + GP_CRC_SIZE);
    return end_frame(s);
}

static size_t frame_stuffed(const gp_kernels *run, gp_profile profile, uint32_t crc_state,
                            const gp_source *from, uint8_t *out)
{
    gp_stuffer s = {&gp_stuffings[profile], out, 0, 1};
    return from->body_len <= SHORT_FRAME ? frame_short(run, &s, crc_state, from)
                                         : frame_long(run, &s, crc_state, from);
}

static size_t frame_printable(const gp_kernels *run, uint32_t crc_state, const gp_source *from,
                              uint8_t *out)
{
    gp_base64 b = {0, 0};
    uint8_t crc[GP_CRC_SIZE];
    size_t at = 0;
    crc_state = run->crc(crc_state, from->header, from->header_len);
    put_crc(~run->crc(crc_state, from->body, from->body_len), crc);
    out[at++] = '{';
    at += gp_base64_put(&b, from->header, from->header_len, out + at);
    at += gp_base64_put(&b, from->body, from->body_len, out + at);
    at += gp_base64_put(&b, crc, GP_CRC_SIZE, out + at);
    at += gp_base64_finish(&b, out + at);
    out[at++] = '}';
    return at;
}

/* Into a buffer that has room for the worst case and no more. */
static size_t frame_tight(const gp_kernels *run, gp_profile profile, uint32_t crc_state,
                          const gp_source *from, uint8_t *out)
{
    uint8_t roomy[GP_ENCODED_MAX(GP_CONSOLE, GP_BODY_MAX) + GP_SLACK];
    const size_t size = frame_stuffed(run, profile, crc_state, from, roomy);
    memcpy(out, roomy, size);
    return size;
}

/* One frame of header || body behind the others; or a gp_error and nothing is written. */
static int64_t encode(const gp_kernels *run, gp_encoder *e, const gp_source *from)
{
    if (!is_profile(e->profile)) {
        return GP_ERR_PROFILE;
    }
    if (from->body_len > GP_BODY_MAX - from->header_len || from->body_len == 0) {
        return GP_ERR_LENGTH;
    }
    const size_t worst = GP_ENCODED_MAX(e->profile, from->header_len + from->body_len);
    const size_t left = e->cap - e->used;
    uint8_t *const out = e->out + e->used;
    size_t size;
    if (left < worst) {
        return GP_ERR_CAPACITY;
    }
    if (e->profile == GP_PRINTABLE) {
        size = frame_printable(run, e->crc_state, from, out);
    } else if (left - worst < GP_SLACK) {
        size = frame_tight(run, e->profile, e->crc_state, from, out);
    } else {
        size = frame_stuffed(run, e->profile, e->crc_state, from, out);
    }
    e->used += size;
    return (int64_t)size;
}

int64_t gp_encode_next(gp_encoder *e, const uint8_t *body, size_t n)
{
    const gp_source from = {NULL, 0, body, n};
    return encode(gp_kernels_in_use(), e, &from);
}

int64_t gp_encode_one(gp_encoder *e, const uint8_t *body, size_t n)
{
    e->used = 0;
    return gp_encode_next(e, body, n);
}

int64_t gp_encode_many(gp_encoder *e, const uint8_t *bodies, const uint32_t *lengths,
                       size_t count, size_t *out_frames)
{
    const gp_kernels *const run = gp_kernels_in_use();
    size_t taken = 0;
    e->used = 0;
    *out_frames = 0;
    for (size_t i = 0; i < count; i++) {
        const gp_source from = {NULL, 0, bodies + taken, lengths[i]};
        const int64_t size = encode(run, e, &from);
        if (size < 0) {
            return i == 0 ? size : (int64_t)e->used;
        }
        taken += lengths[i];
        *out_frames += 1;
    }
    return (int64_t)e->used;
}

int64_t gp_encode_segments(gp_encoder *e, const uint8_t *header, size_t header_len,
                           size_t counter_at, const uint8_t *data, size_t n, size_t segment,
                           size_t *out_frames, size_t *out_taken)
{
    const gp_kernels *const run = gp_kernels_in_use();
    uint8_t numbered[GP_HEADER_MAX + GP_SLACK] = {0};
    e->used = 0;
    *out_frames = 0;
    *out_taken = 0;
    if (header_len > GP_HEADER_MAX) {
        return GP_ERR_LENGTH;
    }
    if (segment == 0 || header_len < 2 || counter_at > header_len - 2) {
        return GP_ERR_COUNTER;
    }
    memcpy(numbered, header, header_len);
    while (*out_taken < n) {
        const size_t left = n - *out_taken;
        const size_t piece = left < segment ? left : segment;
        const gp_source from = {numbered, header_len, data + *out_taken, piece};
        const int64_t size = encode(run, e, &from);
        if (size < 0) {
            return e->used == 0 ? size : (int64_t)e->used;
        }
        *out_taken += piece;
        *out_frames += 1;
        numbered[counter_at]++;
        if (numbered[counter_at] == 0) {
            numbered[counter_at + 1]++;
        }
    }
    return (int64_t)e->used;
}
