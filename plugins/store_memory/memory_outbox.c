/* SPDX-License-Identifier: MIT
 * memory_outbox.c: decisions for the sinks, in a ring of references to their records.
 *
 * A record does not change, so what an entry leads to is the decision that it was made for, also when the order has
 * another one by now. A record whose entry is still there is not dropped from the store, which bounds the ring.
 */
#include "store_memory.h"

#include <stdlib.h>

enum { RING_FIRST = 256, READ_AT_ONCE = 256 };

void memory_outbox_init(struct memory_store *store)
{
    pthread_mutex_init(&store->outbox.lock, NULL);
    store->outbox.first = 1;
    atomic_init(&store->outbox.taken_by_all, UINT64_MAX);
}

static struct memory_record **place(const struct memory_outbox *outbox, uint64_t sequence)
{
    return &outbox->records[sequence & (outbox->capacity - 1)];
}

void memory_outbox_done(struct memory_store *store)
{
    struct memory_outbox *outbox = &store->outbox;

    for (uint64_t i = outbox->first; i <= outbox->newest; i++)
        memory_record_unref(*place(outbox, i));
    free(outbox->records);
    free(outbox->taken);
    pthread_mutex_destroy(&outbox->lock);
}

/* Under the lock. */
static bool grow(struct memory_outbox *outbox)
{
    struct memory_outbox larger = {.capacity = outbox->capacity == 0 ? RING_FIRST : outbox->capacity * 2};

    larger.records = calloc(larger.capacity, sizeof(*larger.records));
    if (larger.records == NULL)
        return false;
    for (uint64_t i = outbox->first; i <= outbox->newest; i++)
        *place(&larger, i) = *place(outbox, i);
    free(outbox->records);
    outbox->records = larger.records;
    outbox->capacity = larger.capacity;
    return true;
}

bool memory_outbox_open(struct memory_store *store)
{
    struct memory_outbox *outbox = &store->outbox;

    pthread_mutex_lock(&outbox->lock);
    if (outbox->newest - outbox->first + 1 < outbox->capacity || grow(outbox))
        return true;
    pthread_mutex_unlock(&outbox->lock);
    return false;
}

void memory_outbox_close(struct memory_store *store, struct memory_record *record)
{
    struct memory_outbox *outbox = &store->outbox;

    if (record != NULL && outbox->sink_count == 0) { /* nobody reads it; it has its number all the same */
        record->sequence = ++outbox->newest;
        outbox->first = outbox->newest + 1;
    } else if (record != NULL) {
        memory_record_ref(record);
        record->sequence = ++outbox->newest;
        *place(outbox, record->sequence) = record;
    }
    pthread_mutex_unlock(&outbox->lock);
}

uint64_t memory_outbox_newest(struct memory_store *store)
{
    uint64_t newest;

    pthread_mutex_lock(&store->outbox.lock);
    newest = store->outbox.newest;
    pthread_mutex_unlock(&store->outbox.lock);
    return newest;
}

int memory_sinks(void *self, const ordo_str *names, size_t count, uint64_t *ret_taken, struct ordo_error *err)
{
    struct memory_store *store = self;

    (void)names, (void)err; /* nothing is there yet, so all are new */
    store->outbox.taken = calloc(count + 1, sizeof(*store->outbox.taken));
    if (store->outbox.taken == NULL)
        return ORDO_ENOMEM;
    store->outbox.sink_count = count;
    for (size_t i = 0; i < count; i++)
        ret_taken[i] = 0;
    if (count > 0)
        atomic_store(&store->outbox.taken_by_all, 0);
    return 0;
}

/* References to the next records; how many. */
static size_t take_some(struct memory_outbox *outbox, uint64_t after,
                        struct memory_record *records[READ_AT_ONCE])
{
    size_t count = 0;

    pthread_mutex_lock(&outbox->lock);
    for (uint64_t i = after < outbox->first ? outbox->first : after + 1;
         i <= outbox->newest && count < READ_AT_ONCE; i++) {
        records[count] = *place(outbox, i);
        memory_record_ref(records[count++]);
    }
    pthread_mutex_unlock(&outbox->lock);
    return count;
}

int memory_emissions(void *self, uint64_t after, ordo_emission_fn visit, void *context)
{
    struct memory_store *store = self;
    struct memory_record *records[READ_AT_ONCE];
    bool more = true;
    size_t count;

    while (more && (count = take_some(&store->outbox, after, records)) > 0)
        for (size_t i = 0; i < count; i++) {
            const struct ordo_record *record = &records[i]->record;

            after = records[i]->sequence;
            if (more)
                more = visit(context, after,
                             &(struct ordo_emission){record->id, record->revision, record->answer});
            memory_record_unref(records[i]);
        }
    return 0;
}

void memory_taken(void *self, size_t sink, uint64_t sequence)
{
    struct memory_store *store = self;
    struct memory_outbox *outbox = &store->outbox;
    uint64_t least = sequence;

    pthread_mutex_lock(&outbox->lock);
    outbox->taken[sink] = sequence;
    for (size_t i = 0; i < outbox->sink_count; i++)
        if (outbox->taken[i] < least)
            least = outbox->taken[i];
    for (; outbox->first <= least && outbox->first <= outbox->newest; outbox->first++)
        memory_record_unref(*place(outbox, outbox->first));
    atomic_store_explicit(&outbox->taken_by_all, least, memory_order_relaxed);
    pthread_mutex_unlock(&outbox->lock);
}
