/* A frame's worth of reads or writes of a fast line in one call, where the caller would have to
   turn its loop for each few KiB that a pty holds. POSIX only; the descriptors do not block. */
#ifndef GP_LINEIO_H
#define GP_LINEIO_H

#include <stddef.h>
#include <stdint.h>

/* Read what is there. With `wait_us`, then go on until `delimiter` is among what came or that time
   is over. Ends also when `cap` bytes are there or the line ended or broke.
   Returns how many bytes came. None: *out_error is 0 at the end of the line, EAGAIN when nothing
   was there, or what broke it; a line that breaks behind some bytes says so in the next call. */
size_t gp_gather(int fd, int delimiter, uint8_t *out, size_t cap, long wait_us, int *out_error);

/* Write until all `n` bytes are taken, or for `wait_us` if the line does not take them at once.
   Returns how many were taken. None: *out_error is EAGAIN, or what broke the line. */
size_t gp_put_out(int fd, const uint8_t *data, size_t n, long wait_us, int *out_error);

#endif
