/* The encoders of all profiles; the wire and every contract stand in framing.h. */
#include "framing.h"

#include <string.h>

#include "crc32c.h"
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

static size_t frame_stuffed(gp_profile profile, const uint8_t *header, size_t header_len,
                            const uint8_t *body, size_t body_len,
                            const uint8_t crc[GP_CRC_SIZE], uint8_t *out)
{
    gp_stuffer s = {&gp_stuffings[profile], out, 0, 1};
    gp_stuff(&s, header, header_len);
    gp_stuff(&s, body, body_len);
    gp_stuff(&s, crc, GP_CRC_SIZE);
    gp_stuff_end(&s);
    out[s.at++] = s.profile->delimiter;
    return s.at;
}

static size_t frame_printable(const uint8_t *header, size_t header_len, const uint8_t *body,
                              size_t body_len, const uint8_t crc[GP_CRC_SIZE], uint8_t *out)
{
    gp_base64 b = {0, 0};
    size_t at = 0;
    out[at++] = '{';
    at += gp_base64_put(&b, header, header_len, out + at);
    at += gp_base64_put(&b, body, body_len, out + at);
    at += gp_base64_put(&b, crc, GP_CRC_SIZE, out + at);
    at += gp_base64_finish(&b, out + at);
    out[at++] = '}';
    return at;
}

int64_t gp_encode_one(gp_profile profile, uint32_t crc_state, const uint8_t *header,
                      size_t header_len, const uint8_t *body, size_t body_len, uint8_t *out,
                      size_t cap)
{
    if (!is_profile(profile)) {
        return GP_ERR_PROFILE;
    }
    if (header_len > GP_BODY_MAX || body_len > GP_BODY_MAX - header_len ||
        header_len + body_len == 0) {
        return GP_ERR_LENGTH;
    }
    if (cap < GP_ENCODED_MAX(profile, header_len + body_len)) {
        return GP_ERR_CAPACITY;
    }
    const uint32_t value =
        gp_crc32c(~gp_crc32c(crc_state, header, header_len), body, body_len);
    const uint8_t crc[GP_CRC_SIZE] = {
        (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    if (profile == GP_PRINTABLE) {
        return (int64_t)frame_printable(header, header_len, body, body_len, crc, out);
    }
    return (int64_t)frame_stuffed(profile, header, header_len, body, body_len, crc, out);
}

int64_t gp_encode_many(gp_profile profile, uint32_t crc_state, const uint8_t *bodies,
                       const uint32_t *lengths, size_t count, uint8_t *out, size_t cap,
                       size_t *out_frames)
{
    size_t at = 0;
    size_t taken = 0;
    size_t i = 0;
    for (; i < count; i++) {
        const int64_t size = gp_encode_one(profile, crc_state, NULL, 0, bodies + taken,
                                           lengths[i], out + at, cap - at);
        if (size < 0) {
            if (i == 0) {
                *out_frames = 0;
                return size;
            }
            break;
        }
        at += (size_t)size;
        taken += lengths[i];
    }
    *out_frames = i;
    return (int64_t)at;
}

int64_t gp_encode_segments(gp_profile profile, uint32_t crc_state, const uint8_t *header,
                           size_t header_len, size_t counter_at, const uint8_t *data, size_t n,
                           size_t segment, uint8_t *out, size_t cap, size_t *out_frames,
                           size_t *out_taken)
{
    uint8_t numbered[GP_HEADER_MAX];
    size_t at = 0;
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
        const int64_t size = gp_encode_one(profile, crc_state, numbered, header_len,
                                           data + *out_taken, piece, out + at, cap - at);
        if (size < 0) {
            return at == 0 ? size : (int64_t)at;
        }
        at += (size_t)size;
        *out_taken += piece;
        *out_frames += 1;
        numbered[counter_at]++;
        if (numbered[counter_at] == 0) {
            numbered[counter_at + 1]++;
        }
    }
    return (int64_t)at;
}
