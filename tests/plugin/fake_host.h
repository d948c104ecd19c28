/* SPDX-License-Identifier: MIT
 * fake_host.h: opens a plugin as the engine does, with a host that a test can look into.
 *
 * Options are read by the engine's own code. The host collects what is logged and the orders that a source
 * submits; the test says when it is full, and decides the orders. All of it may be used from any thread.
 *
 *   struct fake_plugin *plugin = fake_plugin_open(path, (const char *[]){"records=8", NULL});
 *   const struct ordo_store_ops *ops = plugin->plugin->ops;
 *   fake_plugin_close(plugin);
 */
#pragma once

#include <pthread.h>

#include <ordo/plugin.h>

enum { FAKE_LOG_MAX = 256, FAKE_WAIT_S = 60 /* how long a test waits for what must come */ };

struct fake_order {
    char *bytes; /* NUL-terminated copy */
    size_t len;
    ordo_outcome_fn decided;
    void *context;
    bool is_decided;
};

struct fake_plugin {
    const struct ordo_plugin *plugin;
    void *self;
    struct ordo_error err; /* why it did not open */
    struct ordo_host host;

    void *library;
    char *folder; /* of its own, made for "@TMP@" in settings; removed at close */
    struct ordo_options *options;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under lock */
    char log[FAKE_LOG_MAX][600];
    size_t log_count;
    unsigned failures;   /* calls of host->failed; its sentences are in the log */
    bool full;           /* submit says ORDO_EFULL */
    uint64_t full_count; /* how often it did */
    struct fake_order *orders;
    size_t order_count, order_capacity;
};

/* Settings are "key=value"; @TMP@ becomes a folder of this plugin's own. self is NULL and err says why where
 * open failed; anything before that (the file, an option) ends the test program with a message. */
struct fake_plugin *fake_plugin_open(const char *path, const char *const *settings);
/* The same without open: for operations that need no instance. */
struct fake_plugin *fake_plugin_load(const char *path, const char *const *settings);
void fake_plugin_close(struct fake_plugin *plugin);

/* A host->submit takes orders that begin with '{'; others are ORDO_EJSON. */
void fake_set_full(struct fake_plugin *plugin, bool full);
void fake_wait_full(struct fake_plugin *plugin,
                    uint64_t times); /* until submit has said so often that it is full */
void fake_wait_orders(struct fake_plugin *plugin, size_t count); /* until so many are submitted */
void fake_wait_log(struct fake_plugin *plugin, const char *part);
size_t fake_order_count(struct fake_plugin *plugin);
const char *fake_order(struct fake_plugin *plugin, size_t index);
void fake_decide(struct fake_plugin *plugin, size_t index, enum ordo_status status, const char *decision);
void fake_decide_all(struct fake_plugin *plugin);                    /* those that are not yet */
size_t fake_log_count(struct fake_plugin *plugin, const char *part); /* lines that contain it */

/* One step of a wait for something that cannot wake the test; ends the test when it has been FAKE_WAIT_S since began_ns. */
void fake_poll(int64_t began_ns, const char *what);

/* "@TMP@" expanded. */
char *fake_expand(const struct fake_plugin *plugin, const char *text);
/* The whole file with a NUL behind it; NULL when it is not there. Free it. */
char *fake_read_file(const char *path, size_t *ret_len);
