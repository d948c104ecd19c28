/* SPDX-License-Identifier: MIT
 * rocks_read.c: one order by its id, and listings.
 *
 * A listing walks ranges of keys from the newest down and merges them by time: the ranges of a customer, of
 * statuses that are kept in `open`, or of priorities. What the range does not say is filtered by the record. A
 * call looks at a bounded number of records, so a filter that matches few may end a page early; the cursor then
 * goes on behind the last one that was looked at.
 */
#include "rocks_index.h"
#include "rocks_walk.h"

#include <stdio.h>
#include <stdlib.h>

#include "rocks_files.h"

enum {
    SCAN_MAX = 10000, /* records that one call looks at */
    FIND_MAX = 32,    /* ids looked up together: RocksDB takes no more in one step */
};

#define RECEIVED_MAX ((UINT64_C(1) << 48) - 1)

int rocks_read_failed(struct rocks_store *store, const char *what, char *error)
{
    char message[ROCKS_PATH_MAX + 512]; /* RocksDB names the file, the place in it and both checksums */

    snprintf(message, sizeof(message), "%s: %s", what, error == NULL ? "not as this store writes it" : error);
    store->host->log(store->host->engine, ORDO_LOG_ERROR, message);
    free(error);
    return ORDO_EIO;
}

/* Calls visit with the record under a key of orders. */
static int visit_key(struct rocks_store *store, const char *key, size_t len, ordo_record_fn visit,
                     void *context)
{
    struct ordo_record record;
    rocksdb_pinnableslice_t *slice;
    const char *value;
    char *error;
    size_t value_len;
    int result = 0;

    slice = rocks_database_get(&store->database, ROCKS_ORDERS, key, len, &error);
    if (error != NULL)
        return rocks_read_failed(store, "an order cannot be read", error);
    if (slice == NULL)
        return ORDO_ENOTFOUND;
    value = rocksdb_pinnableslice_value(slice, &value_len);
    if (rocks_record_read(value, value_len, &record, NULL))
        visit(context, &record);
    else
        result = rocks_read_failed(store, "an order cannot be read", NULL);
    rocksdb_pinnableslice_destroy(slice);
    return result;
}

int rocks_get(void *self, ordo_str id, ordo_record_fn visit, void *context)
{
    struct rocks_store *store = self;
    int result = ORDO_ENOTFOUND;

    rocks_uncounted();
    /* Between the two looks an invalid record may have given way to a new order under another key. */
    for (int tries = 0; tries < 3 && result == ORDO_ENOTFOUND; tries++) {
        char key[ROCKS_KEY], *error;
        bool is_there = rocks_index_find(store, id, key, &error);

        if (error != NULL)
            return rocks_read_failed(store, "an id cannot be looked up", error);
        if (!is_there)
            return ORDO_ENOTFOUND;
        result = visit_key(store, key, sizeof(key), visit, context);
    }
    return result;
}

/* At most FIND_MAX. */
static void find_some(struct rocks_store *store, const ordo_str *ids, size_t count, int *ret_results)
{
    struct rocks_database *database = &store->database;
    rocksdb_pinnableslice_t *keys[FIND_MAX];
    struct rocks_tail_view view;
    struct rocks_change change;
    const char *texts[FIND_MAX];
    size_t lens[FIND_MAX], of[FIND_MAX], asked = 0;
    char *errors[FIND_MAX];

    rocks_tail_pin(&store->index.tail, &view);
    for (size_t i = 0; i < count; i++)
        if (rocks_tail_find(&view, ids[i], &change)) {
            ret_results[i] = change.kind == ROCKS_CHANGE_PUT ? 0 : ORDO_ENOTFOUND;
        } else {
            of[asked] = i;
            texts[asked] = ids[i].ptr;
            lens[asked++] = ids[i].len;
        }
    rocks_tail_unpin(&view);
    if (asked > 0)
        rocksdb_batched_multi_get_cf(database->db, database->read, database->families[ROCKS_IDS], asked,
                                     texts, lens, keys, errors, false);
    for (size_t i = 0; i < asked; i++) {
        ret_results[of[i]] = errors[i] != NULL ? ORDO_EIO : keys[i] != NULL ? 0 : ORDO_ENOTFOUND;
        rocksdb_pinnableslice_destroy(keys[i]);
        free(errors[i]);
    }
}

