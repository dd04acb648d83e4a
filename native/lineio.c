#define _GNU_SOURCE /* ppoll */
#include "lineio.h"

#ifndef _WIN32

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A reader that sleeps until there is something is woken for each 4 KiB of a pty, which costs both
   sides more than the bytes do. The kernel makes 70 us of this. */
#define NAP_NS 20000

/* After a shorter read there is hardly more: a pty gives no more than 4 KiB at a time. */
#define FULL_READ 2048

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int nothing_now(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

size_t gp_gather(int fd, int delimiter, uint8_t *out, size_t cap, long wait_us, int *out_error)
{
    int64_t deadline = wait_us > 0 ? now_us() + wait_us : 0;
    size_t size = 0;
    *out_error = 0;
    while (size < cap) {
        ssize_t got = read(fd, out + size, cap - size);
        if (got > 0) {
            size += (size_t)got;
            if (deadline ? memchr(out + size - got, delimiter, (size_t)got) != NULL
                         : got < FULL_READ)
                break;
        } else if (got == 0) {
            break;
        } else if (nothing_now() && deadline && now_us() < deadline) {
            struct timespec nap = {0, NAP_NS};
            nanosleep(&nap, NULL);
        } else if (errno != EINTR) {
            *out_error = errno;
            break;
        }
    }
    return size;
}

static void until_writable(int fd, int64_t left_us)
{
    struct pollfd one = {fd, POLLOUT, 0};
    struct timespec wait = {left_us / 1000000, left_us % 1000000 * 1000};
    ppoll(&one, 1, &wait, NULL);
}

size_t gp_put_out(int fd, const uint8_t *data, size_t n, long wait_us, int *out_error)
{
    int64_t deadline = wait_us > 0 ? now_us() + wait_us : 0;
    size_t done = 0;
    *out_error = 0;
    while (done < n) {
        ssize_t put = write(fd, data + done, n - done);
        int64_t left;
        if (put >= 0) {
            done += (size_t)put;
        } else if (nothing_now() && deadline && (left = deadline - now_us()) > 0) {
            until_writable(fd, left);
        } else if (errno != EINTR) {
            *out_error = errno;
            break;
        }
    }
    return done;
}

#endif
