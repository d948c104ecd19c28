/* SPDX-License-Identifier: MIT
 * rocks_writer.c: the one thread that writes. A commit takes whatever was submitted while the last one was synced,
 * puts it into one batch, and tells everybody when the batch is durable. So there is no timer: alone, an order
 * waits for one sync, and under load a sync is shared by as many as come.
 *
 * New orders are refused while the disk has less free space than an option says; orders that are inside still get
 * their decisions then. So RocksDB, which cannot go on behind a failed write, does not meet a full disk.
 *
 * A write that is refused leaves the others of its group alone. When a batch cannot be made durable, nothing is
 * known about the disk any more (a second fsync that succeeds proves nothing): all of it is refused, and so is
 * everything after it.
 */
#include "rocks_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "id_hash.h"
#include "quiet_thread.h"

enum {
    GROUP_BYTES = 8 << 20, /* a group ends behind the submission that reaches this */
    TABLE_FIRST = 512,
};

/* Where an order stands after the writes of the group so far. */
struct staged {
    uint64_t hash;
    struct rocks_place place;
    const struct ordo_record *record; /* NULL: a free slot */
};

/* What is known of the order that a write is about. */
struct present {
    bool is_there;
    struct rocks_place place;
    enum ordo_status status;
    size_t bytes;      /* of its value */
    ordo_str customer; /* copied to customer_bytes when it comes from the database */
    char customer_bytes[ORDO_ID_MAX];
};

struct rocks_writer {
    rocksdb_writebatch_t *batch;
    struct rocks_submissions taken;
    struct rocks_counters counters, committed;
    uint64_t seed[2];
    char *folder; /* whose disk is looked at */
    uint64_t min_free_bytes;
    bool is_short;        /* of free space, in this group */
    struct staged *table; /* open addressing; the orders of this group */
    size_t table_size;    /* a power of two, at least twice the writes of the group */
    size_t staged_count;
};

static size_t record_bytes(const struct ordo_record *record)
{
    return ROCKS_HEADER + record->id.len + record->customer.len + record->order.len + record->answer.len;
}

static struct staged *staged_slot(struct rocks_writer *writer, ordo_str id)
{
    uint64_t hash = id_hash(writer->seed, id);
    size_t at = hash & (writer->table_size - 1);
    struct staged *slot;

    for (;; at = (at + 1) & (writer->table_size - 1)) {
        slot = &writer->table[at];
        if (slot->record == NULL || (slot->hash == hash && ordo_str_equal(slot->record->id, id)))
            break;
    }
    slot->hash = hash;
    return slot;
}

/* An empty table for a group; false when out of memory. */
static bool table_make(struct rocks_writer *writer, size_t writes)
{
    size_t size = writer->table_size;
    struct staged *table;

    while (size < writes * 2)
        size *= 2;
    if (size > writer->table_size || writer->table == NULL) {
        table = realloc(writer->table, size * sizeof(*table));
        if (table == NULL)
            return false;
        writer->table = table;
        writer->table_size = size;
    }
    memset(writer->table, 0, size * sizeof(*writer->table));
    return true;
}

/* Looks an order up in the database. */
static int find_stored(struct rocks_store *store, ordo_str id, struct present *present)
{
    rocksdb_pinnableslice_t *key, *value = NULL;
    struct ordo_record record;
    const char *bytes;
    char *error;
    size_t len;
    int result = 0;

    present->is_there = false;
    key = rocks_database_get(&store->database, ROCKS_IDS, id.ptr, id.len, &error);
    if (error != NULL)
        return rocks_read_failed(store, "an id cannot be looked up", error);
    if (key == NULL)
        return 0;
    bytes = rocksdb_pinnableslice_value(key, &len);
    if (rocks_key_read_order(bytes, len, &present->place))
        value = rocks_database_get(&store->database, ROCKS_ORDERS, bytes, len, &error);
    if (value != NULL)
        bytes = rocksdb_pinnableslice_value(value, &len);
    if (value == NULL || !rocks_record_read(bytes, len, &record)) {
        result = rocks_read_failed(store, "a record cannot be read", error);
    } else {
        present->is_there = true;
        present->status = record.status;
        present->bytes = len;
        memcpy(present->customer_bytes, record.customer.ptr, record.customer.len);
        present->customer = (ordo_str){present->customer_bytes, record.customer.len};
    }
    rocksdb_pinnableslice_destroy(value);
    rocksdb_pinnableslice_destroy(key);
    return result;
}

