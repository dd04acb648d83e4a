/*
 * Decodes one line in many ways, in buffers of exactly the size the decoder asks for, and
 * checks that it hears the same each time and that no byte is lost.
 */
#ifndef GP_HEARD_H
#define GP_HEARD_H

#include "check.h"
#include "crc32c.h"
#include "framing.h"

enum { HOLD_MAX = 600, LINE_MAX = 8192, DESCS = 64 };

static const uint32_t STATES[2] = {0x01234567, 0x89abcdef};

typedef struct heard {
    uint8_t bytes[LINE_MAX];
    size_t length;
    int32_t kinds[LINE_MAX];
    size_t ends[LINE_MAX];
    size_t count;
} heard;

/* Pieces of an overlong segment are one: where it is cut may differ. */
static void hear(heard *h, const gp_desc *desc, const uint8_t *out)
{
    CHECK(desc->which <= 1 && desc->which >= GP_OVERLONG && desc->length > 0);
    CHECK(h->length + desc->length <= LINE_MAX);
    memcpy(h->bytes + h->length, out + desc->offset, desc->length);
    h->length += desc->length;
    if (h->count == 0 || desc->which != GP_OVERLONG || h->kinds[h->count - 1] != GP_OVERLONG) {
        h->count++;
    }
    h->kinds[h->count - 1] = desc->which;
    h->ends[h->count - 1] = h->length;
}

/* Feeds `line` in pieces of `piece` bytes, taking at most `max_descs` at once. */
static void decode_all(gp_decoder *d, const uint8_t *line, size_t n, size_t piece,
                       size_t max_descs, heard *h)
{
    const size_t cap = 2 * d->hold_cap + 1;
    uint8_t *const out = exactly(cap);
    h->length = 0;
    h->count = 0;
    gp_desc *const descs = malloc(max_descs * sizeof *descs);
    CHECK(descs != NULL);
    for (size_t at = 0; at < n;) {
        const size_t size = n - at < piece ? n - at : piece;
        uint8_t *const in = exactly(size);
        memcpy(in, line + at, size);
        for (size_t used = 0, consumed; used < size; used += consumed) {
            const uint64_t before = d->frames + d->residue_bytes + d->state + d->hold_len;
            const size_t found =
                gp_decode(d, in + used, size - used, out, cap, descs, max_descs, &consumed);
            const uint64_t after = d->frames + d->residue_bytes + d->state + d->hold_len;
            CHECK(found <= max_descs && consumed <= size - used);
            CHECK(found > 0 || consumed > 0 || before != after);
            for (size_t i = 0; i < found; i++) {
                hear(h, &descs[i], out);
            }
            CHECK(d->hold_len <= d->hold_cap);
        }
        release(in, size);
        at += size;
    }
    free(descs);
    release(out, cap);
}

/* The counters agree with what was handed out. */
static void check_heard(const gp_decoder *d, const heard *h)
{
    uint64_t frames = 0, residue = 0;
    for (size_t i = 0, start = 0; i < h->count; start = h->ends[i++]) {
        frames += h->kinds[i] >= 0;
        residue += h->kinds[i] < 0 ? h->ends[i] - start : 0;
        CHECK(h->kinds[i] < 0 || h->ends[i] - start <= GP_BODY_MAX);
    }
    CHECK(d->frames == frames && d->residue_bytes == residue);
}

static void check_same(const heard *a, const heard *b)
{
    CHECK(a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0);
    CHECK(a->count == b->count);
    CHECK(memcmp(a->kinds, b->kinds, a->count * sizeof *a->kinds) == 0);
    CHECK(memcmp(a->ends, b->ends, a->count * sizeof *a->ends) == 0);
}

/* Joined runs are the frames of `whole` when they are taken apart again. */
static void check_runs(gp_profile profile, const uint8_t *line, size_t n, size_t hold_cap,
                       const heard *whole)
{
    enum { HEADER = 4, COUNTER = 1 };
    uint8_t *const hold = exactly(hold_cap);
    uint8_t *const out = exactly(LINE_MAX + 2 * hold_cap + 1);
    static gp_desc descs[LINE_MAX];
    static uint32_t frames[LINE_MAX];
    gp_decoder d;
    size_t used, at = 0, heard_frames = 0, joined = 0;
    CHECK(gp_decoder_init(&d, profile, hold, hold_cap) == 0);
    CHECK(gp_decoder_set_crc(&d, STATES, 2) == 0);
    const int64_t found = gp_decode_runs(&d, HEADER, COUNTER, line, n, out,
                                         LINE_MAX + 2 * hold_cap + 1, descs, frames, LINE_MAX,
                                         &used);
    CHECK(found >= 0 && used == n);
    for (int64_t i = 0; i < found; i++) {
        CHECK((descs[i].which >= 0) == (frames[i] > 0));
        CHECK(frames[i] <= 1 || descs[i].length >= HEADER);
        heard_frames += frames[i];
        joined += frames[i] > 1 ? (frames[i] - 1) * HEADER : 0; /* headers taken away */
        at += descs[i].length;
    }
    CHECK(heard_frames == d.frames && at + joined == whole->length);
    release(out, LINE_MAX + 2 * hold_cap + 1);
    release(hold, hold_cap);
}

