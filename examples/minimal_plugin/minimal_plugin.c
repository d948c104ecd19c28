/* SPDX-License-Identifier: MIT
 * minimal_plugin.c: a sink to copy. It counts decisions, and logs each one that completes a round of `every`.
 *
 * To make it yours: copy the folder, name the file, `name` below and `plugin:` in the configuration alike,
 * change the options and emit.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <ordo/sink.h>

/* The engine parses them, refuses what is wrong or unknown, and documents them. open reads each one. */
static const struct ordo_option options[] = {
    {"every", ORDO_OPTION_INT, "1000", 1, 1000000000, "decisions",
     "Logs each decision whose number divides by this."},
    {"label", ORDO_OPTION_STRING, "decision", 1, 64, NULL, "What the log calls it."},
    {0},
};

/* Everything that one instance knows. There are no static variables, so the plugin can be configured
 * twice. */
struct counter {
    const struct ordo_host *host;
    int64_t every;
    const char *label;        /* belongs to the options, which live until close */
    _Atomic uint64_t emitted; /* written by the sink's thread, read by stat from any */
};

/* The only operation with work to do. It is called by one thread, so it may block; a sink that cannot take
 * the batch returns host->fail(...), and the same batch comes again. */
static int emit(void *self, const struct ordo_emission *items, size_t count, struct ordo_error *err)
{
    struct counter *counter = self;
    uint64_t number = atomic_load_explicit(&counter->emitted, memory_order_relaxed);
    char message[256];

    (void)err;
    for (size_t i = 0; i < count; i++) {
        number++;
        if (number % (uint64_t)counter->every != 0)
            continue;
        snprintf(message, sizeof message, "%s %llu: order " ORDO_STR_FMT ", revision %u", counter->label,
                 (unsigned long long)number, ORDO_STR_ARG(items[i].id), items[i].revision);
        counter->host->log(counter->host->engine, ORDO_LOG_INFO, message);
    }
    atomic_store_explicit(&counter->emitted, number, memory_order_relaxed);
    return 0;
}

/* A sink that buffers sends the rest here. */
static int flush(void *self, struct ordo_error *err)
{
    (void)self;
    (void)err;
    return 0;
}

/* A sink that has files opens them anew here. */
static int reopen(void *self, struct ordo_error *err)
{
    (void)self;
    (void)err;
    return 0;
}

static void get_stat(void *self, struct ordo_sink_stat *ret_stat)
{
    struct counter *counter = self;

    ret_stat->emitted = atomic_load_explicit(&counter->emitted, memory_order_relaxed);
    ret_stat->failed = 0;
    ret_stat->dead_lettered = 0;
}

static int open_counter(const struct ordo_host *host, const struct ordo_options *given, void **ret_self,
                        struct ordo_error *err)
{
    struct counter *counter = calloc(1, sizeof *counter);

    if (counter == NULL)
        return host->fail(err, ORDO_ENOMEM, NULL, "no memory for a counter");
    counter->host = host;
    counter->every = host->option_int(given, "every");
    counter->label = host->option_string(given, "label");
    *ret_self = counter;
    return 0;
}

static void close_counter(void *self)
{
    free(self);
}

static const struct ordo_sink_ops ops = {
    .size = sizeof ops,
    .emit = emit,
    .flush = flush,
    .reopen = reopen,
    .stat = get_stat,
};

static const struct ordo_plugin plugin = {
    .size = sizeof plugin,
    .abi_major = ORDO_ABI_MAJOR,
    .abi_minor = ORDO_ABI_MINOR,
    .kind = ORDO_PLUGIN_SINK,
    .name = "minimal_plugin",
    .version = "1.0",
    .summary = "Counts decisions and logs each nth.",
    .options = options,
    .open = open_counter,
    .close = close_counter,
    .ops = &ops,
};

const struct ordo_plugin *ordo_plugin_entry(void)
{
    return &plugin;
}
