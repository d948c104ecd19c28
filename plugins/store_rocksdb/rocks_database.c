/* SPDX-License-Identifier: MIT
 * rocks_database.c: opens the database in its folder: the lock, the layout's version, and how RocksDB is tuned.
 */
#include "rocks_store.h"

#include "rocks_filer.h"
#include "rocks_files.h"

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

static rocksdb_options_t *database_options(const struct rocks_settings *settings)
{
    rocksdb_options_t *options = rocksdb_options_create();

    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_create_missing_column_families(options, 1);
    rocksdb_options_set_db_write_buffer_size(options, settings->write_buffer_bytes);
    /* Bounds what a start has to read again. */
    rocksdb_options_set_max_total_wal_size(options, settings->write_buffer_bytes * 2);
    /* All families are flushed together, so that a start reads a commit from the log for all of them or for none. */
    rocksdb_options_set_atomic_flush(options, 1);
    rocksdb_options_set_max_background_jobs(options, BACKGROUND_JOBS);
    rocksdb_options_set_allow_concurrent_memtable_write(options, 0); /* there is one writer */
    rocksdb_options_set_bytes_per_sync(options, 1 << 20);
    rocksdb_options_set_keep_log_file_num(options, LOG_FILES);
    rocksdb_options_set_max_log_file_size(options, LOG_FILE_BYTES);
    rocksdb_options_set_info_log_level(options, INFO_LOG_WARN);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    /* The log is read up to the first record that does not check: a crash leaves such an end. Absolute consistency would
     * refuse every start behind a power cut; what damage takes away, the mark finds (rocks_mark.h). */
    rocksdb_options_set_wal_recovery_mode(options, rocksdb_point_in_time_recovery);
    /* Damage that a flush or compaction meets ends all writing. Without it they would go on as if nothing were wrong,
     * and an open would ignore a damaged list of files. */
    rocksdb_options_set_paranoid_checks(options, 1);
    return options;
}

rocksdb_options_t *rocks_family_options(enum rocks_family family, const struct rocks_settings *settings,
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
        /* Nearly every id that is looked up is new. In parts, since the filter of a large file as a whole would not fit
         * into one of the cache's shards, and be read from the disk for every id. */
        rocksdb_block_based_options_set_filter_policy(table,
                                                      rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
        rocksdb_block_based_options_set_index_type(
            table, rocksdb_block_based_table_index_type_two_level_index_search);
        rocksdb_block_based_options_set_partition_filters(table, 1);
        rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);
    }
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    return options;
}

/* The families to open. */
struct family_list {
    const char *names[FAMILIES_MAX];
    rocksdb_options_t *options[FAMILIES_MAX];
    int known[FAMILIES_MAX]; /* enum rocks_family, or -1 */
    size_t count;
};

static void add_family(struct family_list *list, const char *name, int known, rocksdb_options_t *options)
{
    list->names[list->count] = name;
    list->known[list->count] = known;
    list->options[list->count++] = options;
}

static int known_family(const char *name)
{
    for (int i = 0; i < ROCKS_FAMILY_COUNT; i++)
        if (strcmp(name, rocks_family_names[i]) == 0)
            return i;
    return -1;
}

/* All families of ours, and those of a newer layout too, so that the layout can be read. Only to look, those of ours
 * that are there. */
static void choose_families(struct family_list *list, const struct rocks_settings *settings,
                            rocksdb_cache_t *cache, char **there, size_t there_count, bool only_look)
{
    for (int i = 0; !only_look && i < ROCKS_FAMILY_COUNT; i++)
        add_family(list, rocks_family_names[i], i,
                   rocks_family_options((enum rocks_family)i, settings, cache));
    for (size_t i = 0; i < there_count && list->count < FAMILIES_MAX; i++) {
        int known = known_family(there[i]);

        if (known < 0 && !only_look)
            add_family(list, there[i], -1, rocksdb_options_create());
        if (known >= 0 && only_look)
            add_family(list, there[i], known,
                       rocks_family_options((enum rocks_family)known, settings, cache));
    }
}

