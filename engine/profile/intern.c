/* SPDX-License-Identifier: MIT
 * intern.c: an open-addressed table that doubles; it has twice as many slots as there is room for entries.
 */
#include "profile/intern.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 32 };

static uint64_t hash_bytes(ordo_str bytes)
{
    uint64_t hash = 0x9e3779b97f4a7c15u ^ bytes.len;
    size_t at = 0;

    for (; at < bytes.len; at += 8) {
        uint64_t word = 0;

        memcpy(&word, bytes.ptr + at, bytes.len - at < 8 ? bytes.len - at : 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return hash;
}

/* The slot with these bytes, or the free one where they belong. */
static uint32_t *find_slot(const struct ordo_intern *intern, ordo_str bytes, uint64_t hash)
{
    uint32_t mask = intern->capacity * 2 - 1;

    for (uint32_t at = (uint32_t)hash & mask;; at = (at + 1) & mask) {
        const struct ordo_intern_entry *entry;

        if (intern->slots[at] == 0)
            return &intern->slots[at];
        entry = &intern->entries[intern->slots[at] - 1];
        if (entry->hash == hash && ordo_str_equal(entry->bytes, bytes))
            return &intern->slots[at];
    }
}

static void grow(struct ordo_intern *intern)
{
    ORDO_REQUIRE(intern->capacity <= UINT32_MAX / 8);
    if (intern->capacity == 0)
        ordo_arena_init(&intern->arena, SIZE_MAX);
    intern->capacity = intern->capacity == 0 ? FIRST_CAPACITY : intern->capacity * 2;
    intern->entries = realloc(intern->entries, intern->capacity * sizeof(*intern->entries));
    free(intern->slots);
    intern->slots = calloc(intern->capacity * (size_t)2, sizeof(*intern->slots));
    ORDO_REQUIRE(intern->entries != NULL && intern->slots != NULL);
    for (uint32_t number = 0; number < intern->count; number++)
        *find_slot(intern, intern->entries[number].bytes, intern->entries[number].hash) = number + 1;
}

void ordo_intern_done(struct ordo_intern *intern)
{
    if (intern->capacity > 0)
        ordo_arena_done(&intern->arena);
    free(intern->entries);
    free(intern->slots);
    *intern = (struct ordo_intern){0};
}

uint32_t ordo_intern_is_new(struct ordo_intern *intern, ordo_str bytes, bool *ret_is_new)
{
    uint64_t hash = hash_bytes(bytes);
    uint32_t *slot;
    char *copy;

    if (intern->count == intern->capacity)
        grow(intern);
    slot = find_slot(intern, bytes, hash);
    *ret_is_new = *slot == 0;
    if (*slot != 0)
        return *slot - 1;
    copy = ordo_arena_alloc(&intern->arena, bytes.len + 1);
    ORDO_REQUIRE(copy != NULL);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    intern->entries[intern->count] = (struct ordo_intern_entry){{copy, bytes.len}, hash};
    *slot = ++intern->count;
    return *slot - 1;
}

uint32_t ordo_intern(struct ordo_intern *intern, ordo_str bytes)
{
    bool is_new;

    return ordo_intern_is_new(intern, bytes, &is_new);
}
