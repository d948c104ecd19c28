/* SPDX-License-Identifier: MIT
 * rocks_batch.c: compares writes with what is there, in the database and in the batch itself, and stages what they
 * change: the record and the entries that lead to it.
 */
#include "rocks_batch.h"

#include <stdio.h>
#include <stdlib.h>

#include "id_hash.h"
#include "rocks_index.h"

enum {
    TABLE_FIRST = 512,
    MADE_SLOTS = 1 << 15, /* a power of two; many more than orders that are being decided at once */
};

/* Where an order stands after the writes of the group so far. */
struct rocks_staged {
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

static struct rocks_staged *staged_slot(struct rocks_batch *batch, ordo_str id)
{
    uint64_t hash = id_hash(batch->seed, id);
    size_t at = hash & (batch->table_size - 1);
    struct rocks_staged *slot;

    for (;; at = (at + 1) & (batch->table_size - 1)) {
        slot = &batch->table[at];
        if (slot->record == NULL || (slot->hash == hash && ordo_str_equal(slot->record->id, id)))
            break;
    }
    slot->hash = hash;
    return slot;
}

/* An empty table for a group; false when out of memory. */
static bool table_make(struct rocks_batch *batch, size_t writes)
{
    size_t size = batch->table_size;
    struct rocks_staged *table;

    while (size < writes * 2)
        size *= 2;
    if (size > batch->table_size || batch->table == NULL) {
        table = realloc(batch->table, size * sizeof(*table));
        if (table == NULL)
            return false;
        batch->table = table;
        batch->table_size = size;
    }
    memset(batch->table, 0, size * sizeof(*batch->table));
    return true;
}

/* Reads the record whose id was looked up; `key` is where it stands. */
static int read_present(struct rocks_batch *batch, const char *key, size_t len, struct present *present)
{
    rocksdb_pinnableslice_t *value = NULL;
    struct ordo_record record;
    const char *bytes;
    char *error = NULL;
    int result = 0;

    if (rocks_key_read_order(key, len, &present->place))
        value = rocks_database_get(&batch->store->database, ROCKS_ORDERS, key, len, &error);
    if (value != NULL)
        bytes = rocksdb_pinnableslice_value(value, &len);
    if (value == NULL || !rocks_record_read(bytes, len, &record, NULL)) {
        result = rocks_read_failed(batch->store, "a record cannot be read", error);
    } else {
        present->is_there = true;
        present->status = record.status;
        present->bytes = len;
        memcpy(present->customer_bytes, record.customer.ptr, record.customer.len);
        present->customer = (ordo_str){present->customer_bytes, record.customer.len};
    }
    rocksdb_pinnableslice_destroy(value);
    return result;
}

/* What is there under the id of the write `at` of the group. */
static int find_present(struct rocks_batch *batch, const struct rocks_staged *slot, size_t at,
                        struct present *present)
{
    struct rocks_lookups *lookups = &batch->lookups;
    size_t found = lookups->at[at], len;