void rocks_find(void *self, const ordo_str *ids, size_t count, int *ret_results, uint32_t *ret_moment)
{
    struct rocks_store *store = self;
    size_t some;

    rocks_uncounted();
    *ret_moment = (uint32_t)atomic_load_explicit(&store->commits, memory_order_acquire);
    for (size_t from = 0; from < count; from += some) {
        some = count - from < FIND_MAX ? count - from : FIND_MAX;
        find_some(store, ids + from, some, ret_results + from);
    }
}

/* Visits the record of the range's key. */
static int visit_range(struct rocks_walk *walk, const struct rocks_range *range, ordo_record_fn visit,
                       void *context)
{
    struct ordo_record record;
    char key[ROCKS_KEY];
    const char *value;
    size_t len;
    int result;

    if (range->family != ROCKS_ORDERS) {
        rocks_key_order(&range->place, key);
        result = visit_key(walk->store, key, sizeof(key), visit, context);
        return result == ORDO_ENOTFOUND ? 0 : result; /* gone since the walk began */
    }
    value = rocksdb_iter_value(range->iterator, &len);
    if (!rocks_record_read(value, len, &record, NULL))
        return rocks_read_failed(walk->store, "an order cannot be read", NULL);
    visit(context, &record);
    return 0;
}

struct page {
    const struct ordo_store_query *query;
    ordo_record_fn visit;
    void *context;
    uint32_t shown;
    bool is_ended; /* by the visitor */
};

static bool matches(const struct ordo_store_query *query, const struct ordo_record *record)
{
    if (query->statuses != 0 && (query->statuses & ORDO_STATUS_BIT(record->status)) == 0)
        return false;
    if (query->priority >= 0 && (int)record->priority != query->priority)
        return false;
    if (query->until_ms != 0 && record->received_ms >= query->until_ms)
        return false;
    return query->customer.len == 0 || ordo_str_equal(query->customer, record->customer);
}

static bool show(void *context, const struct ordo_record *record)
{
    struct page *page = context;

    if (!matches(page->query, record))
        return true;
    page->shown++;
    page->is_ended = !page->visit(page->context, record);
    return !page->is_ended;
}

/* The customer's orders: those of the tail, and those that are filed. In this order, so that none is missed that is filed
 * in between; one that is seen in both is the same place twice. */
static int choose_customer(struct rocks_walk *walk, const struct ordo_store_query *query)
{
    struct rocks_tail_view view;
    struct rocks_place *places;
    struct rocks_range *range;
    size_t count;
    int result;

    rocks_tail_pin(&walk->store->index.tail, &view);
    result =
        rocks_tail_list(&view, query->customer, &walk->from, query->since_ms, SCAN_MAX + 1, &places, &count);
    rocks_tail_unpin(&view);
    if (result != 0)
        return result;
    rocks_walk_add_places(walk, places, count);
    range = rocks_walk_add(walk, ROCKS_CUSTOMERS, (char)query->customer.len);
    memcpy(range->prefix + 1, query->customer.ptr, query->customer.len);
    range->prefix_len += query->customer.len;
    return 0;
}