/* NULL, or RocksDB's error, to be freed. */
static char *open_families(struct rocks_database *database, const struct rocks_settings *settings,
                           bool only_look)
{
    rocksdb_options_t *options = database_options(settings);
    rocksdb_column_family_handle_t *handles[FAMILIES_MAX] = {NULL};
    struct family_list list = {.count = 0};
    const rocksdb_options_t *const *family_opts = (const rocksdb_options_t *const *)list.options;
    size_t there_count = 0;
    char *error = NULL, **there;

    there = rocksdb_list_column_families(options, settings->path, &there_count, &error);
    if (error != NULL) { /* there is no database yet; what else is wrong, opening it says too */
        free(error);
        error = NULL;
    }
    choose_families(&list, settings, database->cache, there, there_count, only_look);
    database->db =
        only_look ? rocksdb_open_for_read_only_column_families(options, settings->path, (int)list.count,
                                                               list.names, family_opts, handles, 0, &error)
                  : rocksdb_open_column_families(options, settings->path, (int)list.count, list.names,
                                                 family_opts, handles, &error);
    for (size_t i = 0; i < list.count; i++) {
        if (database->db != NULL && list.known[i] >= 0)
            database->families[list.known[i]] = handles[i];
        else if (database->db != NULL)
            rocksdb_column_family_handle_destroy(handles[i]);
        rocksdb_options_destroy(list.options[i]);
    }
    rocksdb_options_destroy(options);
    if (there != NULL)
        rocksdb_list_column_families_destroy(there, there_count);
    return error;
}

