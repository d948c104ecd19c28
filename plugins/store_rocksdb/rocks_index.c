/* SPDX-License-Identifier: MIT
 * rocks_index.c: what happens to a change of the indexes.
 */
#include "rocks_index.h"

#include <stdio.h>
#include <stdlib.h>

#include "rocks_filer.h"
#include "rocks_files.h"

/* All that a step of the retention deletes, and two more. */
enum { ROOM_FIRST = (ROCKS_RETENTION_STEP + 2) * ROCKS_CHANGE_MAX };

char *rocks_index_read(struct rocks_database *database, uint64_t after, rocks_change_fn visit, void *context)
{
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(database->db, database->read, database->families[ROCKS_CHANGES]);
    char from[ROCKS_CHANGES_KEY], *error = NULL;
    bool more = true;

    rocks_key_change(after + 1, from);
    for (rocksdb_iter_seek(iterator, from, sizeof(from)); more && rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        size_t key_len, len;
        const char *key = rocksdb_iter_key(iterator, &key_len), *value = rocksdb_iter_value(iterator, &len);

        more = visit(context, key_len == ROCKS_CHANGES_KEY ? rocks_key_read_change(key) : 0, value, len);
    }
    rocksdb_iter_get_error(iterator, &error);
    rocksdb_iter_destroy(iterator);
    return error;
}

/* Files one segment. What it has may have been written without a sync, and must not be in a file when its order is lost. */
static char *file_segment(struct rocks_store *store, const struct rocks_segment *segment)
{
    struct rocks_index *index = &store->index;
    char *error = NULL;
    int result;

    if (segment->arena.count == 0)
        return NULL;
    rocksdb_flush_wal(store->database.db, 1, &error);
    if (error == NULL)
        error = rocks_filer_put(index->filer, &store->database, &segment->arena, index->tail.items);
    if (error != NULL)
        return error;
    /* Before the log may lose what the files have now: damage of the MANIFEST behind the mark would not be seen. */
    result = rocks_database_tidy(&store->database);
    if (result != 0)
        return strdup(strerror(-result));
    atomic_store(&index->filed, segment->last);
    return NULL;
}

char *rocks_index_file(struct rocks_store *store)
{
    struct rocks_segment *segment;

    while ((segment = rocks_tail_full(&store->index.tail)) != NULL) {
        char *error = file_segment(store, segment);

        if (error != NULL)
            return error;
        rocks_tail_drop(&store->index.tail);
    }
    return NULL;
}

bool rocks_index_make_room(struct rocks_batch *batch)
{
    size_t capacity = batch->changes_capacity == 0 ? ROOM_FIRST : batch->changes_capacity * 2;
    char *changes;

    if (batch->changes_capacity - batch->changes_len >= 2 * ROCKS_CHANGE_MAX)
        return true;
    changes = realloc(batch->changes, capacity);
    if (changes == NULL)
        return false;
    batch->changes = changes;
    batch->changes_capacity = capacity;
    return true;
}

void rocks_index_change(struct rocks_batch *batch, const struct rocks_change *change)
{
    batch->changes_len += rocks_change_write(change, batch->changes + batch->changes_len);
    batch->counters.changes++;
}

static bool add(struct rocks_store *store, const char *change, size_t len, uint64_t number)
{
    struct rocks_tail *tail = &store->index.tail;

    return rocks_tail_add(tail, change, len, number) ||
           (rocks_tidy_roll(store) && rocks_tail_add(tail, change, len, number));
}

bool rocks_index_publish(struct rocks_batch *batch)
{
    uint64_t number = batch->committed.changes;

    for (size_t at = 0; at < batch->changes_len;) {
        const struct rocks_change change = rocks_change_at(batch->changes + at);
        size_t len = rocks_change_len(&change);

        if (!add(batch->store, batch->changes + at, len, ++number))
            return false;
        at += len;
    }
    return true;
}

static void stage_trim(rocksdb_writebatch_t *batch, struct rocks_database *database,
                       struct rocks_counters *counters, uint64_t filed)
{
    char from[ROCKS_CHANGES_KEY], to[ROCKS_CHANGES_KEY];

    rocks_key_change(counters->indexed + 1, from);
    rocks_key_change(filed + 1, to);
    rocksdb_writebatch_delete_range_cf(batch, database->families[ROCKS_CHANGES], from, sizeof(from), to,
                                       sizeof(to));
    counters->indexed = filed;
}

/* A backup has the list of files of one moment and the log of a later one, which must not lack what is not in those files. */
void rocks_index_stage(struct rocks_batch *batch)
{
    struct rocks_store *store = batch->store;
    char key[ROCKS_CHANGES_KEY];
    uint64_t filed;

    if (batch->changes_len > 0) {
        rocks_key_change(batch->counters.changes, key);
        rocksdb_writebatch_put_cf(batch->batch, store->database.families[ROCKS_CHANGES], key, sizeof(key),
                                  batch->changes, batch->changes_len);
    }
    if (atomic_load(&store->index.is_copied))
        return;
    filed = atomic_load(&store->index.filed);
    if (filed > batch->counters.indexed)
        stage_trim(batch->batch, &store->database, &batch->counters, filed);
}

