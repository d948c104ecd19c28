/* SPDX-License-Identifier: MIT
 * rocks_backup.c: makes a copy of a store that is open, and a store of such a copy. Both are made aside and renamed when
 * they are whole and synced.
 */
#include "rocks_maintenance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_BYTES = 8 << 20 };

/* The path without slashes at its end, and one aside. */
static int name_aside(char whole[ROCKS_PATH_MAX], char aside[ROCKS_PATH_MAX], const char *path,
                      const char *suffix, const struct ordo_host *host, struct ordo_error *err)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        len--;
    if (snprintf(whole, ROCKS_PATH_MAX, "%.*s", (int)len, path) >= ROCKS_PATH_MAX ||
        snprintf(aside, ROCKS_PATH_MAX, "%s%s", whole, suffix) >= ROCKS_PATH_MAX)
        return host->fail(err, -ENAMETOOLONG, NULL, "the path is too long");
    return 0;
}

/* Makes what is aside whole: both folders synced, and renamed. When that fails there is nothing at its place. */
static int put_in_place(const char *aside, const char *whole, const struct ordo_host *host,
                        struct ordo_error *err)
{
    int result = rocks_sync_folder(aside);

    if (result == 0 && rename(aside, whole) != 0)
        result = -errno;
    if (result == 0 && (result = rocks_sync_parent(whole)) != 0)
        rocks_remove_folder(whole);
    return result == 0 ? 0
                       : host->fail(err, result, whole, "cannot put it in its place: %s", strerror(-result));
}

/* RocksDB links its sorted files, which never change, where it can, and copies the others. */
static int make_checkpoint(struct rocks_store *store, const char *aside, struct ordo_error *err)
{
    char *error = NULL;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(store->database.db, &error);

    if (error == NULL)
        rocksdb_checkpoint_create(checkpoint, aside, 0, &error);
    if (checkpoint != NULL)
        rocksdb_checkpoint_object_destroy(checkpoint);
    if (error == NULL)
        return 0;
    store->host->fail(err, ORDO_EIO, aside, "cannot make a copy there: %s", error);
    free(error);
    return ORDO_EIO;
}

/* What a start of it must find: a backup is damaged as easily as a store. */
static int write_mark(const char *folder, uint64_t written, const struct ordo_host *host,
                      struct ordo_error *err)
{
    struct rocks_manifest manifest;
    struct rocks_mark mark;
    bool moved;
    int result = rocks_mark_open(&mark, folder, written, host, err);

    if (result != 0)
        return result;
    result = rocks_manifest_open(&manifest, folder);
    if (result == 0)
        result = rocks_manifest_follow(&manifest, &moved);
    if (result == 0)
        result = rocks_mark_claim(&mark, &manifest.claim);
    rocks_manifest_close(&manifest);
    rocks_mark_close(&mark);
    return result == 0
               ? 0
               : host->fail(err, result, folder, "cannot note what its MANIFEST has: %s", strerror(-result));
}

static int count_and_mark(const char *folder, const struct ordo_host *host, uint64_t *ret_orders,
                          struct ordo_error *err)
{
    struct rocks_settings settings = {
        .path = folder, .cache_bytes = LOOK_BYTES, .write_buffer_bytes = LOOK_BYTES};
    struct rocks_counters counters;
    struct rocks_database database;
    uint64_t missing, written;
    int result = rocks_database_look(&database, &settings, host, &missing, err);

    if (result != 0)
        return result;
    result = rocks_counters_read(&database, host, &counters, err);
    *ret_orders = counters.records;
    if (result == 0)
        result = rocks_layout_written(&database, host, &written, err);
    rocks_database_close(&database);
    return result == 0 ? write_mark(folder, written, host, err) : result;
}

/* The folder that the backup is to be in: RocksDB says nothing that helps when it is not there. */
static int check_parent(const char *whole, const struct ordo_host *host, struct ordo_error *err)
{
    const char *slash = strrchr(whole, '/');
    char parent[ROCKS_PATH_MAX];
    struct stat status;

    snprintf(parent, sizeof(parent), "%.*s",
             slash == NULL    ? 1
             : slash == whole ? 1
                              : (int)(slash - whole),
             slash == NULL ? "." : whole);
    if (stat(parent, &status) != 0 && errno == ENOENT)
        return host->fail(err, ORDO_ECONFIG, parent,
                          "there is no such folder to make the backup in; make it first");
    if (access(parent, W_OK | X_OK) != 0)
        return host->fail(err, ORDO_ECONFIG, parent, "the engine cannot make the backup in it: %s",
                          strerror(errno));
    return 0;
}

static void set_staging(struct rocks_store *store, const char *staging)
{
    pthread_mutex_lock(&store->lock);
    store->backup_staging = staging;
    store->backup_stopped = store->backup_stopped && staging == NULL;
    pthread_mutex_unlock(&store->lock);
}

static bool is_stopped(struct rocks_store *store)
{
    bool stopped;

    pthread_mutex_lock(&store->lock);
    stopped = store->backup_stopped;
    pthread_mutex_unlock(&store->lock);
    return stopped;
}