static int open_failed(const struct rocks_settings *settings, const struct ordo_host *host, char *error,
                       struct ordo_error *err)
{
    if (strncmp(error, "Corruption", strlen("Corruption")) == 0)
        host->fail(err, ORDO_EIO, settings->path,
                   "its data is damaged, restore a backup (`ordo restore`): %s", error);
    else
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

static void make_tools(struct rocks_database *database, const struct rocks_settings *settings)
{
    *database = (struct rocks_database){.manifest.fd = -1, .lock_fd = -1};
    database->read = rocksdb_readoptions_create(); /* checks every block that it reads from the disk */
    database->write_synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(database->write_synced, 1);
    database->write_unsynced = rocksdb_writeoptions_create();
    database->cache = rocksdb_cache_create_lru(settings->cache_bytes);
}

/* How many acknowledged writes the database does not have. */
static int count_missing(struct rocks_database *database, uint64_t acknowledged, const struct ordo_host *host,
                         uint64_t *ret_missing, struct ordo_error *err)
{
    uint64_t there = 0;
    int result = rocks_layout_written(database, host, &there, err);

    *ret_missing = there < acknowledged ? acknowledged - there : 0;
    return result;
}

static int check_mark(struct rocks_database *database, const struct rocks_settings *settings,
                      uint64_t acknowledged, const struct ordo_host *host, struct ordo_error *err)
{
    uint64_t missing;
    int result = count_missing(database, acknowledged, host, &missing, err);

    if (result != 0 || missing == 0)
        return result;
    return host->fail(
        err, ORDO_EIO, settings->path,
        "the last %llu writes that were acknowledged are missing, its log is damaged or gone; "
        "restore a backup (`ordo restore`), or, to go on without them, remove the file %s there",
        (unsigned long long)missing, ROCKS_MARK_NAME);
}

/* An open writes what it recovered into files and deletes the logs, also those behind a damaged place. So when there is
 * something in them, a look at the database that changes nothing comes first. (RocksDB's avoid_flush_during_recovery
 * would not do: it keeps no log that begins with the damage, and none when the memory for writes is full.) */
static int look_for_missing(const struct rocks_settings *settings, uint64_t acknowledged,
                            const struct ordo_host *host, struct ordo_error *err)
{
    struct rocks_database database;
    char *error;
    int result;

    if (acknowledged == 0 || !rocks_has_filled_file(settings->path, ".log"))
        return 0;
    make_tools(&database, settings);
    error = open_families(&database, settings, true);
    result = error == NULL ? rocks_layout_read(&database, settings, host, err)
                           : open_failed(settings, host, error, err);
    if (result == 0)
        result = check_mark(&database, settings, acknowledged, host, err);
    rocks_database_close(&database);
    return result;
}

/* From here on the mark is kept, and files are deleted behind it only. */
static int open_mark(struct rocks_database *database, const struct rocks_settings *settings,
                     const struct ordo_host *host, struct ordo_error *err)
{
    uint64_t written;
    int result = rocks_layout_written(database, host, &written, err);

    if (result != 0 || (result = rocks_mark_open(&database->mark, settings->path, written, host, err)) != 0)
        return result;
    result = rocks_manifest_open(&database->manifest, settings->path);
    if (result == 0)
        result = rocks_database_tidy(database);
    return result == 0 ? 0
                       : host->fail(err, result, settings->path, "cannot note what its MANIFEST has: %s",
                                    strerror(-result));
}

static int open_checked(struct rocks_database *database, const struct rocks_settings *settings,
                        const struct ordo_host *host, struct ordo_error *err)
{
    const struct rocks_marked marked = rocks_mark_read(settings->path, host);
    char *error = NULL;
    int result;

    if ((result = rocks_manifest_check(settings->path, &marked, host, err)) != 0 ||
        (result = look_for_missing(settings, marked.sequence, host, err)) != 0)
        return result;
    error = open_families(database, settings, false);
    if (error == NULL)
        rocksdb_disable_file_deletions(database->db, &error);
    if (error != NULL)
        return open_failed(settings, host, error, err);
    if ((result = rocks_layout_read(database, settings, host, err)) != 0 ||
        (result = check_mark(database, settings, marked.sequence, host, err)) != 0)
        return result;
    if (database->layout != ROCKS_LAYOUT &&
        (result = rocks_layout_take_over(database, settings, host, err)) != 0)
        return result;
    database->layout = ROCKS_LAYOUT;
    return open_mark(database, settings, host, err);
}

/* The folder, with its name in its parent on the disk: a sync of what is in it promises nothing of that. A folder that
 * was there in a parent which this user may not read is somebody else's work. */
static int make_folder(const char *path, const struct ordo_host *host, struct ordo_error *err)
{
    char parent[ROCKS_PATH_MAX];
    bool is_new = mkdir(path, 0700) == 0;
    int result;

    if (!is_new && errno != EEXIST)
        return host->fail(err, -errno, path, "cannot make the folder: %s", strerror(errno));
    if (!rocks_path(parent, path, ".."))
        return host->fail(err, -ENAMETOOLONG, NULL, "the path is too long");
    result = rocks_sync_folder(parent);
    if (result == 0 || (result == -EACCES && !is_new))
        return 0;
    return host->fail(err, result, parent, "cannot sync the folder: %s", strerror(-result));
}

int rocks_database_open(struct rocks_database *database, const struct rocks_settings *settings,
                        const struct ordo_host *host, struct ordo_error *err)
{
    int result;

    make_tools(database, settings);
    if ((result = make_folder(settings->path, host, err)) == 0 &&
        (result = rocks_lock(settings->path, true, &database->lock_fd, host, err)) == 0 &&
        (result = rocks_filer_clear(settings->path, host, err)) == 0)
        result = open_checked(database, settings, host, err);
    if (result != 0)
        rocks_database_close(database);
    return result;
}

static int look_checked(struct rocks_database *database, const struct rocks_settings *settings,
                        const struct ordo_host *host, uint64_t *ret_missing, struct ordo_error *err)
{
    const struct rocks_marked marked = rocks_mark_read(settings->path, host);
    int result = rocks_manifest_check(settings->path, &marked, host, err);
    char *error;

    if (result != 0)
        return result;
    error = open_families(database, settings, true);
    if (error != NULL)
        return open_failed(settings, host, error, err);
    result = rocks_layout_read(database, settings, host, err);
    return result != 0 ? result : count_missing(database, marked.sequence, host, ret_missing, err);
}

int rocks_database_look(struct rocks_database *database, const struct rocks_settings *settings,
                        const struct ordo_host *host, uint64_t *ret_missing, struct ordo_error *err)
{
    char current[ROCKS_PATH_MAX];
    bool fits;
    int result;

    make_tools(database, settings);
    fits = rocks_path(current, settings->path, "CURRENT");
    if (fits && faccessat(AT_FDCWD, current, R_OK, AT_EACCESS) != 0 && errno == EACCES)
        result = host->fail(err, -EACCES, settings->path,
                            "this user may not read it; run this as the user that the engine runs as");
    else if (!fits || (faccessat(AT_FDCWD, current, F_OK, AT_EACCESS) != 0 &&
                       !rocks_has_filled_file(settings->path, ".sst")))
        result = host->fail(err, ORDO_ENOTFOUND, settings->path, "there is no store in this folder");
    else if ((result = rocks_lock(settings->path, false, &database->lock_fd, host, err)) == 0)
        result = look_checked(database, settings, host, ret_missing, err);
    if (result != 0)
        rocks_database_close(database);
    return result;
}

int rocks_database_tidy(struct rocks_database *database)
{
    char *error = NULL;
    bool moved = true;
    int result = 0;

    /* Again when the MANIFEST has moved while files were deleted. */
    while (result == 0 && moved) {
        result = rocks_manifest_follow(&database->manifest, &moved);
        if (result != 0 || !moved)
            break;
        result = rocks_mark_claim(&database->mark, &database->manifest.claim);
        if (result != 0)
            break;
        /* Deletes all that is needless now; counts, so a backup that is being made still holds it off. */
        rocksdb_enable_file_deletions(database->db, 0, &error);
        if (error == NULL)
            rocksdb_disable_file_deletions(database->db, &error);
        if (error != NULL)
            result = ORDO_EIO;
        free(error);
        error = NULL;
    }
    return result;
}

/* Claims all of the MANIFEST, which nobody writes any more. When that fails the last claim stays, which is true too. */
static void close_mark(struct rocks_database *database)
{
    bool moved;

    if (database->mark.file != NULL && database->manifest.fd >= 0 &&
        rocks_manifest_follow(&database->manifest, &moved) == 0 && moved)
        rocks_mark_claim(&database->mark, &database->manifest.claim);
    rocks_manifest_close(&database->manifest);
    rocks_mark_close(&database->mark);
}

void rocks_database_flush(struct rocks_database *database, const struct ordo_host *host)
{
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    char message[ROCKS_PATH_MAX], *error = NULL;

    rocksdb_flushoptions_set_wait(options, 1);
    for (size_t i = 0; i < ROCKS_FAMILY_COUNT && error == NULL; i++)
        rocksdb_flush_cf(database->db, options, database->families[i], &error);
    rocksdb_flushoptions_destroy(options);
    if (error == NULL)
        return;
    snprintf(message, sizeof(message), "what was in memory stays in the log, which the next start reads: %s",
             error);
    host->log(host->engine, ORDO_LOG_WARN, message);
    free(error);
}

void rocks_database_close(struct rocks_database *database)
{
    char *error = NULL;

    for (size_t i = 0; i < ROCKS_FAMILY_COUNT; i++)
        if (database->families[i] != NULL)
            rocksdb_column_family_handle_destroy(database->families[i]);
    if (database->manifest.fd >= 0 && rocks_database_tidy(database) == 0)
        rocksdb_enable_file_deletions(database->db, 0, &error); /* the close deletes what is needless */
    free(error);
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
    close_mark(database);
    if (database->lock_fd >= 0)
        close(database->lock_fd);
    *database = (struct rocks_database){.manifest.fd = -1, .lock_fd = -1};
}