static int find_present(struct rocks_store *store, const struct staged *slot, ordo_str id,
                        struct present *present)
{
    if (slot->record == NULL)
        return find_stored(store, id, present);
    present->is_there = true;
    present->place = slot->place;
    present->status = slot->record->status;
    present->bytes = record_bytes(slot->record);
    present->customer = slot->record->customer;
    return 0;
}

static void batch_put(struct rocks_store *store, enum rocks_family family, const char *key, size_t key_len,
                      const char *value, size_t value_len)
{
    rocksdb_writebatch_put_cf(store->writer->batch, store->database.families[family], key, key_len, value,
                              value_len);
}

static void batch_delete(struct rocks_store *store, enum rocks_family family, const char *key, size_t key_len)
{
    rocksdb_writebatch_delete_cf(store->writer->batch, store->database.families[family], key, key_len);
}

static void put_record(struct rocks_store *store, const struct rocks_place *place,
                       const struct ordo_record *record)
{
    rocksdb_column_family_handle_t *family = store->database.families[ROCKS_ORDERS];
    char key[ROCKS_KEY], header[ROCKS_HEADER];
    const char *parts[ROCKS_PARTS], *keys[] = {key};
    size_t lens[ROCKS_PARTS], key_lens[] = {ROCKS_KEY};

    rocks_key_order(place, key);
    rocks_record_parts(record, header, parts, lens);
    rocksdb_writebatch_putv_cf(store->writer->batch, family, 1, keys, key_lens, ROCKS_PARTS, parts, lens);
}

static void put_open(struct rocks_store *store, enum ordo_status status, const struct rocks_place *place,
                     bool put)
{
    char key[ROCKS_OPEN_KEY];

    if (status == ORDO_STATUS_DONE)
        return;
    rocks_key_open(status, place, key);
    if (put)
        batch_put(store, ROCKS_OPEN, key, sizeof(key), "", 0);
    else
        batch_delete(store, ROCKS_OPEN, key, sizeof(key));
}

/* An invalid record claims nothing: an order that takes its id is a new one, with a place of its own. */
static void remove_present(struct rocks_store *store, const struct present *present)
{
    char key[ROCKS_CUSTOMER_KEY];

    rocks_key_order(&present->place, key);
    batch_delete(store, ROCKS_ORDERS, key, ROCKS_KEY);
    if (present->customer.len > 0) {
        size_t len = rocks_key_customer(present->customer, &present->place, key);

        batch_delete(store, ROCKS_CUSTOMERS, key, len);
    }
    put_open(store, present->status, &present->place, false);
    store->writer->counters.records--;
    store->writer->counters.bytes -= present->bytes;
}

static void insert_new(struct rocks_store *store, struct rocks_place *ret_place,
                       const struct ordo_record *record)
{
    struct rocks_counters *counters = &store->writer->counters;
    char order_key[ROCKS_KEY], key[ROCKS_CUSTOMER_KEY];

    *ret_place = (struct rocks_place){
        .priority = record->priority,
        .received_ms = record->received_ms < 0 ? 0 : (uint64_t)record->received_ms,
        .number = counters->next_number++,
    };
    rocks_key_order(ret_place, order_key);
    batch_put(store, ROCKS_IDS, record->id.ptr, record->id.len, order_key, ROCKS_KEY);
    if (record->customer.len > 0) {
        size_t len = rocks_key_customer(record->customer, ret_place, key);

        batch_put(store, ROCKS_CUSTOMERS, key, len, "", 0);
    }
    put_open(store, record->status, ret_place, true);
    put_record(store, ret_place, record);
    counters->records++;
    counters->bytes += record_bytes(record);
}

static void replace_present(struct rocks_store *store, const struct present *present,
                            const struct ordo_record *record)
{
    if (present->status != record->status) {
        put_open(store, present->status, &present->place, false);
        put_open(store, record->status, &present->place, true);
    }
    put_record(store, &present->place, record);
    store->writer->counters.bytes += record_bytes(record) - present->bytes;
}

