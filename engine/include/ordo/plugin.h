/* SPDX-License-Identifier: MIT
 * ordo/plugin.h: the plugin interface.
 *
 * A plugin is a shared object that exports one symbol, ordo_plugin_entry, and includes no other header than
 * those in ordo/. It calls the engine only through struct ordo_host and links to nothing of it. The engine
 * loads it, checks it, parses its options, and calls
 *
 *     open -> (operations) -> close
 *
 * A step that fails cleans up after itself and is not undone by its own down-step; earlier ones are, in
 * reverse. All state hangs off `self`: a plugin may be opened more than once in one process.
 *
 * Versions: ORDO_ABI_MAJOR must be equal; the plugin's minor must not be above the engine's. Tables grow at
 * their end only, and every table starts with its size, so that both sides know what the other has.
 *
 *   1.0  2026-11  the first
 *   1.1  2026-11  host: span; all: check; exporters: ordo/exporter.h; sinks: emit says how many; stores: find,
 *                 ordo_write.absent_at, backup_stop, ordo_store_stat.is_full
 */
#pragma once

#include <stddef.h>

#include <ordo/option.h>
#include <ordo/types.h>

#define ORDO_ABI_MAJOR 1u
#define ORDO_ABI_MINOR 1u

enum ordo_plugin_kind {
    ORDO_PLUGIN_STORE = 1, /* ops: struct ordo_store_ops of ordo/store.h */
    ORDO_PLUGIN_SOURCE,    /* ops: struct ordo_source_ops of ordo/source.h */
    ORDO_PLUGIN_SINK,      /* ops: struct ordo_sink_ops of ordo/sink.h */
    ORDO_PLUGIN_EXPORTER,  /* ops: struct ordo_exporter_ops of ordo/exporter.h */
};

enum ordo_log_level { ORDO_LOG_DEBUG = 0, ORDO_LOG_INFO, ORDO_LOG_WARN, ORDO_LOG_ERROR };

/* What became of an order that a source brought. */
struct ordo_outcome {
    uint32_t size;
    enum ordo_status status;
    ordo_str id;       /* valid during the call */
    ordo_str decision; /* the decision or the problem as JSON; valid during the call; may be empty */
};
typedef void (*ordo_outcome_fn)(void *context, const struct ordo_outcome *outcome);

/* What the engine offers. The table outlives the plugin. Every function may be called from any thread and
 * does not block, unless it says otherwise. */
struct ordo_host {
    uint32_t size, abi_major, abi_minor;
    void *engine; /* the first argument of every function below */

    /* Logs one line with the plugin's name before it. `message` is copied. */
    void (*log)(void *engine, enum ordo_log_level level, const char *message);
    int64_t (*monotonic_ns)(void *engine);
    int64_t (*utc_ms)(void *engine);

    /* Fills *err from a format, as printf does, and returns code. err may be NULL. */
    int (*fail)(struct ordo_error *err, int code, const char *place, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

    /* Typed values by name. A name that is not in the plugin's table, or another type, aborts: it is a bug. A
     * string belongs to the options and lives until close returns. Call them in open only, and where an operation says so. */
    bool (*option_bool)(const struct ordo_options *options, const char *name);
    int64_t (*option_int)(const struct ordo_options *options,
                          const char *name); /* also duration (us) and size (bytes) */
    const char *(*option_string)(const struct ordo_options *options, const char *name); /* also enum */

    /* For sources: hands an order to the engine. The bytes are copied. When it returns 0, `decided` (may be
     * NULL) is called exactly once, on some worker's thread, and must not block; it may come after the source's
     * stop, but not after close. Results: 0; ORDO_EFULL (the queue is full, try again later), ORDO_EEXISTS (an
     * order with this id is on its way), ORDO_EJSON, ORDO_ELIMIT, ORDO_ESTOPPED; the order is then not taken. */
    int (*submit)(void *engine, ordo_str order, ordo_outcome_fn decided, void *context,
                  struct ordo_error *err);

    /* The folder of the option data_dir, which exists. It lives until close returns. */
    const char *(*data_dir)(void *engine);

    /* For stores: nothing more can be made durable, ever. The engine logs the sentence, takes no more orders,
     * and the process ends with code 1, so that the next start recovers from what is on the disk. */
    void (*failed)(void *engine, const char *message);

    /* Puts what the calling thread did between two monotonic times on its timeline. Spans of a thread nest, and an inner one is
     * told before the outer one. `name` is one of a few texts. Short ones that follow closely are left out when there are many. */
    void (*span)(void *engine, const char *name, int64_t began_ns, int64_t ended_ns);
};

struct ordo_plugin {
    uint32_t size, abi_major, abi_minor;
    enum ordo_plugin_kind kind;
    const char *name;    /* equals the file's name without .so and the name in the configuration */
    const char *version; /* of the plugin */
    const char *summary; /* one sentence, for `ordo plugins` */
    const struct ordo_option *options;

    /* Makes an instance. Called on the main thread, may block. */
    int (*open)(const struct ordo_host *host, const struct ordo_options *options, void **ret_self,
                struct ordo_error *err);
    /* Frees what open made; NULL is allowed. No operation is running or will be called. */
    void (*close)(void *self);
    const void *ops; /* by kind */

    /* 1.1. May be NULL. */

    /* Says what open would refuse, as far as that can be told without changing anything: no file is made, nothing is
     * connected to. 0 or a code with *err. Main thread, may block; reads options as open does. */
    int (*check)(const struct ordo_host *host, const struct ordo_options *options, struct ordo_error *err);
};
#define ORDO_PLUGIN_1_0 offsetof(struct ordo_plugin, check) /* bytes of the descriptor in 1.0 */

/* The only exported symbol. */
__attribute__((visibility("default"))) const struct ordo_plugin *ordo_plugin_entry(void);
