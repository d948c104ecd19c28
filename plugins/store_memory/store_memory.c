/* SPDX-License-Identifier: MIT
 * store_memory.c: a store that keeps its records in memory, up to a bound. What it holds is gone when the
 * process ends.
 *
 * Orders are spread over shards by a hash of their ids; a write locks one of them. When the store is full, a
 * new order takes the place of the one that has been final for longest; orders that are not final are never
 * dropped, and when there is nothing else the new one is refused. A later state of an order that is inside is
 * always taken, even if it is larger: an order that was let in is not refused its decision. Nor is an order dropped
 * whose decision a sink has yet to take: while sinks are away, a full store refuses. Completion is called inside of
 * submit.
 */
#include "store_memory.h"

#include <stdlib.h>

#include "id_hash.h"

/* Writes prepared at a time: their memory accesses overlap. */
enum { PREPARED_MAX = 16 };

static const struct ordo_option options[] = {
    {"records", ORDO_OPTION_INT, "100000", 1, 16000000, "orders",
     "Orders kept at most; then the oldest final ones are dropped."},
    {"bytes", ORDO_OPTION_SIZE, "256MiB", 65536, (int64_t)512 << 30, NULL,
     "Memory that the orders may take at most, with their decisions."},
    {0},
};

static struct memory_shard *shard_of(const struct memory_store *store, uint64_t hash)
{
    return &store->shards[(hash >> 56) & (store->shard_count - 1)];
}

static bool is_over(const struct memory_store *store, uint64_t usage)
{
    return (usage >> MEMORY_BYTES_BITS) > store->records_max ||
           (usage & MEMORY_BYTES_MASK) > store->bytes_max;
}

static void drop_push(struct memory_record **dropped, struct memory_record *record)
{
    record->next = *dropped;
    *dropped = record;
}

static uint64_t usage_of(const struct memory_record *record)
{
    return MEMORY_USAGE_RECORD + record->size;
}

/* Counts a new record in, dropping final ones of this shard while it does not fit. False: it still does not.
 * The common cases, room and one victim, take one atomic operation. */
static bool count_in(struct memory_store *store, struct memory_shard *shard,
                     const struct memory_record *record, struct memory_record **dropped)
{
    uint64_t usage = atomic_load_explicit(&store->usage, memory_order_relaxed), change = usage_of(record);
    struct memory_record *victim;

    while (is_over(store, usage + change) &&
           (victim = memory_shard_drop(shard, memory_outbox_taken(store))) != NULL) {
        change -= usage_of(victim);
        drop_push(dropped, victim);
    }
    usage = atomic_fetch_add(&store->usage, change) + change;
    while (is_over(store, usage)) {
        victim = memory_shard_drop(shard, memory_outbox_taken(store));
        if (victim == NULL) {
            atomic_fetch_sub(&store->usage, usage_of(record));
            return false;
        }
        usage = atomic_fetch_sub(&store->usage, usage_of(victim)) - usage_of(victim);
        drop_push(dropped, victim);
    }
    return true;
}

/* Drops one final record of any shard; false when there is none. Takes no lock but that shard's. */
static bool drop_elsewhere(struct memory_store *store)
{
    for (size_t i = 0; i < store->shard_count; i++) {
        struct memory_shard *shard = &store->shards[i];
        struct memory_record *victim;

        pthread_mutex_lock(&shard->lock);
        victim = memory_shard_drop(shard, memory_outbox_taken(store));
        pthread_mutex_unlock(&shard->lock);
        if (victim != NULL) {
            atomic_fetch_sub(&store->usage, usage_of(victim));
            memory_record_unref(victim);
            return true;
        }
    }
    return false;
}

/* One write under the shard's lock. *ret_retry: nothing was done, and room is needed that this shard does not
 * have. */
