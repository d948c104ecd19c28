/* SPDX-License-Identifier: MIT
 * sink_file.c: appends decisions to a file, one JSON document a line.
 *
 * A batch is one write: it is in the file whole, or not at all and comes again. Nothing stays in memory
 * between two batches, so what was taken survives the end of the process; with fsync it survives the end of
 * the machine too.
 */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <ordo/sink.h>

#include "line_file.h"

static const struct ordo_option options[] = {
    {"path", ORDO_OPTION_STRING, "", 0, 4095, NULL,
     "File to append decisions to, its folder is made when it is missing; empty: `decisions.ndjson` in "
     "data_dir."},
    {"fsync", ORDO_OPTION_BOOL, "false", 0, 0, NULL, "Waits until each batch is on the disk."},
    {0},
};

struct sink {
    struct line_file file; /* the sink's thread */
    bool sync;
    _Atomic uint64_t emitted, failed;
};

/* The file to write to. 0 or a code with *err. */
static int read_path(const struct ordo_host *host, const struct ordo_options *values, char path[PATH_MAX],
                     struct ordo_error *err)
{
    const char *given = host->option_string(values, "path");
    int len = given[0] != '\0'
                  ? snprintf(path, PATH_MAX, "%s", given)
                  : snprintf(path, PATH_MAX, "%s/decisions.ndjson", host->data_dir(host->engine));

    return len < PATH_MAX ? 0 : host->fail(err, -ENAMETOOLONG, NULL, "the path is too long");
}

static int emit(void *self, const struct ordo_emission *items, size_t count, struct ordo_error *err)
{
    struct sink *sink = self;
    int result;

    for (size_t i = 0; i < count; i++) {
        line_file_add(&sink->file, items[i].decision);
        line_file_end(&sink->file);
    }
    result = line_file_write(&sink->file, sink->sync, err);
    if (result == 0)
        atomic_fetch_add_explicit(&sink->emitted, count, memory_order_relaxed);
    else
        atomic_fetch_add_explicit(&sink->failed, 1, memory_order_relaxed);
    return result;
}

static int flush(void *self, struct ordo_error *err)
{
    (void)self, (void)err;
    return 0;
}

static int reopen_file(void *self, struct ordo_error *err)
{
    struct sink *sink = self;

    return line_file_reopen(&sink->file, err);
}

static void stat_sink(void *self, struct ordo_sink_stat *ret_stat)
{
    struct sink *sink = self;
    struct ordo_sink_stat stat = {.size = ret_stat->size};

    stat.emitted = atomic_load_explicit(&sink->emitted, memory_order_relaxed);
    stat.failed = atomic_load_explicit(&sink->failed, memory_order_relaxed);
    memcpy(ret_stat, &stat, ret_stat->size < sizeof(stat) ? ret_stat->size : sizeof(stat));
}

static void close_sink(void *self)
{
    struct sink *sink = self;

    if (sink == NULL)
        return;
    line_file_close(&sink->file);
    free(sink);
}

static int open_sink(const struct ordo_host *host, const struct ordo_options *values, void **ret_self,
                     struct ordo_error *err)
{
    struct sink *sink = calloc(1, sizeof(*sink));
    char path[PATH_MAX];
    int result;

    if (sink == NULL)
        return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    sink->sync = host->option_bool(values, "fsync");
    result = read_path(host, values, path, err);
    if (result == 0)
        result = line_file_open(&sink->file, host, path, err);
    if (result != 0) {
        free(sink);
        return result;
    }
    *ret_self = sink;
    return 0;
}

static int check_sink(const struct ordo_host *host, const struct ordo_options *values, struct ordo_error *err)
{
    char path[PATH_MAX];
    int result = read_path(host, values, path, err);

    return result != 0 ? result : line_file_check(host, path, err);
}

static const struct ordo_sink_ops ops = {
    .size = sizeof(ops),
    .emit = emit,
    .flush = flush,
    .reopen = reopen_file,
    .stat = stat_sink,
};

const struct ordo_plugin *ordo_plugin_entry(void)
{
    static const struct ordo_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = ORDO_ABI_MAJOR,
        .abi_minor = ORDO_ABI_MINOR,
        .kind = ORDO_PLUGIN_SINK,
        .name = "sink_file",
        .version = ORDO_VERSION,
        .summary = "Appends decisions to a file, one JSON document a line.",
        .options = options,
        .open = open_sink,
        .close = close_sink,
        .ops = &ops,
        .check = check_sink,
    };

    return &plugin;
}
