/* SPDX-License-Identifier: MIT
 * arena.h: memory for one order, freed all at once. One owner.
 *
 * ordo_arena_reset keeps one block, the largest of at most 64 KiB, so an arena that is reused for orders of
 * usual size allocates nothing once warm, and a huge order leaves nothing behind. Over its limit, alloc
 * returns NULL, and `overflowed` stays set until the reset.
 */
#pragma once

#include "base/error.h"

struct ordo_arena_block;

struct ordo_arena {
    char *next, *end;                /* free part of the newest block */
    struct ordo_arena_block *newest; /* the list of blocks */
    size_t used, limit;              /* bytes given out, rounded up to 8; most that may be */
    bool overflowed;
};

void ordo_arena_init(struct ordo_arena *arena, size_t limit); /* allocates nothing yet */
void ordo_arena_done(struct ordo_arena *arena);
void ordo_arena_reset(struct ordo_arena *arena);
void *ordo_arena_alloc(struct ordo_arena *arena, size_t size); /* 8-byte aligned, not cleared; or NULL */
/* ORDO_STR_NONE when over the limit; the copy of an empty string has a ptr that is not NULL. */
ordo_str ordo_arena_copy(struct ordo_arena *arena, ordo_str bytes);
