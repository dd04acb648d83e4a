/* The tables of profiles.c and crc32c.c say what framing.h and crc32c.h say. */
#include "check.h"
#include "crc32c.h"
#include "framing.h"
#include "stuffing.h"

static const uint8_t clean[] = {0x00};
static const uint8_t xonxoff[] = {0x00, 0x11, 0x13};
static const uint8_t console[] = {0x00, 0x03, 0x04, 0x05, 0x0a, 0x0d, 0x11, 0x13, 0x16, 0x1a,
                                  0x1b, 0x1c, 0x1d, 0x1e, 0x26, 0x7e, 0x7f, 0x91, 0x93, 0xff};

static void check_profile(gp_profile profile, const uint8_t *forbidden, size_t k, unsigned delimiter)
{
    const gp_stuffing *const p = &gp_stuffings[profile];
    const size_t run_max = (256 - k - 1) / k;
    CHECK(p->k == k && p->run_max == run_max && p->delimiter == delimiter);
    CHECK(p->class_of[delimiter] != 0);
    CHECK(memcmp(p->forbidden, forbidden, k) == 0);
    CHECK(run_max < GP_NO_RUN);
    size_t index = 0;
    for (size_t value = 0; value < 256; value++) {
        const uint8_t *const found = memchr(forbidden, (int)value, k);
        const uint8_t *const rows = value < 128 ? p->low_rows : p->high_rows;
        CHECK((rows[value & 15] >> (value >> 4 & 7) & 1) == (found != NULL));
        if (found != NULL) {
            CHECK(p->class_of[value] == (size_t)(found - forbidden) + 1);
            CHECK(p->run_of[value] == GP_NO_RUN);
            continue;
        }
        CHECK(p->class_of[value] == 0);
        if (index > run_max * k) {
            CHECK(p->run_of[value] == GP_NO_RUN);
        } else {
            CHECK(p->code_of[index] == value);
            CHECK(p->run_of[value] == index / k);
            CHECK(index == run_max * k || p->tail_of[value] == forbidden[index % k]);
        }
        index++;
    }
}

/* What stands in crc32c.h about them: `shift` zero bytes behind a register, in one product. */
static void check_shifts(void)
{
    static const uint8_t zeros[8 * GP_CRC_SHIFTS];
    for (size_t words = 1; words <= GP_CRC_SHIFTS; words++) {
        const uint32_t crc = 0x89abcdefu ^ (uint32_t)(words << 13);
        uint64_t product = 0;
        uint8_t bytes[8];
        for (unsigned bit = 0; bit < 32; bit++) {
            product ^= (crc >> bit & 1) != 0 ? (uint64_t)gp_crc_shifts[words - 1] << bit : 0;
        }
        for (unsigned i = 0; i < 8; i++) {
            bytes[i] = (uint8_t)(product >> (8 * i));
        }
        CHECK(gp_crc32c(0, bytes, 8) == gp_crc32c(crc, zeros, 8 * words));
    }
}

static void check_names(void)
{
    for (int path = 0; path < GP_PATHS; path++) {
        CHECK(gp_path_name((gp_path)path) != NULL);
    }
    CHECK(gp_path_name((gp_path)GP_PATHS) == NULL && gp_path_name((gp_path)-1) == NULL);
    CHECK(!gp_use_path((gp_path)GP_PATHS) && gp_use_path(GP_PATH_PORTABLE));
}

int main(void)
{
    check_names();
    check_shifts();
    check_profile(GP_CLEAN, clean, sizeof clean, 0x00);
    check_profile(GP_XONXOFF, xonxoff, sizeof xonxoff, 0x00);
    check_profile(GP_CONSOLE, console, sizeof console, 0x1e);
    return 0;
}
