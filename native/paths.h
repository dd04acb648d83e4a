/*
 * Which of its loops the codec runs: those every compiler can build, or those of the
 * processor it finds itself on. They differ in speed and in nothing else.
 */
#ifndef GP_PATHS_H
#define GP_PATHS_H

typedef enum gp_path {
    GP_PATH_PORTABLE = 0, /* C11: eight bytes at a time in a register, CRC by slicing */
    GP_PATH_SSE42 = 1,    /* x86-64: 16 bytes at a time, the crc32 instruction */
    GP_PATH_AVX2 = 2,     /* 32 at a time, three streams of crc32 joined with pclmulqdq */
    GP_PATH_ARM64 = 3     /* AArch64: NEON, the crc32cx instruction */
} gp_path;

#define GP_PATHS 4

/* Whether this build has the path and this processor can run it. */
int gp_has_path(gp_path path);

/*
 * If so, the codec uses it from now on, in every thread, and this returns 1; else 0. Without
 * a call the best one is chosen at first use. For tests and measurements: calls that run
 * meanwhile may finish on either path.
 */
int gp_use_path(gp_path path);

/* The path in use. */
gp_path gp_path_in_use(void);

/* "portable", "sse42", "avx2" or "arm64"; NULL for a number that is none of them. */
const char *gp_path_name(gp_path path);

#endif