/* Looks once a group, which costs a system call; tells when it changes. */
static void look_at_space(struct rocks_store *store)
{
    struct rocks_writer *writer = store->writer;
    bool was_short = writer->is_short;
    char message[256];
    struct statvfs space;
    uint64_t free_bytes;

    if (writer->min_free_bytes == 0 || statvfs(writer->folder, &space) != 0)
        return;
    free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
    writer->is_short = free_bytes < writer->min_free_bytes;
    if (writer->is_short == was_short)
        return;
    snprintf(message, sizeof(message),
             writer->is_short
                 ? "the disk has %llu MiB free, less than min_free: new orders are refused until it has more"
                 : "the disk has %llu MiB free again: new orders are taken",
             (unsigned long long)(free_bytes >> 20));
    store->host->log(store->host->engine, writer->is_short ? ORDO_LOG_ERROR : ORDO_LOG_INFO, message);
}

/* Compares, and puts what the write changes into the batch. Its result, should the batch become durable. */
static int stage(struct rocks_store *store, const struct ordo_write *write)
{
    struct rocks_writer *writer = store->writer;
    const struct ordo_record *record = &write->record;
    struct staged *slot = staged_slot(writer, record->id);
    struct present present;
    int result = find_present(store, slot, record->id, &present);

    if (result != 0)
        return result;
    if ((write->replaces & (present.is_there ? ORDO_STATUS_BIT(present.status) : ORDO_STATUS_BIT_ABSENT)) ==
        0)
        return ORDO_EEXISTS;
    if (!present.is_there && writer->is_short)
        return ORDO_EFULL;
    if (present.is_there && present.status != ORDO_STATUS_INVALID) {
        slot->place = present.place;
        replace_present(store, &present, record);
    } else {
        if (present.is_there)
            remove_present(store, &present);
        insert_new(store, &slot->place, record);
    }
    slot->record = record;
    writer->staged_count++;
    return 0;
}

static void fail_all(struct rocks_store *store, const char *error)
{
    char message[512];

    atomic_store(&store->failed, true);
    snprintf(message, sizeof(message), "cannot write: %s", error);
    store->host->failed(store->host->engine, message);
}

/* Writes the batch and waits for the disk. */
static int sync_batch(struct rocks_store *store)
{
    struct rocks_writer *writer = store->writer;
    char *error = NULL;

    rocksdb_writebatch_put(writer->batch, "counters", 8, (const char *)&writer->counters,
                           sizeof(writer->counters));
    rocksdb_write(store->database.db, store->database.write_synced, writer->batch, &error);
    if (error == NULL) {
        writer->committed = writer->counters;
        atomic_store_explicit(&store->records, writer->counters.records, memory_order_relaxed);
        atomic_store_explicit(&store->bytes, writer->counters.bytes, memory_order_relaxed);
        return 0;
    }
    writer->counters = writer->committed;
    fail_all(store, error);
    free(error);
    return ORDO_EIO;
}

/* Stages all writes of the group; what cannot be staged has its result. */
static void stage_group(struct rocks_store *store, struct rocks_submission *group, size_t count, int failed)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < group[i].count; k++)
            group[i].writes[k].result = failed != 0 ? failed : stage(store, &group[i].writes[k]);
}

static void end_group(struct rocks_store *store, struct rocks_submission *group, size_t count, int failed)
{
    uint64_t written = 0, refused = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < group[i].count; k++) {
            struct ordo_write *write = &group[i].writes[k];

            if (failed != 0)
                write->result = failed;
            if (write->result == 0)
                written++;
            else
                refused++;
        }
    atomic_fetch_add_explicit(&store->writes, written, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->refused, refused, memory_order_relaxed);
    for (size_t i = 0; i < count; i++)
        group[i].done(group[i].context, group[i].writes, group[i].count);
}

static void commit_group(struct rocks_store *store, struct rocks_submission *group, size_t count,
                         size_t writes)
{
    struct rocks_writer *writer = store->writer;
    int failed = atomic_load(&store->failed) ? ORDO_EIO : 0;

    if (!table_make(writer, writes))
        failed = ORDO_ENOMEM;
    writer->staged_count = 0;
    look_at_space(store);
    rocksdb_writebatch_clear(writer->batch);
    stage_group(store, group, count, failed);
    if (failed == 0 && writer->staged_count > 0)
        failed = sync_batch(store);
    end_group(store, group, count, failed);
}

static void commit_taken(struct rocks_store *store)
{
    const struct rocks_submissions *taken = &store->writer->taken;
    size_t from = 0, bytes = 0, writes = 0;

    for (size_t i = 0; i < taken->count; i++) {
        for (size_t k = 0; k < taken->items[i].count; k++)
            bytes += record_bytes(&taken->items[i].writes[k].record);
        writes += taken->items[i].count;
        if (bytes < GROUP_BYTES && i + 1 < taken->count)
            continue;
        commit_group(store, taken->items + from, i + 1 - from, writes);
        from = i + 1;
        bytes = writes = 0;
    }
}