static int write_locked(struct memory_store *store, struct memory_shard *shard, uint64_t hash,
                        struct memory_record *record, uint32_t replaces, struct memory_record **dropped,
                        bool *ret_retry)
{
    struct memory_slot *slot;

    if (memory_shard_reserve(shard) != 0)
        return ORDO_ENOMEM;
    slot = memory_shard_find(shard, hash, record->record.id);
    if ((replaces & (slot == NULL ? ORDO_STATUS_BIT_ABSENT : ORDO_STATUS_BIT(slot->record->record.status))) ==
        0)
        return ORDO_EEXISTS;
    if (slot != NULL) {
        atomic_fetch_add(&store->usage, (uint64_t)record->size - (uint64_t)slot->record->size);
        drop_push(dropped, memory_shard_replace(shard, slot, record));
        return 0;
    }
    if (record->size > store->bytes_max)
        return ORDO_EFULL;
    if (!count_in(store, shard, record, dropped)) {
        *ret_retry = true;
        return ORDO_EFULL;
    }
    memory_shard_insert(shard, hash, atomic_fetch_add(&store->sequence, 1), record);
    return 0;
}

/* The same, with the record's decision for the sinks. */
static int write_emitting(struct memory_store *store, struct memory_shard *shard, uint64_t hash,
                          struct memory_record *record, uint32_t replaces, struct memory_record **dropped,
                          bool *ret_retry)
{
    int result;

    if (!memory_outbox_open(store))
        return ORDO_ENOMEM;
    result = write_locked(store, shard, hash, record, replaces, dropped, ret_retry);
    memory_outbox_close(store, result == 0 ? record : NULL);
    return result;
}

/* A write on its way: what can be done before the lock is. */
struct prepared {
    struct memory_record *record; /* NULL: out of memory */
    struct memory_shard *shard;
    uint64_t hash;
};

static struct prepared prepare(const struct memory_store *store, const struct ordo_write *write)
{
    uint64_t hash = id_hash(store->seed, write->record.id);
    struct memory_shard *shard = shard_of(store, hash);

    memory_shard_prefetch(shard, hash);
    return (struct prepared){memory_record_new(&write->record), shard, hash};
}

static void unref_all(struct memory_record *dropped)
{
    while (dropped != NULL) {
        struct memory_record *next = dropped->next;

        memory_record_unref(dropped);
        dropped = next;
    }
}

static int write_prepared(struct memory_store *store, const struct prepared *prepared,
                          const struct ordo_write *write)
{
    struct memory_shard *shard = prepared->shard;
    bool is_last = prepared->record == NULL || store->shard_count == 1, retry;
    int result;

    do {
        struct memory_record *dropped = NULL;

        retry = false;
        pthread_mutex_lock(&shard->lock);
        result = prepared->record == NULL
                     ? ORDO_ENOMEM
                     : (write->emits ? write_emitting : write_locked)(
                           store, shard, prepared->hash, prepared->record, write->replaces, &dropped, &retry);
        retry = retry && !is_last;
        shard->writes += result == 0;
        shard->refused += result != 0 && !retry;
        pthread_mutex_unlock(&shard->lock);
        unref_all(dropped);
        is_last = retry && !drop_elsewhere(store);
    } while (retry);
    if (result != 0)
        memory_record_unref(prepared->record);
    return result;
}

static void submit(void *self, struct ordo_write *writes, size_t count, ordo_store_done_fn done,
                   void *context)
{
    struct memory_store *store = self;
    struct prepared prepared[PREPARED_MAX];

    for (size_t from = 0; from < count; from += PREPARED_MAX) {
        size_t size = count - from < PREPARED_MAX ? count - from : PREPARED_MAX;

        for (size_t i = 0; i < size; i++)
            prepared[i] = prepare(store, &writes[from + i]);
        for (size_t i = 0; i < size; i++)
            writes[from + i].result = write_prepared(store, &prepared[i], &writes[from + i]);
    }
    done(context, writes, count);
}

static int get(void *self, ordo_str id, ordo_record_fn visit, void *context)
{
    struct memory_store *store = self;
    uint64_t hash = id_hash(store->seed, id);
    struct memory_shard *shard = shard_of(store, hash);
    struct memory_record *record = NULL;
    struct memory_slot *slot;

    pthread_mutex_lock(&shard->lock);
    slot = memory_shard_find(shard, hash, id);
    if (slot != NULL) {
        record = slot->record;
        memory_record_ref(record);
    }
    pthread_mutex_unlock(&shard->lock);
    if (record == NULL)
        return ORDO_ENOTFOUND;
    visit(context, &record->record);
    memory_record_unref(record);
    return 0;
}