    present->is_there = false;
    if (slot->record == NULL && found == ROCKS_ABSENT)
        return 0;
    if (slot->record == NULL && found == ROCKS_IN_TAIL)
        return read_present(batch, lookups->in_tail[at], ROCKS_KEY, present);
    if (slot->record == NULL && lookups->errors[found] != NULL) {
        char *error = lookups->errors[found];

        lookups->errors[found] = NULL;
        return rocks_read_failed(batch->store, "an id cannot be looked up", error);
    }
    if (slot->record == NULL && lookups->keys[found] == NULL)
        return 0;
    if (slot->record == NULL) {
        const char *key = rocksdb_pinnableslice_value(lookups->keys[found], &len);

        return read_present(batch, key, len, present);
    }
    present->is_there = true;
    present->place = slot->place;
    present->status = slot->record->status;
    present->bytes = rocks_record_bytes(slot->record);
    present->customer = slot->record->customer;
    return 0;
}

static void batch_put(struct rocks_batch *batch, enum rocks_family family, const char *key, size_t key_len,
                      const char *value, size_t value_len)
{
    rocksdb_writebatch_put_cf(batch->batch, batch->store->database.families[family], key, key_len, value,
                              value_len);
}

static void batch_delete(struct rocks_batch *batch, enum rocks_family family, const char *key, size_t key_len)
{
    rocksdb_writebatch_delete_cf(batch->batch, batch->store->database.families[family], key, key_len);
}

static void put_record(struct rocks_batch *batch, const struct rocks_place *place,
                       const struct ordo_record *record, uint64_t sequence)
{
    rocksdb_column_family_handle_t *family = batch->store->database.families[ROCKS_ORDERS];
    char key[ROCKS_KEY], header[ROCKS_HEADER];
    const char *parts[ROCKS_PARTS], *keys[] = {key};
    size_t lens[ROCKS_PARTS], key_lens[] = {ROCKS_KEY};

    rocks_key_order(place, key);
    rocks_record_parts(record, sequence, header, parts, lens);
    rocksdb_writebatch_putv_cf(batch->batch, family, 1, keys, key_lens, ROCKS_PARTS, parts, lens);
}

/* The next decision for the sinks; its sequence number. */
static uint64_t put_emission(struct rocks_batch *batch, const struct rocks_place *place,
                             const struct ordo_record *record)
{
    rocksdb_column_family_handle_t *family = batch->store->database.families[ROCKS_OUTBOX];
    uint64_t sequence = ++batch->counters.sequence;
    char key[ROCKS_OUTBOX_KEY], order_key[ROCKS_KEY], reference[1 + ROCKS_KEY], head[ROCKS_OUTBOX_HEAD];
    const char *keys[] = {key}, *parts[] = {head, record->id.ptr, record->answer.ptr};
    size_t key_lens[] = {sizeof(key)}, lens[] = {sizeof(head), record->id.len, record->answer.len};

    rocks_key_outbox(sequence, key);
    if (record->status == ORDO_STATUS_DONE) {
        rocks_key_order(place, order_key);
        rocks_outbox_reference(order_key, reference);
        batch_put(batch, ROCKS_OUTBOX, key, sizeof(key), reference, sizeof(reference));
    } else {
        rocks_outbox_copy_head(record, head);
        rocksdb_writebatch_putv_cf(batch->batch, family, 1, keys, key_lens, 3, parts, lens);
    }
    return sequence;
}

static void put_open(struct rocks_batch *batch, enum ordo_status status, const struct rocks_place *place,
                     bool put)
{
    char key[ROCKS_OPEN_KEY];

    if (status == ORDO_STATUS_DONE)
        return;
    rocks_key_open(status, place, key);
    if (put)
        batch_put(batch, ROCKS_OPEN, key, sizeof(key), "", 0);
    else
        batch_delete(batch, ROCKS_OPEN, key, sizeof(key));
}

/* An invalid record claims nothing: an order that takes its id is a new one, with a place of its own. */
static void remove_present(struct rocks_batch *batch, const struct present *present, ordo_str id)
{
    char key[ROCKS_KEY];

    rocks_key_order(&present->place, key);
    batch_delete(batch, ROCKS_ORDERS, key, ROCKS_KEY);
    rocks_index_change(batch, &(struct rocks_change){ROCKS_CHANGE_DELETE, key, id, present->customer});
    put_open(batch, present->status, &present->place, false);
    batch->counters.records--;
    batch->counters.bytes -= present->bytes;
}

static void insert_new(struct rocks_batch *batch, struct rocks_place *ret_place,
                       const struct ordo_write *write)
{
    const struct ordo_record *record = &write->record;
    struct rocks_counters *counters = &batch->counters;
    char key[ROCKS_KEY];

    *ret_place = (struct rocks_place){
        .priority = record->priority,
        .received_ms = record->received_ms < 0 ? 0 : (uint64_t)record->received_ms,
        .number = counters->next_number++,
    };
    rocks_key_order(ret_place, key);
    rocks_index_change(batch, &(struct rocks_change){ROCKS_CHANGE_PUT, key, record->id, record->customer});
    put_open(batch, record->status, ret_place, true);
    put_record(batch, ret_place, record, write->emits ? put_emission(batch, ret_place, record) : 0);
    counters->records++;
    counters->bytes += rocks_record_bytes(record);
}

static void replace_present(struct rocks_batch *batch, const struct present *present,
                            const struct ordo_write *write)
{
    const struct ordo_record *record = &write->record;

    if (present->status != record->status) {
        put_open(batch, present->status, &present->place, false);
        put_open(batch, record->status, &present->place, true);
    }
    put_record(batch, &present->place, record,
               write->emits ? put_emission(batch, &present->place, record) : 0);
    batch->counters.bytes += rocks_record_bytes(record) - present->bytes;
}

/* Compares, and stages what the write changes. */
static int stage(struct rocks_batch *batch, const struct ordo_write *write, size_t at,
                 struct rocks_place *ret_place)
{
    const struct ordo_record *record = &write->record;
    struct rocks_staged *slot = staged_slot(batch, record->id);
    struct present present;
    int result = find_present(batch, slot, at, &present);

