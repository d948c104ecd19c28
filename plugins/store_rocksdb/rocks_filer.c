/* SPDX-License-Identifier: MIT
 * rocks_filer.c: writes a sorted file for a family beside the others, and has RocksDB take it in. The families are written
 * in no other way, so nothing in memory lies above such a file, which RocksDB would flush first.
 */
#include "rocks_filer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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
    char paths[FILED][ROCKS_PATH_MAX];
};

struct rocks_filer *rocks_filer_new(const struct rocks_database *database,
                                    const struct rocks_settings *settings)
{
    struct rocks_filer *filer = calloc(1, sizeof(*filer));

    if (filer == NULL)
        return NULL;
    for (size_t i = 0; i < FILED; i++) {
        filer->options[i] = rocks_family_options(filed[i].family, settings, database->cache);
        rocks_path(filer->paths[i], settings->path, filed[i].name);
    }
    filer->environment = rocksdb_envoptions_create();
    filer->take = rocksdb_ingestexternalfileoptions_create();
    rocksdb_ingestexternalfileoptions_set_move_files(filer->take, 1);
    return filer;
}

void rocks_filer_free(struct rocks_filer *filer)
{
    if (filer == NULL)
        return;
    for (size_t i = 0; i < FILED; i++)
        rocksdb_options_destroy(filer->options[i]);
    rocksdb_envoptions_destroy(filer->environment);
    rocksdb_ingestexternalfileoptions_destroy(filer->take);
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

static char *put_family(struct rocks_filer *filer, size_t at, struct rocks_database *database,
                        const struct rocks_arena *arena, struct rocks_change_item *items)
{
    enum rocks_family family = filed[at].family;
    size_t count = rocks_changes_sort(arena, family, items);
    const char *const paths[] = {filer->paths[at]};
    rocksdb_sstfilewriter_t *writer;
    char *error = make_room(paths[0]);

    if (error != NULL || count == 0)
        return error;
    writer = rocksdb_sstfilewriter_create(filer->environment, filer->options[at]);
    rocksdb_sstfilewriter_open(writer, paths[0], &error);
    if (error == NULL)
        put_items(writer, family, arena, items, count, &error);
    if (error == NULL)
        rocksdb_sstfilewriter_finish(writer, &error);
    rocksdb_sstfilewriter_destroy(writer);
    if (error == NULL)
        rocksdb_ingest_external_file_cf(database->db, database->families[family], paths, 1, filer->take,
                                        &error);
    return error;
}

char *rocks_filer_put(struct rocks_filer *filer, struct rocks_database *database,
                      const struct rocks_arena *arena, struct rocks_change_item *items)
{
    char *error = NULL;

    for (size_t i = 0; i < FILED && error == NULL; i++)
        error = put_family(filer, i, database, arena, items);
    return error;
}