static const heard *check_line(gp_profile profile, const uint8_t *line, size_t n, size_t hold_cap)
{
    static heard whole, cut;
    uint8_t *const hold = exactly(hold_cap);
    uint8_t *const rest = exactly(hold_cap);
    const size_t pieces[] = {LINE_MAX, 1, 2, 7, 64, hold_cap - 1, hold_cap, hold_cap + 1};
    size_t pending = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        gp_decoder d;
        heard *const h = i == 0 ? &whole : &cut;
        CHECK(gp_decoder_init(&d, profile, hold, hold_cap) == 0);
        CHECK(gp_decoder_set_crc(&d, STATES, 2) == 0);
        decode_all(&d, line, n, pieces[i], i % 2 == 0 ? DESCS : 1, h);
        check_heard(&d, h);
        CHECK(i == 0 || gp_decoder_pending(&d) == pending);
        pending = gp_decoder_pending(&d);
        CHECK(pending == 0 || gp_decoder_take(&d, rest, pending - 1) == GP_ERR_CAPACITY);
        CHECK(gp_decoder_take(&d, rest, pending) == (int64_t)pending);
        CHECK(gp_decoder_pending(&d) == 0 && d.state == GP_COLLECTING);
        CHECK(pending <= n && memcmp(rest, line + n - pending, pending) == 0);
        check_same(&whole, h);
    }
    check_runs(profile, line, n, hold_cap, &whole);
    release(rest, hold_cap);
    release(hold, hold_cap);
    return &whole;
}

/* With or without room behind it, and as a segment behind a header, a frame is the same. */
static void check_same_frame(gp_profile profile, const uint8_t *body, size_t n, size_t header,
                             const uint8_t *line, size_t size)
{
    const size_t most = gp_encoded_max(profile, n);
    const size_t rooms[] = {most, most + 31, most + 32};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        uint8_t *const out = exactly(rooms[i]);
        gp_encoder e = {profile, STATES[1], out, rooms[i], 0};
        size_t frames, taken;
        CHECK(gp_encode_one(&e, body, n) == (int64_t)size && e.used == size);
        CHECK(memcmp(out, line, size) == 0);
        if (header >= 2 && header <= GP_HEADER_MAX && header < n) {
            CHECK(gp_encode_segments(&e, body, header, header - 2, body + header, n - header, n,
                                     &frames, &taken) == (int64_t)size);
            CHECK(memcmp(out, line, size) == 0 && frames == 1 && taken == n - header);
        }
        release(out, rooms[i]);
    }
}

/* A frame, in exact buffers, comes back as it was. */
static void check_round_trip(gp_profile profile, const uint8_t *body, size_t n, size_t header)
{
    static heard h;
    const size_t most = gp_encoded_max(profile, n);
    uint8_t *const line = exactly(most);
    uint8_t *const hold = exactly(most);
    uint8_t *const copy = exactly(n);
    gp_decoder d;
    memcpy(copy, body, n);
    gp_encoder e = {profile, STATES[1], line, most, 0};
    const int64_t size = gp_encode_one(&e, copy, n);
    CHECK(size > 0 && (size_t)size <= most);
    check_same_frame(profile, copy, n, header, line, (size_t)size);
    CHECK(gp_decoder_init(&d, profile, hold, most) == 0);
    CHECK(gp_decoder_set_crc(&d, STATES, 2) == 0);
    decode_all(&d, line, (size_t)size, LINE_MAX, 1, &h);
    CHECK(h.count == 1 && h.kinds[0] == 1 && h.length == n && memcmp(h.bytes, body, n) == 0);
    CHECK(d.frames == 1 && d.bad_frames == 0 && d.residue_bytes == 0 && d.hold_len == 0);
    release(copy, n);
    release(hold, most);
    release(line, most);
}

#endif