    if (result != 0)
        return result;
    if ((write->replaces & (present.is_there ? ORDO_STATUS_BIT(present.status) : ORDO_STATUS_BIT_ABSENT)) ==
        0)
        return ORDO_EEXISTS;
    if (!present.is_there && batch->refuse_new)
        return ORDO_EFULL;
    if (!rocks_index_make_room(batch))
        return ORDO_ENOMEM;
    if (present.is_there && present.status != ORDO_STATUS_INVALID) {
        slot->place = present.place;
        replace_present(batch, &present, write);
    } else {
        if (present.is_there)
            remove_present(batch, &present, record->id);
        insert_new(batch, &slot->place, write);
        batch->made_at[slot->hash & (MADE_SLOTS - 1)] =
            atomic_load_explicit(&batch->store->commits, memory_order_relaxed) + 1;
    }
    slot->record = record;
    *ret_place = slot->place;
    batch->staged_count++;
    return 0;
}

/* Whether no order with the write's id was made since a reader did not find it. */
static bool is_absent(const struct rocks_batch *batch, const struct ordo_write *write)
{
    uint64_t commits = atomic_load_explicit(&batch->store->commits, memory_order_relaxed), made_at;

    if (write->absent_at == 0)
        return false;
    made_at = batch->made_at[id_hash(batch->seed, write->record.id) & (MADE_SLOTS - 1)];
    return made_at <= commits - ((uint32_t)commits - write->absent_at); /* absent_at is its low half */
}

static void look_up(struct rocks_batch *batch, const struct rocks_submission *group, size_t count)
{
    struct rocks_database *database = &batch->store->database;
    struct rocks_lookups *lookups = &batch->lookups;
    struct rocks_tail_view view;
    struct rocks_change change;
    size_t at = 0, asked = 0;

    rocks_tail_pin(&batch->store->index.tail, &view);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < group[i].count; k++, at++) {
            const struct ordo_write *write = &group[i].writes[k];

            lookups->at[at] = ROCKS_ABSENT;
            if (is_absent(batch, write))
                continue;
            if (rocks_tail_find(&view, write->record.id, &change)) {
                lookups->at[at] = change.kind == ROCKS_CHANGE_PUT ? ROCKS_IN_TAIL : ROCKS_ABSENT;
                lookups->in_tail[at] = change.order_key;
                continue;
            }
            lookups->ids[asked] = write->record.id.ptr;
            lookups->lens[asked] = write->record.id.len;
            lookups->at[at] = asked++;
        }
    rocks_tail_unpin(&view);
    if (asked > 0)
        rocksdb_batched_multi_get_cf(database->db, database->read, database->families[ROCKS_IDS], asked,
                                     lookups->ids, lookups->lens, lookups->keys, lookups->errors, false);
}

void rocks_batch_stage(struct rocks_batch *batch, struct rocks_submission *group, size_t count,
                       void (*staged)(void *context, const struct rocks_place *place), void *context)
{
    struct rocks_lookups *lookups = &batch->lookups;
    struct rocks_place place;
    size_t at = 0;

    look_up(batch, group, count);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < group[i].count; k++, at++) {
            struct ordo_write *write = &group[i].writes[k];

            write->result = stage(batch, write, at, &place);
            if (write->result == 0)
                staged(context, &place);
            if (lookups->at[at] == ROCKS_ABSENT || lookups->at[at] == ROCKS_IN_TAIL)
                continue;
            rocksdb_pinnableslice_destroy(lookups->keys[lookups->at[at]]);
            free(lookups->errors[lookups->at[at]]);
        }
}

void rocks_batch_delete(struct rocks_batch *batch, const struct rocks_victim *victim)
{
    const struct present present = {.is_there = true,
                                    .place = victim->place,
                                    .status = victim->status,
                                    .bytes = victim->bytes,
                                    .customer = {victim->customer, victim->customer_len}};

    remove_present(batch, &present, (ordo_str){victim->id, victim->id_len});
    batch->staged_count++;
}

void rocks_fail(struct rocks_store *store, const char *error)
{
    char message[512];

    if (atomic_exchange(&store->failed, true))
        return;
    snprintf(message, sizeof(message), "cannot write: %s", error);
    store->host->failed(store->host->engine, message);
}

