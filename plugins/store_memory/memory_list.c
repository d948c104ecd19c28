/* SPDX-License-Identifier: MIT
 * memory_list.c: listings of the memory store: pages, newest first, merged from all shards.
 *
 * A call looks at a bounded number of records a shard, from the cursor downwards, and takes references to
 * those that match. Where a shard was not searched to its end, nothing below the place where it stopped may
 * be shown yet, since that shard may have something newer: the page ends there, and the cursor goes on.
 * Records that come while the page is made have higher numbers than its start and are not part of it.
 */
#include "store_memory.h"

#include <stdlib.h>

enum { SCAN_MAX = 10000 /* records that one call looks at, in all shards together */ };

struct found {
    uint64_t sequence;
    struct memory_record *record;
};

struct page {
    struct found *found;
    size_t count, capacity;
};

static int page_add(struct page *page, uint64_t sequence, struct memory_record *record)
{
    if (page->count == page->capacity) {
        size_t capacity = page->capacity == 0 ? 64 : page->capacity * 2;
        struct found *found = realloc(page->found, capacity * sizeof(*found));

        if (found == NULL)
            return ORDO_ENOMEM;
        page->found = found;
        page->capacity = capacity;
    }
    memory_record_ref(record);
    page->found[page->count++] = (struct found){sequence, record};
    return 0;
}

static void page_done(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        memory_record_unref(page->found[i].record);
    free(page->found);
}

static int newest_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return (x->sequence < y->sequence) - (x->sequence > y->sequence);
}

static int oldest_first(const void *a, const void *b)
{
    return newest_first(b, a);
}

static void page_sort(struct page *page, int (*compare)(const void *a, const void *b))
{
    if (page->count > 1)
        qsort(page->found, page->count, sizeof(*page->found), compare);
}

static bool matches(const struct ordo_store_query *query, const struct ordo_record *record)
{
    if (query->statuses != 0 && (query->statuses & ORDO_STATUS_BIT(record->status)) == 0)
        return false;
    if (query->priority >= 0 && (int)record->priority != query->priority)
        return false;
    if (record->received_ms < query->since_ms ||
        (query->until_ms != 0 && record->received_ms >= query->until_ms))
        return false;
    return query->customer.len == 0 || ordo_str_equal(query->customer, record->customer);
}

/* Collects what matches below `before`. *ret_low: everything from there on was looked at; 0: to the end. */
static int scan_shard(struct memory_shard *shard, const struct ordo_store_query *query, uint64_t before,
                      size_t scan_max, struct page *page, uint64_t *ret_low)
{
    const struct memory_ring *order = &shard->rings[MEMORY_RING_ORDER];
    size_t scanned = 0, taken = 0;
    uint64_t place, low = 0;
    int result = 0;

    pthread_mutex_lock(&shard->lock);
    for (place = memory_shard_seek(shard, before); result == 0 && place > order->first; place--) {
        const struct memory_entry *entry = memory_ring_at(order, place - 1);

        if (scanned == scan_max || taken == query->limit)
            break;
        scanned++;
        low = entry->key;
        if (entry->record != NULL && matches(query, &entry->record->record)) {
            result = page_add(page, entry->key, entry->record);
            taken++;
        }
    }
    if (place == order->first)
        low = 0;
    pthread_mutex_unlock(&shard->lock);
    *ret_low = low;
    return result;
}

/* Shows the page down to `low`; the cursor that goes on behind it. */
static uint64_t show(const struct page *page, uint64_t low, uint32_t limit, ordo_record_fn visit,
                     void *context)
{
    for (size_t i = 0; i < page->count && page->found[i].sequence >= low; i++) {
        bool more = visit(context, &page->found[i].record->record);

        if (!more || i + 1 == limit)
            return i + 1 < page->count || low > 0 ? page->found[i].sequence : 0;
    }
    return low;
}

int memory_list(void *self, const struct ordo_store_query *query, ordo_record_fn visit, void *context,
                struct ordo_store_cursor *ret_after)
{
    struct memory_store *store = self;
    uint64_t before = query->after.low != 0 ? query->after.low : atomic_load(&store->sequence), low = 0;
    struct page page = {0};
    int result = 0;

    *ret_after = (struct ordo_store_cursor){0, query->after.low};
    if (query->limit == 0)
        return 0;
    for (size_t i = 0; result == 0 && i < store->shard_count; i++) {
        uint64_t shard_low;

        result =
            scan_shard(&store->shards[i], query, before, SCAN_MAX / store->shard_count, &page, &shard_low);
        if (shard_low > low)
            low = shard_low;
    }
    if (result == 0) {
        page_sort(&page, newest_first);
        ret_after->low = show(&page, low, query->limit, visit, context);
    }
    page_done(&page);
    return result;
}

int memory_pending(void *self, enum ordo_priority priority, struct ordo_store_cursor after, uint32_t limit,
                   ordo_record_fn visit, void *context, struct ordo_store_cursor *ret_after)
{
    const struct ordo_store_query all = {
        .size = sizeof(all),
        .statuses = ORDO_STATUS_BIT(ORDO_STATUS_QUEUED) | ORDO_STATUS_BIT(ORDO_STATUS_RUNNING) |
                    ORDO_STATUS_BIT(ORDO_STATUS_WAITING) | ORDO_STATUS_BIT(ORDO_STATUS_RECORDING),
        .priority = (int)priority,
        .limit = UINT32_MAX,
    };
    struct memory_store *store = self;
    struct page page = {0};
    uint64_t low, last = after.low;
    bool more = true;
    size_t at = 0;
    int result = 0;

    *ret_after = (struct ordo_store_cursor){0, 0};
    for (size_t i = 0; result == 0 && i < store->shard_count; i++)
        result = scan_shard(&store->shards[i], &all, UINT64_MAX, SIZE_MAX, &page, &low);
    if (result == 0) {
        page_sort(&page, oldest_first);
        while (at < page.count && page.found[at].sequence <= after.low)
            at++;
        for (; more && limit > 0 && at < page.count; at++, limit--) {
            last = page.found[at].sequence;
            more = visit(context, &page.found[at].record->record);
        }
        if (at < page.count)
            ret_after->low = last;
    }
    page_done(&page);
    return result;
}