bool rocks_index_find(struct rocks_store *store, ordo_str id, char ret_key[ROCKS_KEY], char **ret_error)
{
    rocksdb_pinnableslice_t *slice;
    struct rocks_tail_view view;
    struct rocks_change change;
    const char *key;
    bool is_known, is_there;
    size_t len;

    *ret_error = NULL;
    rocks_tail_pin(&store->index.tail, &view);
    is_known = rocks_tail_find(&view, id, &change);
    is_there = is_known && change.kind == ROCKS_CHANGE_PUT;
    if (is_there)
        memcpy(ret_key, change.order_key, ROCKS_KEY);
    rocks_tail_unpin(&view);
    if (is_known)
        return is_there;
    slice = rocks_database_get(&store->database, ROCKS_IDS, id.ptr, id.len, ret_error);
    if (slice == NULL)
        return false;
    key = rocksdb_pinnableslice_value(slice, &len);
    if (len == ROCKS_KEY)
        memcpy(ret_key, key, ROCKS_KEY);
    else
        *ret_error = strdup("it does not lead to an order");
    rocksdb_pinnableslice_destroy(slice);
    return true;
}

/* A reading of the log by an open. */
struct replay {
    struct rocks_store *store;
    uint64_t last; /* number of the last change that was read */
    char *error;
};

static void replay_change(struct replay *replay, const char *bytes, size_t len)
{
    struct rocks_tail *tail = &replay->store->index.tail;

    replay->last++;
    while (replay->error == NULL && !rocks_tail_add(tail, bytes, len, replay->last))
        if (!rocks_tail_roll(tail))
            replay->error = rocks_index_file(replay->store);
}

/* Of the first entry, the beginning may have been filed. */
static bool replay_entry(void *context, uint64_t last, const char *bytes, size_t len)
{
    struct replay *replay = context;
    uint64_t count = rocks_change_count(bytes, len), number = last - count;

    if (count == 0 || count > last || number > replay->last) {
        replay->error = strdup("a change is missing, or not as this store writes it");
        return false;
    }
    for (size_t at = 0; at < len && replay->error == NULL;) {
        const struct rocks_change change = rocks_change_at(bytes + at);

        if (++number > replay->last)
            replay_change(replay, bytes + at, rocks_change_len(&change));
        at += rocks_change_len(&change);
    }
    return replay->error == NULL;
}

static int replay_all(struct rocks_store *store, const struct rocks_settings *settings,
                      struct ordo_error *err)
{
    struct rocks_counters counters;
    struct replay replay = {.store = store};
    int result = rocks_counters_read(&store->database, store->host, &counters, err);
    char *error;

    if (result != 0)
        return result;
    replay.last = counters.indexed;
    atomic_init(&store->index.filed, counters.indexed);
    error = rocks_index_read(&store->database, counters.indexed, replay_entry, &replay);
    if (error == NULL)
        error = replay.error;
    if (error == NULL && replay.last != counters.changes)
        error = strdup("its end is missing");
    if (error == NULL)
        return 0;
    store->host->fail(err, ORDO_EIO, settings->path,
                      "its log of index changes is damaged, restore a backup (`ordo restore`): %s", error);
    free(error);
    return ORDO_EIO;
}

int rocks_index_open(struct rocks_store *store, const struct rocks_settings *settings, struct ordo_error *err)
{
    int result = rocks_filer_new(&store->database, settings, &store->failed, &store->index.filer);

    if (result == 0)
        result = rocks_tail_init(&store->index.tail, settings->index_buffer_bytes);
    if (result != 0)
        return store->host->fail(err, result, settings->path, "its indexes cannot be filed: %s",
                                 strerror(-result));
    return replay_all(store, settings, err);
}

static char *finish(struct rocks_store *store)
{
    struct rocks_database *database = &store->database;
    rocksdb_writebatch_t *batch;
    struct rocks_counters counters;
    struct ordo_error err;
    char *error = rocks_index_file(store);

    if (error != NULL || !rocks_tail_roll(&store->index.tail) || (error = rocks_index_file(store)) != NULL)
        return error;
    if (rocks_counters_read(database, store->host, &counters, &err) != 0)
        return strdup(err.message);
    if (counters.indexed == counters.changes)
        return NULL;
    batch = rocksdb_writebatch_create();
    stage_trim(batch, database, &counters, counters.changes);
    rocksdb_writebatch_put(batch, "counters", 8, (const char *)&counters, sizeof(counters));
    rocksdb_write(database->db, database->write_unsynced, batch, &error);
    rocksdb_writebatch_destroy(batch);
    return error;
}

void rocks_index_finish(struct rocks_store *store)
{
    char message[ROCKS_PATH_MAX + 256], *error = finish(store);

    if (error == NULL)
        return;
    snprintf(message, sizeof(message), "the indexes are not filed, so the next start reads their changes: %s",
             error);
    store->host->log(store->host->engine, ORDO_LOG_WARN, message);
    free(error);
}

void rocks_index_close(struct rocks_store *store)
{
    rocks_filer_free(store->index.filer);
    rocks_tail_done(&store->index.tail);
}
