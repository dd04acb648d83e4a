/* The choice among the paths of paths.h. */
#include "kernels.h"

#if GP_HAS_X86
#include <cpuid.h>
#endif
#if GP_HAS_ARM64 && defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1ul << 7)
#endif
#endif

/*
 * The one mutable global of the codec. It is no state: whoever finds it empty works out the
 * same value, a pointer to constants, and stores it in one piece, so it does not matter who is
 * first. Passing a context through every call would let calls differ in a thing that the
 * machine decides.
 */
static const gp_kernels *in_use;

#if defined(__GNUC__)
#define LOAD(where) __atomic_load_n(&(where), __ATOMIC_RELAXED)
#define STORE(where, value) __atomic_store_n(&(where), (value), __ATOMIC_RELAXED)
#else /* there an aligned pointer is read and written in one piece anyway, and is portable's */
#define LOAD(where) (where)
#define STORE(where, value) ((where) = (value))
#endif

#if GP_HAS_X86
/*
 * What the processor has (Intel SDM volume 2, CPUID), and for AVX whether the system saves its
 * registers (XGETBV). Not __builtin_cpu_supports(): what answers that is in the compiler's own
 * library, and in a static program of zig cc it answers no to everything.
 */
#define SSSE3 (1u << 9)
#define SSE42 (1u << 20)
#define PCLMUL (1u << 1)
#define OSXSAVE (1u << 27)
#define BMI (1u << 3)
#define AVX2 (1u << 5)
#define SAVES_XMM_YMM 6u

static int has_sse42(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & (SSSE3 | SSE42)) == (SSSE3 | SSE42);
}

static int has_avx2(void)
{
    const unsigned wanted = SSE42 | PCLMUL | OSXSAVE;
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & wanted) != wanted) return 0;
    __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    if ((a & SAVES_XMM_YMM) != SAVES_XMM_YMM) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (BMI | AVX2)) == (BMI | AVX2);
}
#endif

/* The table of a path; NULL where it cannot run. */
static const gp_kernels *kernels_of(gp_path path)
{
    switch (path) {
    case GP_PATH_PORTABLE:
        return &gp_portable_kernels;
    case GP_PATH_SSE42:
#if GP_HAS_X86
        if (has_sse42()) return &gp_sse42_kernels;
#endif
        return NULL;
    case GP_PATH_AVX2:
#if GP_HAS_X86
        if (has_avx2()) return &gp_avx2_kernels;
#endif
        return NULL;
    case GP_PATH_ARM64:
#if GP_HAS_ARM64 && defined(__linux__)
        if ((getauxval(AT_HWCAP) & HWCAP_CRC32) != 0) {
            return &gp_arm64_kernels;
        }
#elif GP_HAS_ARM64 && defined(__ARM_FEATURE_CRC32)
        return &gp_arm64_kernels;
#endif
        return NULL;
    }
    return NULL;
}

const gp_kernels *gp_kernels_in_use(void)
{
    const gp_kernels *best = LOAD(in_use);
    for (int path = GP_PATHS; best == NULL;) {
        best = kernels_of((gp_path)--path);
        if (best != NULL) {
            STORE(in_use, best);
        }
    }
    return best;
}

int gp_has_path(gp_path path)
{
    return kernels_of(path) != NULL;
}

int gp_use_path(gp_path path)
{
    const gp_kernels *const wanted = kernels_of(path);
    if (wanted == NULL) {
        return 0;
    }
    STORE(in_use, wanted);
    return 1;
}

gp_path gp_path_in_use(void)
{
    return gp_kernels_in_use()->path;
}

const char *gp_path_name(gp_path path)
{
    static const char *const names[GP_PATHS] = {"portable", "sse42", "avx2", "arm64"};
    return (unsigned)path < GP_PATHS ? names[path] : NULL;
}
