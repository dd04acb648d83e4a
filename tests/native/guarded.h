/*
 * Memory between two pages that nobody may touch: a read or write of a vector that begins
 * inside and ends outside faults, also where a sanitizer does not look.
 */
#ifndef GP_GUARDED_H
#define GP_GUARDED_H

#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

typedef struct guarded {
    uint8_t *first; /* behind the page in front */
    size_t size;    /* up to the page behind */
} guarded;

static inline guarded between_guards(size_t least)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t size = (least + page - 1) / page * page;
    uint8_t *const all = mmap(NULL, size + 2 * page, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(all != MAP_FAILED);
    CHECK(mprotect(all, page, PROT_NONE) == 0);
    CHECK(mprotect(all + page + size, page, PROT_NONE) == 0);
    const guarded g = {all + page, size};
    return g;
}

/* n bytes that end, or begin, at a guard. */
static inline uint8_t *place(const guarded *g, size_t n, int at_end)
{
    CHECK(n <= g->size);
    return at_end ? g->first + g->size - n : g->first;
}

#endif
