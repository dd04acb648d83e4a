/*
 * A small coverage-guided fuzzer for machines without clang's: it keeps every input that
 * reaches a pair of basic blocks newly, or a new power of two times, and mutates those. The target is built by gcc with
 * -fsanitize-coverage=trace-pc, this file without.
 *
 *     driver [-max_total_time=SECONDS] [-seed=N] [-artifact_prefix=PREFIX] [SEED FILE ...]
 *
 * The failing input is left at PREFIX followed by "crash".
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { INPUT_MAX = 2048, CORPUS_MAX = 4096, MAP = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_cov_trace_pc(void);
void __sanitizer_set_death_callback(void (*callback)(void));

typedef struct input {
    uint8_t bytes[INPUT_MAX];
    size_t size;
} input;

static input corpus[CORPUS_MAX];
static size_t corpus_size;
static input current;
static uint8_t times[MAP]; /* each pair in this run, up to 128 */
static uint8_t seen[MAP];  /* in any run: the powers of two it reached */
static uintptr_t previous;
static int running;
static uint64_t seed = 1;
static const char *artifact_prefix = "./";

void __sanitizer_cov_trace_pc(void)
{
    const uintptr_t here = (uintptr_t)__builtin_return_address(0);
    uint8_t *const pair = &times[(here ^ previous << 1) % MAP];
    *pair = (uint8_t)(*pair + (*pair < 128));
    previous = here;
}

static size_t below(size_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed >> 20) % n;
}

static void leave_current(void)
{
    char path[1024];
    FILE *file;
    if (!running) {
        return;
    }
    running = 0;
    snprintf(path, sizeof path, "%scrash", artifact_prefix);
    file = fopen(path, "wb");
    if (file != NULL) {
        fwrite(current.bytes, 1, current.size, file);
        fclose(file);
        fprintf(stderr, "the input is in %s\n", path);
    }
}

static int is_news(void)
{
    int news = 0;
    for (size_t i = 0; i < MAP; i++) {
        if (times[i] != 0) {
            uint8_t power = 128;
            while (power > times[i]) {
                power = (uint8_t)(power >> 1);
            }
            news |= !(seen[i] & power);
            seen[i] = (uint8_t)(seen[i] | power);
        }
    }
    return news;
}

static void run_current(void)
{
    memset(times, 0, sizeof times);
    previous = 0;
    running = 1;
    LLVMFuzzerTestOneInput(current.bytes, current.size);
    running = 0;
    if (is_news() && corpus_size < CORPUS_MAX) {
        corpus[corpus_size++] = current;
    }
}

static void insert(const uint8_t *bytes, size_t n)
{
    const size_t at = below(current.size + 1);
    n = n < INPUT_MAX - current.size ? n : INPUT_MAX - current.size;
    memmove(current.bytes + at + n, current.bytes + at, current.size - at);
    memcpy(current.bytes + at, bytes, n);
    current.size += n;
}

static void mutate(void)
{
    static const uint8_t special[] = "\0\x11\x13\x1e\n{}\xff";
    const input *const other = &corpus[below(corpus_size)];
    uint8_t *const byte = current.size > 0 ? &current.bytes[below(current.size)] : NULL;
    uint8_t piece[8];
    switch (below(6)) {
    case 0:
        if (byte != NULL) {
            *byte ^= (uint8_t)(1u << below(8));
        }
        break;
    case 1:
        if (byte != NULL) {
            *byte = below(2) ? special[below(sizeof special - 1)] : (uint8_t)below(256);
        }
        break;
    case 2:
        memset(piece, below(2) ? special[below(sizeof special - 1)] : (int)below(256), sizeof piece);
        insert(piece, 1 + below(sizeof piece));
        break;
    case 3:
        if (byte != NULL) {
            const size_t left = current.size - (size_t)(byte - current.bytes);
            const size_t n = 1 + below(left < 16 ? left : 16);
            memmove(byte, byte + n, left - n);
            current.size -= n;
        }
        break;
    default:
        if (other->size > 0) {
            const size_t from = below(other->size);
            insert(other->bytes + from, 1 + below(other->size - from));
        }
    }
}

static void read_seed(const char *path)
{
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    current.size = fread(current.bytes, 1, INPUT_MAX, file);
    fclose(file);
    run_current();
}

int main(int argc, char **argv)
{
    time_t end = time(NULL) + 10;
    unsigned long runs = 0;
    atexit(leave_current);
    __sanitizer_set_death_callback(leave_current);
    run_current();
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-max_total_time=", 16) == 0) {
            end = time(NULL) + atol(argv[i] + 16);
        } else if (strncmp(argv[i], "-seed=", 6) == 0) {
            seed = strtoull(argv[i] + 6, NULL, 10) | 1;
        } else if (strncmp(argv[i], "-artifact_prefix=", 17) == 0) {
            artifact_prefix = argv[i] + 17;
        } else {
            read_seed(argv[i]);
        }
    }
    for (; time(NULL) < end; runs++) {
        current = corpus[below(corpus_size)];
        for (size_t i = 1 + below(4); i > 0; i--) {
            mutate();
        }
        run_current();
    }
    printf("%lu runs, %zu inputs kept\n", runs, corpus_size);
    return 0;
}