int rocks_batch_write(struct rocks_batch *batch, bool sync)
{
    struct rocks_store *store = batch->store;
    char *error = NULL;

    if (batch->staged_count == 0)
        return 0;
    rocks_index_stage(batch);
    batch->counters.written += (uint64_t)rocksdb_writebatch_count(batch->batch) + 1;
    rocksdb_writebatch_put(batch->batch, "counters", 8, (const char *)&batch->counters,
                           sizeof(batch->counters));
    rocksdb_write(store->database.db, sync ? store->database.write_synced : store->database.write_unsynced,
                  batch->batch, &error);
    if (error == NULL) {
        if (sync)
            rocks_mark_set(&store->database.mark, batch->counters.written);
        if (!rocks_index_publish(batch))
            return ORDO_EIO;
        batch->committed = batch->counters;
        atomic_fetch_add_explicit(&store->commits, 1, memory_order_release);
        atomic_store_explicit(&store->records, batch->counters.records, memory_order_relaxed);
        atomic_store_explicit(&store->bytes, batch->counters.bytes, memory_order_relaxed);
        atomic_store_explicit(&store->sequence, batch->counters.sequence, memory_order_release);
        return 0;
    }
    batch->counters = batch->committed;
    rocks_fail(store, error);
    free(error);
    return ORDO_EIO;
}

/* Room for so many; false when out of memory, and nothing is lost. */
static bool lookups_make(struct rocks_lookups *lookups, size_t count)
{
    size_t size = sizeof(void *);
    void **const arrays[] = {(void **)&lookups->at,   (void **)&lookups->in_tail, (void **)&lookups->ids,
                             (void **)&lookups->lens, (void **)&lookups->keys,    (void **)&lookups->errors};

    _Static_assert(sizeof(size_t) == sizeof(void *), "one size for all arrays");
    if (count <= lookups->capacity)
        return true;
    for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++) {
        void *array = realloc(*arrays[i], count * size);

        if (array == NULL)
            return false;
        *arrays[i] = array;
    }
    lookups->capacity = count;
    return true;
}

int rocks_batch_begin(struct rocks_batch *batch, size_t writes)
{
    batch->staged_count = 0;
    batch->changes_len = 0;
    rocksdb_writebatch_clear(batch->batch);
    return table_make(batch, writes) && lookups_make(&batch->lookups, writes) && rocks_index_make_room(batch)
               ? 0
               : ORDO_ENOMEM;
}

int rocks_counters_read(struct rocks_database *database, const struct ordo_host *host,
                        struct rocks_counters *ret_counters, struct ordo_error *err)
{
    rocksdb_pinnableslice_t *slice;
    const char *value;
    char *error;
    size_t len;

    *ret_counters = (struct rocks_counters){.next_number = 1};
    slice = rocks_database_get(database, ROCKS_META, "counters", 8, &error);
    if (error != NULL) {
        host->fail(err, ORDO_EIO, NULL, "its counters cannot be read: %s", error);
        free(error);
        return ORDO_EIO;
    }
    if (slice == NULL)
        return 0;
    value = rocksdb_pinnableslice_value(slice, &len);
    memcpy(ret_counters, value, len < sizeof(*ret_counters) ? len : sizeof(*ret_counters));
    rocksdb_pinnableslice_destroy(slice);
    return 0;
}

int rocks_batch_init(struct rocks_batch *batch, struct rocks_store *store, struct ordo_error *err)
{
    int result;

    *batch =
        (struct rocks_batch){.store = store, .table_size = TABLE_FIRST, .batch = rocksdb_writebatch_create()};
    batch->made_at = calloc(MADE_SLOTS, sizeof(*batch->made_at));
    if (batch->made_at == NULL)
        return store->host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    id_hash_seed(batch->seed);
    if ((result = rocks_counters_read(&store->database, store->host, &batch->counters, err)) != 0)
        return result;
    batch->committed = batch->counters;
    atomic_init(&store->records, batch->counters.records);
    atomic_init(&store->bytes, batch->counters.bytes);
    atomic_init(&store->sequence, batch->counters.sequence);
    atomic_init(&store->commits, 1); /* 0 stands for no moment */
    return 0;
}

void rocks_batch_done(struct rocks_batch *batch)
{
    if (batch->batch != NULL)
        rocksdb_writebatch_destroy(batch->batch);
    free(batch->table);
    free(batch->made_at);
    free(batch->changes);
    free(batch->lookups.at);
    free(batch->lookups.in_tail);
    free(batch->lookups.ids);
    free(batch->lookups.lens);
    free(batch->lookups.keys);
    free(batch->lookups.errors);
}
