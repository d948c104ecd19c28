/* SPDX-License-Identifier: MIT
 * rocks_filer.c: writes a sorted file for a family beside the others, and has RocksDB take it in. The families are written
 * in no other way, so nothing in memory lies above such a file, which RocksDB would flush first.
 *
 * When RocksDB cannot sync its MANIFEST it takes the file for refused and removes its own name of it at once, although the
 * MANIFEST may have it then: the next open would find a file missing. It does not tell that name, so it is watched for, and
 * made again; a file that nobody needs is removed by the next open.
 */
#include "rocks_filer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "rocks_files.h"

enum { FILED = 2 };
static const struct filed {
    enum rocks_family family;
    const char *name; /* of the file, while it is written */
} filed[FILED] = {{ROCKS_IDS, "ids.filed"}, {ROCKS_CUSTOMERS, "customers.filed"}};

struct rocks_filer {
    rocksdb_options_t *options[FILED];
    rocksdb_envoptions_t *environment;
    rocksdb_ingestexternalfileoptions_t *take;
    char folder[ROCKS_PATH_MAX], paths[FILED][ROCKS_PATH_MAX];
    const _Atomic bool *failed;
    int watch_fd; /* tells of names that are removed from the folder */
};

int rocks_filer_new(const struct rocks_database *database, const struct rocks_settings *settings,
                    const _Atomic bool *failed, struct rocks_filer **ret_filer)
{
    struct rocks_filer *filer = calloc(1, sizeof(*filer));
    int watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), result = -errno;

    if (filer == NULL || watch_fd < 0) {
        free(filer);
        if (watch_fd >= 0)
            close(watch_fd);
        return watch_fd < 0 ? result : ORDO_ENOMEM;
    }
    filer->watch_fd = watch_fd;
    filer->failed = failed;
    snprintf(filer->folder, sizeof(filer->folder), "%s", settings->path);
    for (size_t i = 0; i < FILED; i++) {
        filer->options[i] = rocks_family_options(filed[i].family, settings, database->cache);
        rocks_path(filer->paths[i], settings->path, filed[i].name);
    }
    filer->environment = rocksdb_envoptions_create();
    filer->take = rocksdb_ingestexternalfileoptions_create();
    rocksdb_ingestexternalfileoptions_set_move_files(filer->take, 1);
    *ret_filer = filer;
    return 0;
}

void rocks_filer_free(struct rocks_filer *filer)
{
    if (filer == NULL)
        return;
    for (size_t i = 0; i < FILED; i++)
        rocksdb_options_destroy(filer->options[i]);
    rocksdb_envoptions_destroy(filer->environment);
    rocksdb_ingestexternalfileoptions_destroy(filer->take);
    close(filer->watch_fd);
    free(filer);
}

int rocks_filer_clear(const char *folder, const struct ordo_host *host, struct ordo_error *err)
{
    char path[ROCKS_PATH_MAX];

    for (size_t i = 0; i < FILED; i++) {
        if (!rocks_path(path, folder, filed[i].name))
            return host->fail(err, -ENAMETOOLONG, NULL, "the path is too long");
        if (unlink(path) != 0 && errno != ENOENT)
            return host->fail(err, -errno, path, "cannot remove it: %s", strerror(errno));
    }
    return 0;
}

/* RocksDB links the file, and then removes this name of it, but does not say when it could not: to write through that would
 * damage what it has taken. */
static char *make_room(const char *path)
{
    char *text;

    if (unlink(path) == 0 || errno == ENOENT)
        return NULL;
    return asprintf(&text, "%s: cannot remove it: %s", path, strerror(errno)) < 0 ? strdup("out of memory")
                                                                                  : text;
}

static void put_items(rocksdb_sstfilewriter_t *writer, enum rocks_family family,
                      const struct rocks_arena *arena, const struct rocks_change_item *items, size_t count,
                      char **ret_error)
{
    for (size_t i = 0; i < count && *ret_error == NULL; i++) {
        struct rocks_change change = rocks_change_at(rocks_arena_change(arena, items[i].unit));
        char buffer[ROCKS_CUSTOMER_KEY];
        ordo_str key = rocks_changes_key(&change, family, buffer);

        if (change.kind == ROCKS_CHANGE_DELETE)
            rocksdb_sstfilewriter_delete(writer, key.ptr, key.len, ret_error);
        else
            rocksdb_sstfilewriter_put(writer, key.ptr, key.len, change.order_key,
                                      family == ROCKS_IDS ? ROCKS_KEY : 0, ret_error);
    }
}

/* Makes names of sorted files again that were removed while the file was taken in, with its content. */
static void make_again(const struct rocks_filer *filer, const char *from)
{
    char events[4096] __attribute__((aligned(8))), path[ROCKS_PATH_MAX];
    ssize_t got;

    while ((got = read(filer->watch_fd, events, sizeof(events))) > 0)
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)(events + at);

            at += (ssize_t)(sizeof(*event) + event->len);
            if (event->len > 0 && strstr(event->name, ".sst") != NULL &&
                rocks_path(path, filer->folder, event->name) && link(from, path) == 0)
                rocks_sync_folder(filer->folder);
        }
}

static void forget(const struct rocks_filer *filer, int watch)
{
    char events[4096];

    inotify_rm_watch(filer->watch_fd, watch);
    while (read(filer->watch_fd, events, sizeof(events)) > 0)
        ;
}

static char *take(struct rocks_filer *filer, size_t at, struct rocks_database *database)
{
    const char *const paths[] = {filer->paths[at]};
    int watch = inotify_add_watch(filer->watch_fd, filer->folder, IN_DELETE);
    char *error = NULL;

    if (watch < 0)
        return strdup(strerror(errno));
    /* RocksDB's assertions abort when it takes a file in behind a failed write. */
    if (atomic_load(filer->failed)) {
        forget(filer, watch);
        return strdup("the store failed");
    }
    rocksdb_ingest_external_file_cf(database->db, database->families[filed[at].family], paths, 1, filer->take,
                                    &error);
    if (error != NULL)
        make_again(filer, paths[0]);
    forget(filer, watch);
    return error;
}

static char *put_family(struct rocks_filer *filer, size_t at, struct rocks_database *database,
                        const struct rocks_arena *arena, struct rocks_change_item *items)
{
    enum rocks_family family = filed[at].family;
    size_t count = rocks_changes_sort(arena, family, items);
    rocksdb_sstfilewriter_t *writer;
    char *error = make_room(filer->paths[at]);

    if (error != NULL || count == 0)
        return error;
    writer = rocksdb_sstfilewriter_create(filer->environment, filer->options[at]);
    rocksdb_sstfilewriter_open(writer, filer->paths[at], &error);
    if (error == NULL)
        put_items(writer, family, arena, items, count, &error);
    if (error == NULL)
        rocksdb_sstfilewriter_finish(writer, &error);
    rocksdb_sstfilewriter_destroy(writer);
    return error == NULL ? take(filer, at, database) : error;
}

char *rocks_filer_put(struct rocks_filer *filer, struct rocks_database *database,
                      const struct rocks_arena *arena, struct rocks_change_item *items)
{
    char *error = NULL;

    for (size_t i = 0; i < FILED && error == NULL; i++)
        error = put_family(filer, i, database, arena, items);
    return error;
}
