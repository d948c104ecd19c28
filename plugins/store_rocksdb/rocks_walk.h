/* SPDX-License-Identifier: MIT
 * rocks_walk.h: walks keys in the order of time, in one direction, over several ranges at once.
 *
 *   struct rocks_walk walk = {.store = store, .from = place};
 *   rocks_walk_add(&walk, ROCKS_ORDERS, priority); ...
 *   rocks_walk_start(&walk);
 *   while ((range = rocks_walk_next(&walk)) != NULL) { use range->place; rocks_walk_step(&walk, range); }
 *   result = rocks_walk_error(&walk);
 *   rocks_walk_done(&walk);
 */
#pragma once

#include "rocks_store.h"

enum { ROCKS_RANGES_MAX = ORDO_STATUS_COUNT };

/* Keys with one prefix, walked in one direction; or places that were found elsewhere. */
struct rocks_range {
    rocksdb_iterator_t *iterator; /* NULL: places */
    struct rocks_place *places;
    size_t places_count, places_at;
    enum rocks_family family;
    char prefix[1 + ORDO_ID_MAX];
    size_t prefix_len;
    struct rocks_place place; /* of the key it stands at */
    bool is_at_key;
};

struct rocks_walk {
    struct rocks_store *store;
    struct rocks_range ranges[ROCKS_RANGES_MAX];
    size_t count;
    bool forward;
    struct rocks_place from; /* strictly behind it, in the direction of the walk */
    int64_t since_ms;        /* a walk downwards ends before */
};

/* A range whose keys begin with this byte; a longer prefix may be added to it. Before the start. */
struct rocks_range *rocks_walk_add(struct rocks_walk *walk, enum rocks_family family, char first);
/* Places of customers in the order of the walk, which are freed with it. A place that another range has, too, comes once. */
void rocks_walk_add_places(struct rocks_walk *walk, struct rocks_place *places, size_t count);
void rocks_walk_start(struct rocks_walk *walk);
/* The range whose key comes next; NULL at the end, and when something cannot be read. */
struct rocks_range *rocks_walk_next(struct rocks_walk *walk);
void rocks_walk_step(struct rocks_walk *walk, struct rocks_range *range);
/* 0, or ORDO_EIO when it ended because something could not be read, which is logged. */
int rocks_walk_error(struct rocks_walk *walk);
void rocks_walk_done(struct rocks_walk *walk);
