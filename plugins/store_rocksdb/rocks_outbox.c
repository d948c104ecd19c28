/* SPDX-License-Identifier: MIT
 * rocks_outbox.c: the sinks' side of the outbox: who they are, what they read, and how far they have come.
 *
 * How far a sink has come is kept under its name. The store's thread writes it soon after, without a sync: a crash of
 * the process keeps it, a power cut may take it back, and then the sink gets again what it had.
 */
#include "rocks_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "rocks_batch.h"

enum { TRIM_STEP = 4096 /* decisions that are deleted at once */ };

uint64_t rocks_taken_by_all(const struct rocks_store *store)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < store->sink_count; i++) {
        uint64_t taken = atomic_load_explicit(&store->sinks[i].taken, memory_order_relaxed);

        if (taken < least)
            least = taken;
    }
    return least;
}

void rocks_outbox_stage(struct rocks_batch *batch)
{
    struct rocks_store *store = batch->store;
    uint64_t all = rocks_taken_by_all(store);
    char from[ROCKS_OUTBOX_KEY], to[ROCKS_OUTBOX_KEY], key[ROCKS_SINK_KEY];

    for (size_t i = 0; i < store->sink_count; i++) {
        uint64_t taken = atomic_load_explicit(&store->sinks[i].taken, memory_order_relaxed);
        size_t len = rocks_sink_key(ordo_str_from(store->sinks[i].name), key);

        rocksdb_writebatch_put(batch->batch, key, len, (const char *)&taken, sizeof(taken));
        batch->staged_count++;
    }
    if (all > batch->counters.sequence)
        all = batch->counters.sequence;
    if (all < batch->counters.trimmed + (store->sink_count == 0 ? 1 : TRIM_STEP))
        return;
    rocks_key_outbox(batch->counters.trimmed + 1, from);
    rocks_key_outbox(all + 1, to);
    rocksdb_writebatch_delete_range_cf(batch->batch, store->database.families[ROCKS_OUTBOX], from,
                                       sizeof(from), to, sizeof(to));
    batch->counters.trimmed = all;
    batch->staged_count++;
}

static bool is_named(const ordo_str *names, size_t count, ordo_str name)
{
    for (size_t i = 0; i < count; i++)
        if (ordo_str_equal(names[i], name))
            return true;
    return false;
}

/* Says what a sink that is not configured any more will not get. */
static void warn_of_forgotten(struct rocks_store *store, ordo_str name, rocksdb_iterator_t *iterator)
{
    uint64_t taken, newest = atomic_load(&store->sequence);
    char message[256];
    const char *value;
    size_t len;

    value = rocksdb_iter_value(iterator, &len);
    if (len != sizeof(taken))
        return;
    memcpy(&taken, value, sizeof(taken));
    if (taken >= newest)
        return;
    snprintf(message, sizeof(message),
             "sink '" ORDO_STR_FMT
             "' is not configured any more: %llu decisions that it had not taken are dropped",
             ORDO_STR_ARG(name), (unsigned long long)(newest - taken));
    store->host->log(store->host->engine, ORDO_LOG_WARN, message);
}

/* Deletes what is known of sinks that are not there any more. */
static int forget_others(struct rocks_store *store, const ordo_str *names, size_t count, char **ret_error)
{
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(store->database.db, store->database.read,
                                                              store->database.families[ROCKS_META]);
    const ordo_str prefix = ORDO_STR(ROCKS_SINK_PREFIX);

    for (rocksdb_iter_seek(iterator, prefix.ptr, prefix.len);
         rocksdb_iter_valid(iterator) && *ret_error == NULL; rocksdb_iter_next(iterator)) {
        size_t len;
        const char *key = rocksdb_iter_key(iterator, &len);

        if (len < prefix.len || memcmp(key, prefix.ptr, prefix.len) != 0)
            break;
        if (is_named(names, count, (ordo_str){key + prefix.len, len - prefix.len}))
            continue;
        warn_of_forgotten(store, (ordo_str){key + prefix.len, len - prefix.len}, iterator);
        rocksdb_delete(store->database.db, store->database.write_unsynced, key, len, ret_error);
    }
    if (*ret_error == NULL)
        rocksdb_iter_get_error(iterator, ret_error);
    rocksdb_iter_destroy(iterator);
    return *ret_error == NULL ? 0 : ORDO_EIO;
}

/* How far a sink had come, or behind the newest when it is new. */
static int find_sink(struct rocks_store *store, ordo_str name, struct rocks_sink *sink, char **ret_error)
{
    char key[ROCKS_SINK_KEY];
    size_t key_len = rocks_sink_key(name, key), len;
    uint64_t taken = atomic_load(&store->sequence);
    rocksdb_pinnableslice_t *slice;
    const char *value;

    slice = rocks_database_get(&store->database, ROCKS_META, key, key_len, ret_error);
    if (slice != NULL) {
        value = rocksdb_pinnableslice_value(slice, &len);
        if (len == sizeof(taken))
            memcpy(&taken, value, sizeof(taken));
        else
            *ret_error = strdup("it is not as this store writes it");
        rocksdb_pinnableslice_destroy(slice);
    } else if (*ret_error == NULL) {
        rocksdb_put(store->database.db, store->database.write_unsynced, key, key_len, (const char *)&taken,
                    sizeof(taken), ret_error);
    }
    atomic_init(&sink->taken, taken);
    return *ret_error == NULL ? 0 : ORDO_EIO;
}

