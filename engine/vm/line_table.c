/* SPDX-License-Identifier: MIT
 * line_table.c: an open-addressed table that only grows, over memory that is zero pages until it is used.
 *
 * Whoever adds a line claims the next entry, fills it, and then publishes it in the first free bucket by one
 * compare-and-swap. Two threads that add the same line at once may both claim an entry; the bucket takes one, and the
 * other entry is never used.
 */
#include "vm/line_table.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

enum { BUCKETS = ORDO_LINE_CAPACITY * 2 };

struct entry {
    int function_line, line;
    char source[ORDO_LINE_SOURCE_MAX + 1];
};

/* Entry 0 stands for all that had no room. */
static struct entry entries[ORDO_LINE_CAPACITY] = {{.source = "=(too many lines)"}};
static _Atomic uint32_t claimed = 1;
static _Atomic uint32_t published;
static _Atomic uint32_t buckets[BUCKETS]; /* index in entries; 0: free */
static uint64_t base;                     /* of the reserved range */

/* Before main, so before any handler that might need it. */
__attribute__((constructor)) static void reserve(void)
{
    void *range = mmap(NULL, (size_t)ORDO_LINE_CAPACITY * ORDO_LINE_SLOT, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    ORDO_REQUIRE(range != MAP_FAILED);
    base = (uint64_t)(uintptr_t)range;
}

static uint64_t address_of(uint32_t index)
{
    return base + (uint64_t)index * ORDO_LINE_SLOT + ORDO_LINE_SLOT / 2;
}

static uint32_t hash_line(const char *source, size_t len, int function_line, int line)
{
    uint32_t hash = 2166136261;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)source[i]) * 16777619;
    hash = (hash ^ (uint32_t)function_line) * 16777619;
    hash = (hash ^ (uint32_t)line) * 16777619;
    return hash ^ hash >> 15;
}

static bool is_line(const struct entry *entry, const char *source, size_t len, int function_line, int line)
{
    return entry->line == line && entry->function_line == function_line &&
           memcmp(entry->source, source, len) == 0 && entry->source[len] == '\0';
}

/* A new entry with the line, or 0 when there is no room. */
static uint32_t claim(const char *source, size_t len, int function_line, int line)
{
    uint32_t index = atomic_load_explicit(&claimed, memory_order_relaxed);
    struct entry *entry;

    do {
        if (index >= ORDO_LINE_CAPACITY)
            return 0;
    } while (!atomic_compare_exchange_weak_explicit(&claimed, &index, index + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    entry = &entries[index];
    entry->function_line = function_line;
    entry->line = line;
    memcpy(entry->source, source, len);
    return index;
}

uint64_t ordo_line_address(const char *source, int function_line, int line)
{
    size_t len = strlen(source);
    uint32_t mine = 0, at;

    if (len > ORDO_LINE_SOURCE_MAX) {
        source += len - ORDO_LINE_SOURCE_MAX;
        len = ORDO_LINE_SOURCE_MAX;
    }
    at = hash_line(source, len, function_line, line) % BUCKETS;
    for (;;) {
        uint32_t found = atomic_load_explicit(&buckets[at], memory_order_acquire);

        if (found == 0) {
            if (mine == 0 && (mine = claim(source, len, function_line, line)) == 0)
                return address_of(0);
            if (atomic_compare_exchange_strong_explicit(&buckets[at], &found, mine, memory_order_acq_rel,
                                                        memory_order_acquire)) {
                atomic_fetch_add_explicit(&published, 1, memory_order_relaxed);
                return address_of(mine);
            }
        }
        if (is_line(&entries[found], source, len, function_line, line))
            return address_of(found);
        at = (at + 1) % BUCKETS;
    }
}

bool ordo_line_find(uint64_t address, struct ordo_line *ret_line)
{
    uint64_t index = (address - base) / ORDO_LINE_SLOT;

    if (address < base || index >= ORDO_LINE_CAPACITY ||
        index >= atomic_load_explicit(&claimed, memory_order_acquire))
        return false;
    *ret_line = (struct ordo_line){
        .source = entries[index].source,
        .function_line = entries[index].function_line,
        .line = entries[index].line,
    };
    return true;
}

uint32_t ordo_line_count(void)
{
    return atomic_load_explicit(&published, memory_order_relaxed);
}