static int push(struct rocks_submissions *submissions, const struct rocks_submission *submission)
{
    if (submissions->count == submissions->capacity) {
        size_t capacity = submissions->capacity == 0 ? 64 : submissions->capacity * 2;
        struct rocks_submission *items = realloc(submissions->items, capacity * sizeof(*items));

        if (items == NULL)
            return ORDO_ENOMEM;
        submissions->items = items;
        submissions->capacity = capacity;
    }
    submissions->items[submissions->count++] = *submission;
    return 0;
}

static void *run(void *context)
{
    struct rocks_store *store = context;
    struct rocks_writer *writer = store->writer;

    for (;;) {
        struct rocks_submissions empty = writer->taken;

        empty.count = 0;
        pthread_mutex_lock(&store->lock);
        while (store->submitted.count == 0 && !store->stopping)
            pthread_cond_wait(&store->arrived, &store->lock);
        writer->taken = store->submitted;
        store->submitted = empty;
        pthread_mutex_unlock(&store->lock);
        if (writer->taken.count == 0)
            return NULL;
        commit_taken(store);
    }
}

void rocks_submit(void *self, struct ordo_write *writes, size_t count, ordo_store_done_fn done, void *context)
{
    const struct rocks_submission submission = {writes, count, done, context};
    struct rocks_store *store = self;
    bool was_empty;
    int result;

    pthread_mutex_lock(&store->lock);
    was_empty = store->submitted.count == 0;
    result = push(&store->submitted, &submission);
    pthread_mutex_unlock(&store->lock);
    if (result == 0 && was_empty)
        pthread_cond_signal(&store->arrived);
    if (result == 0)
        return;
    for (size_t i = 0; i < count; i++)
        writes[i].result = result;
    done(context, writes, count);
}

static int read_counters(struct rocks_store *store, struct rocks_counters *ret_counters,
                         struct ordo_error *err)
{
    rocksdb_pinnableslice_t *slice;
    const char *value;
    char *error;
    size_t len;

    *ret_counters = (struct rocks_counters){.next_number = 1};
    slice = rocks_database_get(&store->database, ROCKS_META, "counters", 8, &error);
    if (error != NULL) {
        store->host->fail(err, ORDO_EIO, NULL, "its counters cannot be read: %s", error);
        free(error);
        return ORDO_EIO;
    }
    if (slice == NULL)
        return 0;
    value = rocksdb_pinnableslice_value(slice, &len);
    if (len >= sizeof(*ret_counters))
        memcpy(ret_counters, value, sizeof(*ret_counters));
    rocksdb_pinnableslice_destroy(slice);
    return 0;
}

int rocks_writer_start(struct rocks_store *store, const struct rocks_settings *settings,
                       struct ordo_error *err)
{
    struct rocks_writer *writer = calloc(1, sizeof(*writer));
    int result;

    if (writer == NULL)
        return store->host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    store->writer = writer;
    writer->table_size = TABLE_FIRST;
    writer->batch = rocksdb_writebatch_create();
    writer->folder = strdup(settings->path);
    writer->min_free_bytes = settings->min_free_bytes;
    id_hash_seed(writer->seed);
    if (writer->folder == NULL || !table_make(writer, 1))
        return store->host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    if ((result = read_counters(store, &writer->counters, err)) != 0)
        return result;
    writer->committed = writer->counters;
    atomic_init(&store->records, writer->counters.records);
    atomic_init(&store->bytes, writer->counters.bytes);
    result = quiet_thread_start(&store->thread, "store", run, store, store->host, err);
    store->started = result == 0;
    return result;
}

void rocks_writer_stop(struct rocks_store *store)
{
    struct rocks_writer *writer = store->writer;

    if (store->started) {
        pthread_mutex_lock(&store->lock);
        store->stopping = true;
        pthread_mutex_unlock(&store->lock);
        pthread_cond_signal(&store->arrived);
        pthread_join(store->thread, NULL);
        store->started = false;
    }
    if (writer == NULL)
        return;
    if (writer->batch != NULL)
        rocksdb_writebatch_destroy(writer->batch);
    free(writer->taken.items);
    free(writer->table);
    free(writer->folder);
    free(writer);
    store->writer = NULL;
}
