/*
 * The incremental decoder of all profiles; the wire and the contract of every function
 * stand in framing.h.
 */
#include <string.h>

#include "framing.h"
#include "kernels.h"
#include "printable.h"
#include "stuffing.h"

#define OPEN_MARK ((uint8_t)'{')
#define CLOSE_MARK ((uint8_t)'}')

/* These keep every offset and length inside a descriptor, also as a signed number. */
#define HOLD_CAP_MAX ((size_t)1 << 29)
#define OUT_CAP_MAX (((size_t)1 << 31) - 1)

/* Frames that go on where the last one ended: what gp_decode_runs joins. */
typedef struct joining {
    size_t header_len; /* 0: nothing is joined */
    size_t counter_at;
    uint32_t *frames;            /* of each descriptor */
    int open;                    /* the last descriptor is a frame that another may follow */
    uint8_t next[GP_HEADER_MAX]; /* the header of that one */
} joining;

/* Where descriptors and their bytes go; everything of the caller's call but the input. */
typedef struct sink {
    const gp_kernels *run;
    uint8_t *out;
    size_t cap;
    size_t used;
    gp_desc *descs;
    size_t max_descs;
    size_t count;
    joining join;
} sink;

static int has_room(const sink *s, size_t n)
{
    return s->count < s->max_descs && s->cap - s->used >= n;
}

/* The bytes stand at out[used] already. */
static void describe(sink *s, size_t length, int32_t which)
{
    s->descs[s->count].offset = (uint32_t)s->used;
    s->descs[s->count].length = (uint32_t)length;
    s->descs[s->count].which = which;
    s->used += length;
    s->count++;
    if (s->join.header_len > 0) {
        s->join.frames[s->count - 1] = which >= 0;
        s->join.open = 0;
    }
}

static void count_on(joining *join)
{
    join->next[join->counter_at]++;
    if (join->next[join->counter_at] == 0) {
        join->next[join->counter_at + 1]++;
    }
}

/*
 * The body of a good frame stands at out[used]. Where it goes on with the last one its header
 * is taken away, which moves the rest of it, in cache: cheaper than an object of its own.
 */
static void describe_frame(sink *s, size_t length, int32_t which)
{
    joining *const join = &s->join;
    uint8_t *const body = s->out + s->used;
    const size_t header_len = join->header_len;
    if (header_len == 0 || length < header_len) {
        describe(s, length, which);
        return;
    }
    if (join->open && s->descs[s->count - 1].which == which &&
        memcmp(body, join->next, header_len) == 0) {
        memmove(body, body + header_len, length - header_len);
        s->used += length - header_len;
        s->descs[s->count - 1].length += (uint32_t)(length - header_len);
        join->frames[s->count - 1]++;
    } else {
        describe(s, length, which);
        memcpy(join->next, body, header_len);
        join->open = 1;
    }
    count_on(join);
}

static void give_residue(gp_decoder *d, sink *s, const uint8_t *in, size_t n, int32_t reason)
{
    memcpy(s->out + s->used, in, n);
    describe(s, n, reason);
    d->residue_bytes += n;
}

/*
 * The body and CRC inside a segment of n > 0 bytes that `mark` closed, into out[0 .. n);
 * out[n .. 2n) is scratch. Returns their number, or a gp_residue.
 */
static int64_t source_of(const gp_kernels *run, gp_profile profile, const uint8_t *in, size_t n,
                         uint8_t mark, uint8_t *out)
{
    int64_t size = -1;
    if (profile == GP_PRINTABLE) {
        if (in[0] != OPEN_MARK) {
            return GP_NOT_A_FRAME;
        }
        if (mark == CLOSE_MARK) {
            size = gp_base64_decode(in + 1, n - 1, out);
        }
    } else {
        const gp_stuffing *const p = &gp_stuffings[profile];
        if (run->has_forbidden(p, in, n)) {
            uint8_t *const kept = out + n;
            n = gp_drop_forbidden(p, in, n, kept);
            in = kept;
        }
        if (n == 0) {
            return GP_NOT_A_FRAME;
        }
        size = run->unstuff(p, in, n, out);
    }
    if (size <= (int64_t)GP_CRC_SIZE) {
        return GP_BAD_STRUCTURE;
    }
    return size > (int64_t)(GP_BODY_MAX + GP_CRC_SIZE) ? (int64_t)GP_OVERLONG : size;
}

