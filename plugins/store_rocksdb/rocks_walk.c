/* SPDX-License-Identifier: MIT
 * rocks_walk.c: an iterator a range, and the next key of all.
 */
#include "rocks_walk.h"

#include <stdlib.h>

struct rocks_range *rocks_walk_add(struct rocks_walk *walk, enum rocks_family family, char first)
{
    struct rocks_range *range = &walk->ranges[walk->count++];

    range->family = family;
    range->prefix[0] = first;
    range->prefix_len = 1;
    return range;
}

void rocks_walk_add_places(struct rocks_walk *walk, struct rocks_place *places, size_t count)
{
    struct rocks_range *range = &walk->ranges[walk->count++];

    range->family = ROCKS_CUSTOMERS;
    range->places = places;
    range->places_count = count;
}

/* Looks where the iterator stands now. */
static void settle(const struct rocks_walk *walk, struct rocks_range *range)
{
    const char *key;
    size_t len;

    range->is_at_key = false;
    if (range->iterator == NULL) {
        range->is_at_key = range->places_at < range->places_count;
        if (range->is_at_key)
            range->place = range->places[range->places_at];
        return;
    }
    if (!rocksdb_iter_valid(range->iterator))
        return;
    key = rocksdb_iter_key(range->iterator, &len);
    if (len < range->prefix_len || memcmp(key, range->prefix, range->prefix_len) != 0)
        return;
    if (!(range->family == ROCKS_ORDERS ? rocks_key_read_order(key, len, &range->place)
                                        : rocks_key_read_tail(key, len, &range->place)))
        return;
    range->is_at_key = walk->forward || (int64_t)range->place.received_ms >= walk->since_ms;
}

void rocks_walk_step(struct rocks_walk *walk, struct rocks_range *range)
{
    if (range->iterator == NULL)
        range->places_at++;
    else if (walk->forward)
        rocksdb_iter_next(range->iterator);
    else
        rocksdb_iter_prev(range->iterator);
    settle(walk, range);
}

/* The prefix, and the place as far as keys order by it: the priority at the end of a key does not count. */
static size_t seek_key(const struct rocks_walk *walk, const struct rocks_range *range,
                       char out[ROCKS_CUSTOMER_KEY])
{
    char key[ROCKS_KEY];

    rocks_key_order(&walk->from, key);
    memcpy(out, range->prefix, range->prefix_len);
    memcpy(out + range->prefix_len, key + 1, ROCKS_KEY - 1);
    return range->prefix_len + ROCKS_KEY - 1;
}

static bool is_passed(const struct rocks_walk *walk, const struct rocks_range *range)
{
    return rocks_place_compare(&range->place, &walk->from) * (walk->forward ? 1 : -1) <= 0;
}

static void start_range(struct rocks_walk *walk, struct rocks_range *range)
{
    char key[ROCKS_CUSTOMER_KEY];
    size_t len;

    if (range->prefix_len == 0) {
        settle(walk, range);
        return;
    }
    len = seek_key(walk, range, key);
    range->iterator = rocksdb_create_iterator_cf(walk->store->database.db, walk->store->database.read,
                                                 walk->store->database.families[range->family]);
    if (walk->forward)
        rocksdb_iter_seek(range->iterator, key, len);
    else
        rocksdb_iter_seek_for_prev(range->iterator, key, len);
    settle(walk, range);
    while (range->is_at_key && is_passed(walk, range))
        rocks_walk_step(walk, range);
}

struct rocks_range *rocks_walk_next(struct rocks_walk *walk)
{
    struct rocks_range *next = NULL;

    for (size_t i = 0; i < walk->count; i++) {
        struct rocks_range *range = &walk->ranges[i];

        while (range->is_at_key && is_passed(walk, range)) /* another range had it, too */
            rocks_walk_step(walk, range);
        if (range->is_at_key &&
            (next == NULL || rocks_place_compare(&range->place, &next->place) * (walk->forward ? 1 : -1) < 0))
            next = range;
    }
    return next;
}

int rocks_walk_error(struct rocks_walk *walk)
{
    for (size_t i = 0; i < walk->count; i++) {
        char *error = NULL;

        if (walk->ranges[i].iterator == NULL)
            continue;
        rocksdb_iter_get_error(walk->ranges[i].iterator, &error);
        if (error != NULL)
            return rocks_read_failed(walk->store, "a listing cannot be read", error);
    }
    return 0;
}

void rocks_walk_done(struct rocks_walk *walk)
{
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->ranges[i].iterator != NULL)
            rocksdb_iter_destroy(walk->ranges[i].iterator);
        free(walk->ranges[i].places);
    }
}

void rocks_walk_start(struct rocks_walk *walk)
{
    for (size_t i = 0; i < walk->count; i++)
        start_range(walk, &walk->ranges[i]);
}
