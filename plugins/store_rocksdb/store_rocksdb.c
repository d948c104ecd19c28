/* SPDX-License-Identifier: MIT
 * store_rocksdb.c: a store on a disk. What it says is written survives the end of the process and of the machine's
 * power. This file is the plugin's face: options, open, close, figures.
 */
#include "rocks_index.h"
#include "rocks_maintenance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "monotonic_cond.h"

#define US_H ((int64_t)3600 * 1000000)

static const struct ordo_option options[] = {
    {"path", ORDO_OPTION_STRING, "", 0, 4000, NULL, "Folder of the database; empty: `store` in data_dir."},
    {"cache", ORDO_OPTION_SIZE, "64MiB", 1 << 20, (int64_t)1 << 40, NULL,
     "Memory for what was read from the disk, with indexes and filters."},
    {"write_buffer", ORDO_OPTION_SIZE, "64MiB", 1 << 20, (int64_t)16 << 30, NULL,
     "Memory for what is not in a sorted file yet; a start reads up to twice as much again."},
    {"index_buffer", ORDO_OPTION_SIZE, "32MiB", ROCKS_TAIL_MIN, (int64_t)16 << 30, NULL,
     "Memory for the newest entries of the indexes of ids and customers."},
    {"min_free", ORDO_OPTION_SIZE, "256MiB", 0, (int64_t)1 << 50, NULL,
     "Free space of the disk below which new orders are refused (507) until there is more again; 0: not "
     "looked at."},
    {"keep_orders", ORDO_OPTION_INT, "0", 0, 1000000000000, "orders",
     "Orders kept at most; then the oldest final ones are deleted; 0: all."},
    {"keep_for", ORDO_OPTION_DURATION, "0s", 0, 876000 * US_H, NULL,
     "How long an order is kept behind its receipt, if it is final; 0: for ever."},
    {0},
};

/* Looks itself: the store's thread looks when it writes, and nobody may send orders while this says that they are refused. */
static bool is_full(const struct rocks_store *store)
{
    struct statvfs space;

    return store->min_free_bytes > 0 && statvfs(store->folder, &space) == 0 &&
           (uint64_t)space.f_bavail * space.f_frsize < store->min_free_bytes;
}

static void stat_all(void *self, struct ordo_store_stat *ret_stat)
{
    struct rocks_store *store = self;
    struct ordo_store_stat stat = {
        .size = ret_stat->size,
        .records = atomic_load_explicit(&store->records, memory_order_relaxed),
        .bytes = atomic_load_explicit(&store->bytes, memory_order_relaxed),
        .writes = atomic_load_explicit(&store->writes, memory_order_relaxed),
        .dropped = atomic_load_explicit(&store->dropped, memory_order_relaxed),
        .refused = atomic_load_explicit(&store->refused, memory_order_relaxed),
        .sequence = atomic_load_explicit(&store->sequence, memory_order_relaxed),
        .is_full = is_full(store),
        .memory_max = store->memory_max,
    };

    memcpy(ret_stat, &stat, ret_stat->size < sizeof(stat) ? ret_stat->size : sizeof(stat));
}

/* RocksDB aborts when it closes a log that it could not write. So a store that failed stays open; the process is
 * about to end, and this with it. Kept here so that it does not look like a leak. */
static struct rocks_store *volatile abandoned;

static void close_store(void *self)
{
    struct rocks_store *store = self;

    bool was_started;

    if (store == NULL)
        return;
    was_started = store->started;
    rocks_writer_stop(store);
    rocks_tidy_stop(store);
    if (atomic_load(&store->failed)) {
        abandoned = store;
        return;
    }
    if (was_started) {
        rocks_index_finish(store);
        rocks_database_flush(&store->database, store->host);
    }
    rocks_index_close(store);
    rocks_database_close(&store->database);
    rocks_sinks_free(store);
    free(store->submitted.items);
    free(store->folder);
    pthread_cond_destroy(&store->arrived);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

int rocks_settings_read(const struct ordo_host *host, const struct ordo_options *values,
                        struct rocks_settings *ret_settings, char path[ROCKS_PATH_MAX],
                        struct ordo_error *err)
{
    *ret_settings = (struct rocks_settings){
        .path = host->option_string(values, "path"),
        .cache_bytes = (size_t)host->option_int(values, "cache"),
        .write_buffer_bytes = (size_t)host->option_int(values, "write_buffer"),
        .index_buffer_bytes = (size_t)host->option_int(values, "index_buffer"),
        .keep_orders = (uint64_t)host->option_int(values, "keep_orders"),
        .keep_ms = host->option_int(values, "keep_for") / 1000,
        .min_free_bytes = (uint64_t)host->option_int(values, "min_free"),
    };
    if (ret_settings->path[0] != '\0')
        return 0;
    if (!rocks_path(path, host->data_dir(host->engine), "store"))
        return host->fail(err, -ENAMETOOLONG, NULL, "the path of data_dir is too long");
    ret_settings->path = path;
    return 0;
}

static int open_store(const struct ordo_host *host, const struct ordo_options *values, void **ret_self,
                      struct ordo_error *err)
{
    struct rocks_store *store = calloc(1, sizeof(*store));
    struct rocks_settings settings;
    char path[ROCKS_PATH_MAX];
    int result;

    if (store == NULL)
        return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    store->host = host;
    pthread_mutex_init(&store->lock, NULL);
    monotonic_cond_init(&store->arrived);
    result = rocks_settings_read(host, values, &settings, path, err);
    if (result == 0) {
        store->min_free_bytes = settings.min_free_bytes;
        /* While one buffer is made into files the next is filled. */
        store->memory_max =
            settings.cache_bytes + 2 * settings.write_buffer_bytes + settings.index_buffer_bytes;
        store->folder = strdup(settings.path);
        if (store->folder == NULL)
            result = host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    }
    if (result == 0)
        result = rocks_database_open(&store->database, &settings, host, err);
    if (result == 0)
        result = rocks_index_open(store, &settings, err);
    if (result == 0)
        result = rocks_tidy_start(store, err);
    if (result == 0)
        result = rocks_writer_start(store, &settings, err);
    if (result != 0) {
        close_store(store);
        return result;
    }
    *ret_self = store;
    return 0;
}

static const struct ordo_store_ops ops = {
    .size = sizeof(ops),
    .abilities = ORDO_STORE_DURABLE,
    .submit = rocks_submit,
    .get = rocks_get,
    .list = rocks_list,
    .pending = rocks_pending,
    .stat = stat_all,
    .sinks = rocks_sinks,
    .emissions = rocks_emissions,
    .taken = rocks_taken,
    .backup = rocks_backup,
    .restore = rocks_restore,
    .verify = rocks_verify,
    .find = rocks_find,
    .backup_stop = rocks_backup_stop,
};

const struct ordo_plugin *ordo_plugin_entry(void)
{
    static const struct ordo_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = ORDO_ABI_MAJOR,
        .abi_minor = ORDO_ABI_MINOR,
        .kind = ORDO_PLUGIN_STORE,
        .name = "store_rocksdb",
        .version = ORDO_VERSION,
        .summary = "Keeps orders on a disk: what is acknowledged survives a crash and a power cut.",
        .options = options,
        .open = open_store,
        .close = close_store,
        .ops = &ops,
    };

    return &plugin;
}