/* No moments: its look-up is as quick as a comparison of them. */
static void find(void *self, const ordo_str *ids, size_t count, int *ret_results, uint32_t *ret_moment)
{
    struct memory_store *store = self;

    *ret_moment = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = id_hash(store->seed, ids[i]);
        struct memory_shard *shard = shard_of(store, hash);

        pthread_mutex_lock(&shard->lock);
        ret_results[i] = memory_shard_find(shard, hash, ids[i]) != NULL ? 0 : ORDO_ENOTFOUND;
        pthread_mutex_unlock(&shard->lock);
    }
}

static void stat_all(void *self, struct ordo_store_stat *ret_stat)
{
    struct memory_store *store = self;
    uint64_t usage = atomic_load(&store->usage);
    struct ordo_store_stat stat = {.size = ret_stat->size, .memory_max = UINT64_MAX};

    stat.records = usage >> MEMORY_BYTES_BITS;
    stat.bytes = usage & MEMORY_BYTES_MASK;
    stat.sequence = memory_outbox_newest(store);
    for (size_t i = 0; i < store->shard_count; i++) {
        struct memory_shard *shard = &store->shards[i];

        pthread_mutex_lock(&shard->lock);
        stat.dropped += shard->dropped;
        stat.writes += shard->writes;
        stat.refused += shard->refused;
        pthread_mutex_unlock(&shard->lock);
    }
    memcpy(ret_stat, &stat, ret_stat->size < sizeof(stat) ? ret_stat->size : sizeof(stat));
}

static void close_store(void *self)
{
    struct memory_store *store = self;

    if (store == NULL)
        return;
    for (size_t i = 0; store->shards != NULL && i < store->shard_count; i++)
        memory_shard_done(&store->shards[i]);
    memory_outbox_done(store);
    free(store->shards);
    free(store);
}

static int open_store(const struct ordo_host *host, const struct ordo_options *values, void **ret_self,
                      struct ordo_error *err)
{
    struct memory_store *store = aligned_alloc(64, sizeof(*store));
    bool complete;

    if (store == NULL)
        return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    *store = (struct memory_store){.shard_count = 1};
    atomic_init(&store->sequence, 1);
    memory_outbox_init(store);
    store->records_max = (uint64_t)host->option_int(values, "records");
    store->bytes_max = (uint64_t)host->option_int(values, "bytes");
    while (store->shard_count < MEMORY_SHARDS_MAX &&
           store->shard_count * 2 * MEMORY_SHARD_RECORDS <= store->records_max)
        store->shard_count *= 2;
    id_hash_seed(store->seed);
    store->shards = aligned_alloc(64, store->shard_count * sizeof(*store->shards));
    complete = store->shards != NULL;
    if (complete)
        memset(store->shards, 0, store->shard_count * sizeof(*store->shards));
    for (size_t i = 0; complete && i < store->shard_count; i++)
        complete = memory_shard_init(&store->shards[i]) == 0;
    if (!complete) {
        close_store(store);
        return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    }
    *ret_self = store;
    return 0;
}

static const struct ordo_store_ops ops = {
    .size = sizeof(ops),
    .submit = submit,
    .get = get,
    .list = memory_list,
    .pending = memory_pending,
    .stat = stat_all,
    .sinks = memory_sinks,
    .emissions = memory_emissions,
    .taken = memory_taken,
    .find = find,
};

const struct ordo_plugin *ordo_plugin_entry(void)
{
    static const struct ordo_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = ORDO_ABI_MAJOR,
        .abi_minor = ORDO_ABI_MINOR,
        .kind = ORDO_PLUGIN_STORE,
        .name = "store_memory",
        .version = ORDO_VERSION,
        .summary = "Keeps orders in memory up to a bound, dropping the oldest final ones.",
        .options = options,
        .open = open_store,
        .close = close_store,
        .ops = &ops,
    };

    return &plugin;
}