/* The first of the decoder's CRC states that fits body || crc, or GP_BAD_CRC. */
static int32_t matching_state(const gp_kernels *run, const gp_decoder *d, const uint8_t *source,
                              size_t n)
{
    const size_t body = n - GP_CRC_SIZE;
    const uint8_t *const crc = source + body;
    const uint32_t sent = (uint32_t)crc[0] | (uint32_t)crc[1] << 8 | (uint32_t)crc[2] << 16 |
                          (uint32_t)crc[3] << 24;
    for (size_t i = 0; i < d->crc_count; i++) {
        if (~run->crc(d->crc_states[i], source, body) == sent) {
            return (int32_t)i;
        }
    }
    return GP_BAD_CRC;
}

/* Needs room for 2n + 1 bytes. */
static void finish_segment(gp_decoder *d, sink *s, const uint8_t *in, size_t n, uint8_t mark)
{
    uint8_t *const out = s->out + s->used;
    const int64_t size = source_of(s->run, d->profile, in, n, mark, out);
    const int32_t which = size < 0 ? (int32_t)size : matching_state(s->run, d, out, (size_t)size);
    if (which >= 0) {
        describe_frame(s, (size_t)size - GP_CRC_SIZE, which);
        d->frames++;
        return;
    }
    d->bad_frames += which != GP_NOT_A_FRAME;
    give_residue(d, s, in, n, which);
    if (mark == CLOSE_MARK && d->profile == GP_PRINTABLE) {
        s->out[s->used++] = mark;
        s->descs[s->count - 1].length++;
        d->residue_bytes++;
    }
}

/* How many of n bytes come before the one that closes the segment; n if none does. */
static size_t find_mark(const gp_kernels *run, const gp_decoder *d, const uint8_t *in, size_t n,
                        int at_start)
{
    if (d->profile != GP_PRINTABLE) {
        const uint8_t delimiter = gp_stuffings[d->profile].delimiter;
        return run->find(in, n, delimiter, delimiter);
    }
    if (at_start && n > 0 && in[0] == OPEN_MARK) {
        return 1 + run->find(in + 1, n - 1, OPEN_MARK, CLOSE_MARK);
    }
    return run->find(in, n, OPEN_MARK, CLOSE_MARK);
}

/* A delimiter ends its segment; a '{' belongs to the next one. */
static size_t mark_size(const gp_decoder *d, uint8_t mark)
{
    return d->profile == GP_PRINTABLE && mark == OPEN_MARK ? 0 : 1;
}

/* Passes on the rest of an overlong segment. All three steps: 0 = no room, nothing done. */
static int step_overflowed(gp_decoder *d, sink *s, const uint8_t *in, size_t n, size_t *used)
{
    if (!has_room(s, 2)) {
        return 0;
    }
    const size_t room = s->cap - s->used - 1;
    const size_t seen = n < room ? n : room;
    const size_t end = find_mark(s->run, d, in, seen, 0);
    size_t piece = end;
    *used += end;
    if (end < seen) {
        const size_t size = mark_size(d, in[end]);
        *used += size;
        piece += d->profile == GP_PRINTABLE ? size : 0;
        d->state = GP_COLLECTING;
    }
    if (piece > 0) {
        give_residue(d, s, in, piece, GP_OVERLONG);
    }
    return 1;
}

/* `in` has no mark in the first `limit` bytes and the segment goes on behind them. */
static int step_overflow(gp_decoder *d, sink *s, const uint8_t *in, size_t limit, size_t *used)
{
    if (!has_room(s, d->hold_cap)) {
        return 0;
    }
    if (d->hold_len > 0) {
        give_residue(d, s, d->hold, d->hold_len, GP_OVERLONG);
        d->hold_len = 0;
    } else {
        give_residue(d, s, in, limit, GP_OVERLONG); /* with its '{', which would end it below */
        *used += limit;
    }
    d->bad_frames++;
    d->state = GP_OVERFLOWED;
    return 1;
}