/* RocksDB cannot be told to stop, but it fails at the next file when the folder that it works in is gone. */
void rocks_backup_stop(void *self)
{
    struct rocks_store *store = self;
    char staging[ROCKS_PATH_MAX + 8] = "";

    pthread_mutex_lock(&store->lock);
    if (store->backup_staging != NULL) {
        snprintf(staging, sizeof(staging), "%s", store->backup_staging);
        store->backup_stopped = true;
    }
    pthread_mutex_unlock(&store->lock);
    if (staging[0] != '\0')
        rocks_remove_folder(staging);
}

/* Makes it aside. It may be given up between any two steps. */
static int make_aside(struct rocks_store *store, const char *aside, struct ordo_store_report *report,
                      struct ordo_error *err)
{
    const struct ordo_host *host = store->host;
    int result;

    atomic_store(&store->index.is_copied, true); /* rocks_index_stage says why */
    result = make_checkpoint(store, aside, err);
    atomic_store(&store->index.is_copied, false);
    if (result == 0 && chmod(aside, 0700) != 0) /* orders are not for everybody */
        result = host->fail(err, -errno, aside, "cannot keep it from others: %s", strerror(errno));
    if (result == 0 && !is_stopped(store))
        result = count_and_mark(aside, host, &report->orders, err);
    if (result == 0 && !is_stopped(store))
        result = rocks_backup_text_write(aside, report->orders, host, err);
    if (is_stopped(store))
        result = host->fail(err, ORDO_ESTOPPED, aside, "the backup was given up, since the engine stops");
    return result;
}

int rocks_backup(void *self, const char *folder, struct ordo_store_report *ret_report, struct ordo_error *err)
{
    struct rocks_store *store = self;
    const struct ordo_host *host = store->host;
    struct ordo_store_report report = {0};
    char whole[ROCKS_PATH_MAX], aside[ROCKS_PATH_MAX], staging[ROCKS_PATH_MAX + 8];
    struct stat status;
    int result = name_aside(whole, aside, folder, ".part", host, err);

    if (result != 0)
        return result;
    if (atomic_load(&store->failed))
        return host->fail(err, ORDO_EIO, NULL,
                          "the store failed, so what it has in memory is not known to be right");
    if (lstat(whole, &status) == 0)
        return host->fail(err, ORDO_EEXISTS, whole, "it exists already; name a folder that does not");
    if ((result = check_parent(whole, host, err)) != 0)
        return result;
    snprintf(staging, sizeof(staging), "%s.tmp", aside); /* where RocksDB makes it */
    if ((result = rocks_clear_leftover(staging, host, err)) != 0 ||
        (result = rocks_clear_leftover(aside, host, err)) != 0)
        return result;
    set_staging(store, staging);
    result = make_aside(store, aside, &report, err);
    set_staging(store, NULL);
    report.bytes = rocks_folder_bytes(aside);
    if (result == 0)
        result = put_in_place(aside, whole, host, err);
    if (result == 0) {
        rocks_report_copy(&report, ret_report);
    } else {
        rocks_remove_folder(staging);
        rocks_remove_folder(aside);
    }
    return result;
}

/* The files are there, and those that lead to the others are undamaged. */
static int check_backup(const char *folder, const struct ordo_host *host, uint64_t *ret_orders,
                        struct ordo_error *err)
{
    int result = rocks_backup_text_check(folder, host, ret_orders, err);
    struct rocks_marked marked;

    if (result != 0)
        return result;
    marked = rocks_mark_read(folder, host);
    return rocks_manifest_check(folder, &marked, host, err);
}

/* There is no store, and no process that has begun one. An empty folder, or one with a lock that nobody holds, goes. */
static int make_room(const char *whole, const struct ordo_host *host, struct ordo_error *err)
{
    int lock_fd = -1, result = rocks_lock(whole, false, &lock_fd, host, err);

    if (result == 0 && rocks_has_other_file(whole, "lock"))
        result =
            host->fail(err, ORDO_EEXISTS, whole, "there is a store already; move this folder away first");
    if (result == 0 && (result = rocks_remove_folder(whole)) != 0)
        result = host->fail(err, result, whole, "cannot put a store there: %s", strerror(-result));
    if (lock_fd >= 0)
        close(lock_fd);
    return result;
}

int rocks_restore(const struct ordo_host *host, const struct ordo_options *options, const char *folder,
                  struct ordo_store_report *ret_report, struct ordo_error *err)
{
    char path[ROCKS_PATH_MAX], whole[ROCKS_PATH_MAX], aside[ROCKS_PATH_MAX];
    struct ordo_store_report report = {0};
    struct rocks_settings settings;
    int result;

    if ((result = rocks_settings_read(host, options, &settings, path, err)) != 0 ||
        (result = name_aside(whole, aside, settings.path, ".restoring", host, err)) != 0 ||
        (result = check_backup(folder, host, &report.orders, err)) != 0 ||
        (result = make_room(whole, host, err)) != 0)
        return result;
    if ((result = rocks_clear_leftover(aside, host, err)) != 0)
        return result;
    if (mkdir(aside, 0700) != 0)
        return host->fail(err, -errno, aside, "cannot make the folder: %s", strerror(errno));
    result = rocks_copy_folder(folder, aside, ROCKS_BACKUP_TEXT, &report.bytes);
    if (result != 0)
        host->fail(err, result, folder, "cannot copy it to %s: %s", aside, strerror(-result));
    else
        result = put_in_place(aside, whole, host, err);
    if (result == 0)
        rocks_report_copy(&report, ret_report);
    else
        rocks_remove_folder(aside);
    return result;
}
