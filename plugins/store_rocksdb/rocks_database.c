/* SPDX-License-Identifier: MIT
 * rocks_database.c: opens the database in its folder: the lock, the layout's version, and how RocksDB is tuned.
 */
#include "rocks_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FAMILIES_MAX = 32, /* more are of a newer layout, which is refused */
    BLOOM_BITS = 10,
    BLOCK_BYTES = 16384,
    BACKGROUND_JOBS = 2,
    LOG_FILES = 5,
    LOG_FILE_BYTES = 1 << 20,
    INFO_LOG_WARN = 2,
};

/* One process at a time. The lock is on a file of our own, since RocksDB's does not tell who holds it; it goes with
 * the process, however that ends. */
static int take_lock(struct rocks_database *database, const char *path, const struct ordo_host *host,
                     struct ordo_error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char file[4096];

    if (snprintf(file, sizeof(file), "%s/lock", path) >= (int)sizeof(file))
        return host->fail(err, -ENAMETOOLONG, NULL, "the path is too long");
    database->lock_fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (database->lock_fd < 0)
        return host->fail(err, -errno, file, "cannot open it: %s", strerror(errno));
    if (fcntl(database->lock_fd, F_SETLK, &lock) == 0)
        return 0;
    if (errno != EAGAIN && errno != EACCES)
        return host->fail(err, -errno, file, "cannot lock it: %s", strerror(errno));
    if (fcntl(database->lock_fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0)
        return host->fail(err, ORDO_EEXISTS, path,
                          "process %ld uses this folder; stop it, or give this one another data_dir",
                          (long)lock.l_pid);
    return host->fail(err, ORDO_EEXISTS, path,
                      "another process uses this folder; stop it, or give this one another data_dir");
}

static rocksdb_options_t *database_options(const struct rocks_settings *settings)
{
    rocksdb_options_t *options = rocksdb_options_create();

    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_create_missing_column_families(options, 1);
    rocksdb_options_set_db_write_buffer_size(options, settings->write_buffer_bytes);
    /* Bounds what a start has to read again. */
    rocksdb_options_set_max_total_wal_size(options, settings->write_buffer_bytes * 2);
    rocksdb_options_set_max_background_jobs(options, BACKGROUND_JOBS);
    rocksdb_options_set_allow_concurrent_memtable_write(options, 0); /* there is one writer */
    rocksdb_options_set_bytes_per_sync(options, 1 << 20);
    rocksdb_options_set_keep_log_file_num(options, LOG_FILES);
    rocksdb_options_set_max_log_file_size(options, LOG_FILE_BYTES);
    rocksdb_options_set_info_log_level(options, INFO_LOG_WARN);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    return options;
}

static rocksdb_options_t *family_options(enum rocks_family family, const struct rocks_settings *settings,
                                         rocksdb_cache_t *cache)
{
    rocksdb_options_t *options = database_options(settings);
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();

    rocksdb_options_set_write_buffer_size(options, settings->write_buffer_bytes);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_block_based_options_set_format_version(table, 5);
    rocksdb_block_based_options_set_block_size(table, BLOCK_BYTES);
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    if (family == ROCKS_IDS) {
        /* Nearly every id that is looked up is new. */
        rocksdb_block_based_options_set_filter_policy(table,
                                                      rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
        rocksdb_options_set_memtable_whole_key_filtering(options, 1);
        rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, 0.05);
    }
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    return options;
}

/* Opens what is there, families of a newer layout too, so that the layout can be read. */
static int open_families(struct rocks_database *database, const struct rocks_settings *settings,
                         const struct ordo_host *host, struct ordo_error *err)
{
    rocksdb_options_t *options = database_options(settings), *family_opts[FAMILIES_MAX];
    rocksdb_column_family_handle_t *handles[FAMILIES_MAX];
    const char *names[FAMILIES_MAX];
    size_t count = 0, there_count = 0;
    char *error = NULL, **there;

    for (; count < ROCKS_FAMILY_COUNT; count++) {
        names[count] = rocks_family_names[count];
        family_opts[count] = family_options((enum rocks_family)count, settings, database->cache);
    }
    there = rocksdb_list_column_families(options, settings->path, &there_count, &error);
    if (error != NULL) { /* there is no database yet; what else is wrong, opening it says too */
        free(error);
        error = NULL;
    }
    for (size_t i = 0; i < there_count && count < FAMILIES_MAX; i++) {
        bool known = false;

        for (size_t k = 0; k < ROCKS_FAMILY_COUNT; k++)
            known |= strcmp(there[i], rocks_family_names[k]) == 0;
        if (known)
            continue;
        names[count] = there[i];
        family_opts[count++] = rocksdb_options_create();
    }
    database->db =
        rocksdb_open_column_families(options, settings->path, (int)count, names,
                                     (const rocksdb_options_t *const *)family_opts, handles, &error);
    for (size_t i = 0; i < count; i++) {
        if (i < ROCKS_FAMILY_COUNT)
            database->families[i] = database->db == NULL ? NULL : handles[i];
        else if (database->db != NULL)
            rocksdb_column_family_handle_destroy(handles[i]);
        rocksdb_options_destroy(family_opts[i]);
    }
    rocksdb_options_destroy(options);
    if (there != NULL)
        rocksdb_list_column_families_destroy(there, there_count);
    if (error == NULL)
        return 0;
    host->fail(err, ORDO_EIO, settings->path, "RocksDB cannot open it: %s", error);
    free(error);
    return ORDO_EIO;
}

rocksdb_pinnableslice_t *rocks_database_get(struct rocks_database *database, enum rocks_family family,
                                            const char *key, size_t len, char **ret_error)
{
    *ret_error = NULL;
    return rocksdb_get_pinned_cf(database->db, database->read, database->families[family], key, len,
                                 ret_error);
}

static void put_layout(struct rocks_database *database, uint32_t layout, char **ret_error)
{
    rocksdb_put(database->db, database->write_synced, "layout", 6, (const char *)&layout, sizeof(layout),
                ret_error);
}

/* From an earlier layout to this one, step by step. A step that is cut short is done again by the next start. */
static void migrate(struct rocks_database *database, uint32_t layout, const struct ordo_host *host,
                    char **ret_error)
{
    char message[128];

    if (layout == ROCKS_LAYOUT)
        return;
    snprintf(message, sizeof(message), "its data is of layout %u and becomes layout %d", layout,
             ROCKS_LAYOUT);
    host->log(host->engine, ORDO_LOG_INFO, message);
    /* 1 to 2: the family of the outbox came with the open, and records of both formats are read. */
    put_layout(database, ROCKS_LAYOUT, ret_error);
}

static int check_layout(struct rocks_database *database, const struct rocks_settings *settings,
                        const struct ordo_host *host, struct ordo_error *err)
{
    rocksdb_pinnableslice_t *slice;
    uint32_t layout = ROCKS_LAYOUT;
    char *error = NULL;
    const char *value;
    size_t len = 0;

    slice = rocks_database_get(database, ROCKS_META, "layout", 6, &error);
    if (error == NULL && slice == NULL) {
        put_layout(database, layout, &error);
    } else if (error == NULL) {
        value = rocksdb_pinnableslice_value(slice, &len);
        layout = 0;
        memcpy(&layout, value, len < sizeof(layout) ? len : sizeof(layout));
    }
    rocksdb_pinnableslice_destroy(slice);
    if (layout > ROCKS_LAYOUT)
        return host->fail(
            err, ORDO_EABI, settings->path,
            "its data is of layout %u, and this ordo knows layouts up to %d; use the version that "
            "wrote it, or a newer one",
            layout, ROCKS_LAYOUT);
    if (error == NULL)
        migrate(database, layout, host, &error);
    if (error == NULL)
        return 0;
    host->fail(err, ORDO_EIO, settings->path, "its layout cannot be read or written: %s", error);
    free(error);
    return ORDO_EIO;
}

int rocks_database_open(struct rocks_database *database, const struct rocks_settings *settings,
                        const struct ordo_host *host, struct ordo_error *err)
{
    int result;

    *database = (struct rocks_database){.lock_fd = -1};
    if (mkdir(settings->path, 0700) != 0 && errno != EEXIST)
        return host->fail(err, -errno, settings->path, "cannot make the folder: %s", strerror(errno));
    database->read = rocksdb_readoptions_create();
    database->write_synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(database->write_synced, 1);
    database->write_unsynced = rocksdb_writeoptions_create();
    database->cache = rocksdb_cache_create_lru(settings->cache_bytes);
    if ((result = take_lock(database, settings->path, host, err)) != 0 ||
        (result = open_families(database, settings, host, err)) != 0 ||
        (result = check_layout(database, settings, host, err)) != 0)
        rocks_database_close(database);
    return result;
}

void rocks_database_close(struct rocks_database *database)
{
    for (size_t i = 0; i < ROCKS_FAMILY_COUNT; i++)
        if (database->families[i] != NULL)
            rocksdb_column_family_handle_destroy(database->families[i]);
    if (database->db != NULL)
        rocksdb_close(database->db);
    if (database->cache != NULL)
        rocksdb_cache_destroy(database->cache);
    if (database->read != NULL)
        rocksdb_readoptions_destroy(database->read);
    if (database->write_synced != NULL)
        rocksdb_writeoptions_destroy(database->write_synced);
    if (database->write_unsynced != NULL)
        rocksdb_writeoptions_destroy(database->write_unsynced);
    if (database->lock_fd >= 0)
        close(database->lock_fd);
    *database = (struct rocks_database){.lock_fd = -1};
}