static int step_collecting(gp_decoder *d, sink *s, const uint8_t *in, size_t n, size_t *used)
{
    const size_t limit = d->hold_cap - d->hold_len;
    const size_t seen = n <= limit ? n : limit + 1;
    const size_t end = find_mark(s->run, d, in, seen, d->hold_len == 0);
    if (end == seen) {
        if (n > limit) {
            return step_overflow(d, s, in, limit, used);
        }
        memcpy(d->hold + d->hold_len, in, n);
        d->hold_len += n;
        *used += n;
        return 1;
    }
    const size_t length = d->hold_len + end;
    if (length > 0) {
        if (!has_room(s, 2 * length + 1)) {
            return 0;
        }
        if (d->hold_len > 0) {
            memcpy(d->hold + d->hold_len, in, end);
        }
        finish_segment(d, s, d->hold_len > 0 ? d->hold : in, length, in[end]);
        d->hold_len = 0;
    }
    *used += end + mark_size(d, in[end]);
    return 1;
}

int gp_decoder_init(gp_decoder *d, gp_profile profile, uint8_t *hold, size_t hold_cap)
{
    if ((unsigned)profile > (unsigned)GP_PRINTABLE) {
        return GP_ERR_PROFILE;
    }
    if (hold_cap == 0 || hold_cap > HOLD_CAP_MAX) {
        return GP_ERR_CAPACITY;
    }
    memset(d, 0, sizeof *d);
    d->profile = profile;
    d->hold = hold;
    d->hold_cap = hold_cap;
    d->crc_states[0] = 0xFFFFFFFFu;
    d->crc_count = 1;
    return 0;
}

int gp_decoder_set_crc(gp_decoder *d, const uint32_t *states, size_t n)
{
    if (n > GP_CRC_STATES_MAX) {
        return GP_ERR_LENGTH;
    }
    for (size_t i = 0; i < n; i++) {
        d->crc_states[i] = states[i];
    }
    d->crc_count = n;
    return 0;
}

static void decode(gp_decoder *d, sink *s, const uint8_t *in, size_t n, size_t *out_consumed)
{
    size_t used = 0;
    int going = 1;
    if (s->cap > OUT_CAP_MAX) {
        s->cap = OUT_CAP_MAX;
    }
    while (going && used < n) {
        going = d->state == GP_OVERFLOWED ? step_overflowed(d, s, in + used, n - used, &used)
                                          : step_collecting(d, s, in + used, n - used, &used);
    }
    *out_consumed = used;
}

size_t gp_decode(gp_decoder *d, const uint8_t *in, size_t n, uint8_t *out, size_t out_cap,
                 gp_desc *out_descs, size_t max_descs, size_t *out_consumed)
{
    sink s = {.run = gp_kernels_in_use(),
              .out = out,
              .cap = out_cap,
              .descs = out_descs,
              .max_descs = max_descs};
    decode(d, &s, in, n, out_consumed);
    return s.count;
}

int64_t gp_decode_runs(gp_decoder *d, size_t header_len, size_t counter_at, const uint8_t *in,
                       size_t n, uint8_t *out, size_t out_cap, gp_desc *out_descs,
                       uint32_t *out_frames, size_t max_descs, size_t *out_consumed)
{
    *out_consumed = 0;
    if (header_len > GP_HEADER_MAX) {
        return GP_ERR_LENGTH;
    }
    if (header_len < 2 || counter_at > header_len - 2) {
        return GP_ERR_COUNTER;
    }
    sink s = {.run = gp_kernels_in_use(),
              .out = out,
              .cap = out_cap,
              .descs = out_descs,
              .max_descs = max_descs,
              .join = {.header_len = header_len, .counter_at = counter_at, .frames = out_frames}};
    decode(d, &s, in, n, out_consumed);
    return (int64_t)s.count;
}

size_t gp_decoder_pending(const gp_decoder *d)
{
    return d->hold_len;
}

int64_t gp_decoder_take(gp_decoder *d, uint8_t *out, size_t cap)
{
    const size_t n = d->hold_len;
    if (cap < n) {
        return GP_ERR_CAPACITY;
    }
    if (n > 0) {
        memcpy(out, d->hold, n);
    }
    d->hold_len = 0;
    d->residue_bytes += n;
    d->state = GP_COLLECTING;
    return (int64_t)n;
}