int rocks_sinks(void *self, const ordo_str *names, size_t count, uint64_t *ret_taken, struct ordo_error *err)
{
    struct rocks_store *store = self;
    char *error = NULL;
    int result = forget_others(store, names, count, &error);

    store->sinks = calloc(count + 1, sizeof(*store->sinks));
    if (store->sinks == NULL)
        result = ORDO_ENOMEM;
    for (size_t i = 0; result == 0 && i < count; i++) {
        struct rocks_sink *sink = &store->sinks[i];

        sink->name = strndup(names[i].ptr, names[i].len);
        result = sink->name == NULL ? ORDO_ENOMEM : find_sink(store, names[i], sink, &error);
        ret_taken[i] = atomic_load(&sink->taken);
        store->sink_count = i + 1;
    }
    if (result != 0)
        store->host->fail(err, result, NULL, "what the sinks have taken cannot be read: %s",
                          error == NULL ? "out of memory" : error);
    free(error);
    if (result == 0) {
        atomic_store(&store->sinks_known, true);
        pthread_mutex_lock(&store->lock);
        store->sinks_moved = true; /* what was kept for others goes */
        pthread_mutex_unlock(&store->lock);
        pthread_cond_signal(&store->arrived);
    }
    return result;
}

void rocks_sinks_free(struct rocks_store *store)
{
    for (size_t i = 0; i < store->sink_count; i++)
        free(store->sinks[i].name);
    free(store->sinks);
}

void rocks_taken(void *self, size_t sink, uint64_t sequence)
{
    struct rocks_store *store = self;

    atomic_store_explicit(&store->sinks[sink].taken, sequence, memory_order_relaxed);
    pthread_mutex_lock(&store->lock);
    store->sinks_moved = true;
    pthread_mutex_unlock(&store->lock);
    pthread_cond_signal(&store->arrived);
}

/* A reading of the outbox. */
struct reading {
    struct rocks_store *store;
    ordo_emission_fn visit;
    void *context;
    bool more;
    uint64_t first_lost, lost; /* decisions whose records are not there, and the first one's number */
};

static void give(struct reading *reading, uint64_t sequence, const struct ordo_emission *emission)
{
    reading->more = reading->visit(reading->context, sequence, emission);
}

/* Visits the record that an entry leads to. One that is not there is damage: a record is deleted in one batch with the note
 * that all sinks have taken it. */
static int visit_reference(struct reading *reading, const struct rocks_outbox_entry *entry, uint64_t sequence)
{
    struct rocks_store *store = reading->store;
    struct ordo_record record;
    rocksdb_pinnableslice_t *slice;
    uint64_t of_record;
    const char *value;
    char *error;
    size_t len;
    int result = 0;

    slice = rocks_database_get(&store->database, ROCKS_ORDERS, entry->order_key, ROCKS_KEY, &error);
    if (error != NULL)
        return rocks_read_failed(store, "a decision cannot be read", error);
    if (slice == NULL) {
        if (reading->lost++ == 0)
            reading->first_lost = sequence;
        give(reading, sequence, NULL);
        return 0;
    }
    value = rocksdb_pinnableslice_value(slice, &len);
    if (rocks_record_read(value, len, &record, &of_record) && of_record == sequence)
        give(reading, sequence, &(struct ordo_emission){record.id, record.revision, record.answer});
    else
        result = rocks_read_failed(store, "a decision cannot be read", NULL);
    rocksdb_pinnableslice_destroy(slice);
    return result;
}

static int visit_entry(struct reading *reading, rocksdb_iterator_t *iterator)
{
    struct rocks_store *store = reading->store;
    struct rocks_outbox_entry entry;
    const char *key, *value;
    uint64_t sequence;
    size_t len;

    key = rocksdb_iter_key(iterator, &len);
    if (len != ROCKS_OUTBOX_KEY)
        return rocks_read_failed(store, "the outbox cannot be read", NULL);
    sequence = rocks_key_read_outbox(key);
    value = rocksdb_iter_value(iterator, &len);
    if (!rocks_outbox_read(value, len, &entry))
        return rocks_read_failed(store, "the outbox cannot be read", NULL);
    if (!entry.is_copy)
        return visit_reference(reading, &entry, sequence);
    give(reading, sequence, &entry.emission);
    return 0;
}

static void tell_lost(const struct reading *reading)
{
    const struct ordo_host *host = reading->store->host;
    char message[256];

    snprintf(message, sizeof(message),
             "%llu decisions, the first with number %llu, cannot be given to a sink: their orders are not in "
             "the store, so it is damaged; `ordo verify` says more",
             (unsigned long long)reading->lost, (unsigned long long)reading->first_lost);
    host->log(host->engine, ORDO_LOG_ERROR, message);
}

int rocks_emissions(void *self, uint64_t after, ordo_emission_fn visit, void *context)
{
    struct rocks_store *store = self;
    struct reading reading = {.store = store, .visit = visit, .context = context, .more = true};
    rocksdb_iterator_t *iterator;
    char from[ROCKS_OUTBOX_KEY], *error = NULL;
    int result = 0;

    if (after >= atomic_load_explicit(&store->sequence, memory_order_acquire))
        return 0;
    iterator = rocksdb_create_iterator_cf(store->database.db, store->database.read,
                                          store->database.families[ROCKS_OUTBOX]);
    rocks_key_outbox(after + 1, from);
    for (rocksdb_iter_seek(iterator, from, sizeof(from));
         reading.more && result == 0 && rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator))
        result = visit_entry(&reading, iterator);
    rocksdb_iter_get_error(iterator, &error);
    if (error != NULL)
        result = rocks_read_failed(store, "the outbox cannot be read", error);
    rocksdb_iter_destroy(iterator);
    if (reading.lost > 0)
        tell_lost(&reading);
    return result;
}