/* The ranges that hold all records that match, with as few others as can be. 0 or a code. */
static int choose_ranges(struct rocks_walk *walk, const struct ordo_store_query *query)
{
    if (query->customer.len > 0)
        return choose_customer(walk, query);
    if (query->statuses != 0 && (query->statuses & ORDO_STATUS_BIT(ORDO_STATUS_DONE)) == 0) {
        for (int status = 0; status < ORDO_STATUS_COUNT; status++)
            if ((query->statuses & ORDO_STATUS_BIT(status)) != 0)
                rocks_walk_add(walk, ROCKS_OPEN, (char)status);
        return 0;
    }
    for (int priority = 0; priority < ORDO_PRIORITY_COUNT; priority++)
        if (query->priority < 0 || query->priority == priority)
            rocks_walk_add(walk, ROCKS_ORDERS, (char)priority);
    return 0;
}

static struct rocks_place begin_of(const struct ordo_store_query *query)
{
    struct rocks_place from = {.received_ms = RECEIVED_MAX, .number = RECEIVED_MAX};

    if (query->until_ms > 0)
        from = (struct rocks_place){.received_ms = (uint64_t)query->until_ms};
    if (query->after.high != 0 || query->after.low != 0) {
        struct rocks_place after = {.received_ms = query->after.high, .number = query->after.low};

        if (rocks_place_compare(&after, &from) < 0)
            from = after;
    }
    return from;
}

int rocks_list(void *self, const struct ordo_store_query *query, ordo_record_fn visit, void *context,
               struct ordo_store_cursor *ret_after)
{
    struct rocks_walk walk = {.store = self, .from = begin_of(query), .since_ms = query->since_ms};
    struct page page = {.query = query, .visit = visit, .context = context};
    struct rocks_range *range;
    int result = 0;

    *ret_after = query->after;
    if (query->limit == 0 || query->customer.len > ORDO_ID_MAX)
        return 0;
    *ret_after = (struct ordo_store_cursor){0, 0};
    result = choose_ranges(&walk, query);
    if (result != 0)
        return result;
    rocks_walk_start(&walk);
    for (int scanned = 0; result == 0 && (range = rocks_walk_next(&walk)) != NULL; scanned++) {
        if (page.is_ended || page.shown == query->limit || scanned == SCAN_MAX) {
            *ret_after = (struct ordo_store_cursor){walk.from.received_ms, walk.from.number};
            break;
        }
        walk.from = range->place;
        result = visit_range(&walk, range, show, &page);
        rocks_walk_step(&walk, range);
    }
    if (result == 0)
        result = rocks_walk_error(&walk);
    rocks_walk_done(&walk);
    return result;
}

struct pending {
    ordo_record_fn visit;
    void *context;
    uint32_t shown;
    bool is_ended;
};

static bool visit_pending(void *context, const struct ordo_record *record)
{
    struct pending *pending = context;

    pending->shown++;
    pending->is_ended = !pending->visit(pending->context, record);
    return !pending->is_ended;
}

/* Keys of other priorities are passed over, which reads no record. */
int rocks_pending(void *self, enum ordo_priority priority, struct ordo_store_cursor after, uint32_t limit,
                  ordo_record_fn visit, void *context, struct ordo_store_cursor *ret_after)
{
    struct rocks_walk walk = {
        .store = self, .forward = true, .from = {.received_ms = after.high, .number = after.low}};
    struct pending pending = {.visit = visit, .context = context};
    struct rocks_range *range;
    int result = 0;

    *ret_after = (struct ordo_store_cursor){0, 0};
    for (int status = ORDO_STATUS_QUEUED; status < ORDO_STATUS_DONE; status++)
        rocks_walk_add(&walk, ROCKS_OPEN, (char)status);
    rocks_walk_start(&walk);
    while (result == 0 && (range = rocks_walk_next(&walk)) != NULL) {
        if (pending.is_ended || pending.shown == limit) {
            *ret_after = (struct ordo_store_cursor){walk.from.received_ms, walk.from.number};
            break;
        }
        walk.from = range->place;
        if (range->place.priority == priority)
            result = visit_range(&walk, range, visit_pending, &pending);
        rocks_walk_step(&walk, range);
    }
    if (result == 0)
        result = rocks_walk_error(&walk);
    rocks_walk_done(&walk);
    return result;
}
