/* SPDX-License-Identifier: MIT
 * arena.c: a list of blocks, each twice the one before; memory is given out from the newest.
 *
 * The memory of a block that was reset is poisoned for the address sanitizer, so that a pointer which
 * outlives its order is found although nothing was freed.
 */
#include "base/arena.h"

#include <stdlib.h>

#if defined(__has_include)
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

enum {
    FIRST_BLOCK = 4096,
    LARGEST_DOUBLED = 1 << 20, /* then blocks grow no more, but for what does not fit */
    LARGEST_KEPT = 65536,
    ALIGNMENT = 8,
};

struct ordo_arena_block {
    struct ordo_arena_block *older;
    size_t size; /* of bytes */
    char bytes[];
};

_Static_assert(offsetof(struct ordo_arena_block, bytes) % ALIGNMENT == 0, "the first bytes are aligned");

static void free_blocks(struct ordo_arena_block *block)
{
    while (block != NULL) {
        struct ordo_arena_block *older = block->older;

        ASAN_UNPOISON_MEMORY_REGION(block->bytes, block->size);
        free(block);
        block = older;
    }
}

/* Makes `block` the one to give out from. */
static void use_block(struct ordo_arena *arena, struct ordo_arena_block *block)
{
    arena->newest = block;
    arena->next = block == NULL ? NULL : block->bytes;
    arena->end = block == NULL ? NULL : block->bytes + block->size;
    if (block != NULL)
        ASAN_POISON_MEMORY_REGION(block->bytes, block->size);
}

void ordo_arena_init(struct ordo_arena *arena, size_t limit)
{
    *arena = (struct ordo_arena){.limit = limit};
}

void ordo_arena_done(struct ordo_arena *arena)
{
    free_blocks(arena->newest);
    ordo_arena_init(arena, arena->limit);
}

void ordo_arena_reset(struct ordo_arena *arena)
{
    struct ordo_arena_block **link = &arena->newest, **best = NULL;
    struct ordo_arena_block *kept = NULL;

    for (; *link != NULL; link = &(*link)->older) {
        if ((*link)->size <= LARGEST_KEPT && (best == NULL || (*link)->size > (*best)->size))
            best = link;
    }
    if (best != NULL) {
        kept = *best;
        *best = kept->older;
        kept->older = NULL;
    }
    free_blocks(arena->newest);
    use_block(arena, kept);
    arena->used = 0;
    arena->overflowed = false;
}

static void add_block(struct ordo_arena *arena, size_t needed)
{
    size_t size = FIRST_BLOCK;
    struct ordo_arena_block *block;

    if (arena->newest != NULL && arena->newest->size < LARGEST_DOUBLED)
        size = 2 * arena->newest->size;
    else if (arena->newest != NULL)
        size = LARGEST_DOUBLED;
    if (size < needed)
        size = needed;
    block = malloc(sizeof(*block) + size);
    ORDO_REQUIRE(block != NULL);
    block->older = arena->newest;
    block->size = size;
    use_block(arena, block);
}

void *ordo_arena_alloc(struct ordo_arena *arena, size_t size)
{
    size_t rounded = size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    char *memory;

    if (rounded < size || rounded > arena->limit - arena->used) {
        arena->overflowed = true;
        return NULL;
    }
    if (rounded > (size_t)(arena->end - arena->next))
        add_block(arena, rounded);
    memory = arena->next;
    arena->next += rounded;
    arena->used += rounded;
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    return memory;
}

ordo_str ordo_arena_copy(struct ordo_arena *arena, ordo_str bytes)
{
    char *copy;

    if (bytes.len == 0)
        return ORDO_STR("");
    copy = ordo_arena_alloc(arena, bytes.len);
    if (copy == NULL)
        return ORDO_STR_NONE;
    memcpy(copy, bytes.ptr, bytes.len);
    return (ordo_str){copy, bytes.len};
}
