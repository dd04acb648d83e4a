/* The tables of profiles.c say what framing.h says. */
#include "check.h"
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

int main(void)
{
    check_profile(GP_CLEAN, clean, sizeof clean, 0x00);
    check_profile(GP_XONXOFF, xonxoff, sizeof xonxoff, 0x00);
    check_profile(GP_CONSOLE, console, sizeof console, 0x1e);
    return 0;
}
