/* SPDX-License-Identifier: MIT
 * broken.c: a sink that is right but for one thing. The build makes one module of it for each value of
 * WRONG_..., named NAME; the tests show what the loader says of each.
 */
#include <stdlib.h>

#include <ordo/sink.h>

#ifndef WRONG_MAJOR
#define WRONG_MAJOR ORDO_ABI_MAJOR
#endif
#ifndef WRONG_MINOR
#define WRONG_MINOR ORDO_ABI_MINOR
#endif
#ifndef WRONG_SIZE
#define WRONG_SIZE sizeof(struct ordo_plugin)
#endif
#ifndef WRONG_KIND
#define WRONG_KIND ORDO_PLUGIN_SINK
#endif
#ifndef WRONG_OPS_SIZE
#define WRONG_OPS_SIZE sizeof(struct ordo_sink_ops)
#endif
#ifndef WRONG_OPTION
#define WRONG_OPTION "note", ORDO_OPTION_STRING, "", 0, 0, NULL, "Any text."
#endif
#ifndef WRONG_OPEN
#define WRONG_OPEN open_sink
#endif
#ifndef WRONG_OPS
#define WRONG_OPS &ops
#endif
#ifndef WRONG_FLUSH
#define WRONG_FLUSH flush
#endif

static const struct ordo_option options[] = {
    {"path", ORDO_OPTION_STRING, "", 0, 0, NULL,
     "How open goes: fail, silent, unread, or well; or refused by check."},
    {WRONG_OPTION},
    {0},
};

#ifdef WRONG_SYMBOL
void ordo_nobody_defines_this(void);
#endif

static int emit(void *self, const struct ordo_emission *items, size_t count, struct ordo_error *err)
{
    (void)self, (void)items, (void)count, (void)err;
#ifdef WRONG_SYMBOL
    ordo_nobody_defines_this();
#endif
    return 0;
}

__attribute__((unused)) static int flush(void *self, struct ordo_error *err)
{
    (void)self, (void)err;
    return 0;
}

static void get_stat(void *self, struct ordo_sink_stat *ret_stat)
{
    (void)self, (void)ret_stat;
}

__attribute__((unused)) static int open_sink(const struct ordo_host *host, const struct ordo_options *given,
                                             void **ret_self, struct ordo_error *err)
{
    const char *path = host->option_string(given, "path");

    if (strcmp(path, "fail") == 0)
        return host->fail(err, ORDO_EIO, "/some/file", "cannot be opened");
    if (strcmp(path, "silent") == 0)
        return ORDO_EIO;
    if (strcmp(path, "submit") == 0)
        return host->submit(host->engine, ORDO_STR("{}"), NULL, NULL, err);
    if (strcmp(path, "unread") != 0)
        host->option_string(given, "note");
    *ret_self = malloc(1);
    return 0;
}

static int check_sink(const struct ordo_host *host, const struct ordo_options *given, struct ordo_error *err)
{
    return strcmp(host->option_string(given, "path"), "refused") == 0
               ? host->fail(err, ORDO_ECONFIG, "path", "it is refused")
               : 0;
}

static void close_sink(void *self)
{
    free(self);
}

__attribute__((unused)) static const struct ordo_sink_ops ops = {
    .size = WRONG_OPS_SIZE,
    .emit = emit,
    .flush = WRONG_FLUSH,
    .reopen = flush,
    .stat = get_stat,
};

__attribute__((unused)) static const struct ordo_plugin plugin = {
    .size = WRONG_SIZE,
    .abi_major = WRONG_MAJOR,
    .abi_minor = WRONG_MINOR,
    .kind = WRONG_KIND,
    .name = NAME,
    .version = "1.0",
    .summary = "Broken on purpose.",
    .options = options,
    .open = WRONG_OPEN,
    .close = close_sink,
    .ops = WRONG_OPS,
    .check = check_sink,
};

#ifdef WRONG_ENTRY
__attribute__((visibility("default"))) const struct ordo_plugin *other_entry(void);
const struct ordo_plugin *other_entry(void)
{
    return &plugin;
}
#elif defined(WRONG_NULL)
const struct ordo_plugin *ordo_plugin_entry(void)
{
    return NULL;
}
#else
const struct ordo_plugin *ordo_plugin_entry(void)
{
    return &plugin;
}
#endif
