/* SPDX-License-Identifier: MIT
 * rocks_layout.c: the version of what is on the disk, and how data of an earlier one is taken over.
 */
#include "rocks_store.h"

#include <stdio.h>
#include <stdlib.h>

int rocks_layout_read(struct rocks_database *database, const struct rocks_settings *settings,
                      const struct ordo_host *host, struct ordo_error *err)
{
    rocksdb_pinnableslice_t *slice;
    const char *value;
    char *error;
    size_t len = 0;

    slice = rocks_database_get(database, ROCKS_META, "layout", 6, &error);
    if (slice != NULL) {
        value = rocksdb_pinnableslice_value(slice, &len);
        memcpy(&database->layout, value, len < sizeof(database->layout) ? len : sizeof(database->layout));
        rocksdb_pinnableslice_destroy(slice);
    }
    if (error != NULL) {
        host->fail(err, ORDO_EIO, settings->path, "its layout cannot be read: %s", error);
        free(error);
        return ORDO_EIO;
    }
    if (database->layout > ROCKS_LAYOUT)
        return host->fail(
            err, ORDO_EABI, settings->path,
            "its data is of layout %u, and this ordo knows layouts up to %d; use the version that "
            "wrote it, or a newer one",
            database->layout, ROCKS_LAYOUT);
    return 0;
}

int rocks_layout_take_over(struct rocks_database *database, const struct rocks_settings *settings,
                           const struct ordo_host *host, struct ordo_error *err)
{
    const uint32_t from = database->layout, layout = ROCKS_LAYOUT;
    rocksdb_writebatch_t *batch;
    struct rocks_counters counters;
    char message[128], *error = NULL;
    int result = rocks_counters_read(database, host, &counters, err);

    if (result != 0)
        return result;
    if (from != 0) {
        snprintf(message, sizeof(message), "its data is of layout %u and becomes layout %u", from, layout);
        host->log(host->engine, ORDO_LOG_INFO, message);
    }
    /* 1 to 2: the family of the outbox came with the open, and records of both formats are read. To 3: so did that of the changes;
     * what was written is counted from the number on that the mark had so far. */
    counters.written = rocksdb_get_latest_sequence_number(database->db) + 2;
    batch = rocksdb_writebatch_create();
    rocksdb_writebatch_put(batch, "layout", 6, (const char *)&layout, sizeof(layout));
    rocksdb_writebatch_put(batch, "counters", 8, (const char *)&counters, sizeof(counters));
    rocksdb_write(database->db, database->write_synced, batch, &error);
    rocksdb_writebatch_destroy(batch);
    /* Sorted files of the indexes raise RocksDB's own number. It must not be taken for the mark's when the log is damaged. */
    if (error == NULL && from != 0)
        rocks_database_flush(database, host);
    if (error == NULL)
        return 0;
    host->fail(err, ORDO_EIO, settings->path, "its layout cannot be written: %s", error);
    free(error);
    return ORDO_EIO;
}

int rocks_layout_written(struct rocks_database *database, const struct ordo_host *host, uint64_t *ret_written,
                         struct ordo_error *err)
{
    struct rocks_counters counters;
    int result = rocks_counters_read(database, host, &counters, err);

    if (result != 0)
        return result;
    *ret_written = counters.written;
    if (database->layout == 1 || database->layout == 2) /* which did not count */
        *ret_written = rocksdb_get_latest_sequence_number(database->db);
    return 0;
}
