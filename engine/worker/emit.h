/* SPDX-License-Identifier: MIT
 * emit.h: takes decisions from the store's outbox to the sinks.
 *
 * Each sink has a thread, which reads on from where the sink was, and tells the store how far it has come. So a sink
 * that is slow or away holds nothing else back: what it has not taken waits in the store, also over a restart.
 */
#pragma once

#include <ordo/store.h>

#include "metrics/metrics.h"
#include "plugin/plugin.h"

struct ordo_emitter;

/* Tells the store which sinks there are, and starts their threads. Main thread, before the store is used otherwise. */
struct ordo_emitter *ordo_emitter_start(struct ordo_plugin_instance *const *sinks, size_t count,
                                        const struct ordo_store_ops *store, void *store_self,
                                        struct ordo_metrics_registry *metrics, struct ordo_error *err);
/* Sinks take what is left, and flush, until the monotonic time. What they did not take is logged: it stays in a durable
 * store for the next start. */
void ordo_emitter_stop(struct ordo_emitter *emitter, int64_t until_ns);
void ordo_emitter_free(struct ordo_emitter *emitter);

bool ordo_emitter_has_sinks(const struct ordo_emitter *emitter);
/* The outbox has more. Any thread. */
void ordo_emitter_wake(struct ordo_emitter *emitter);
/* Decisions that the sink which is furthest behind has not taken. Any thread. */
uint64_t ordo_emitter_backlog(struct ordo_emitter *emitter);

/* One sink, as operators see it. */
struct ordo_sink_figures {
    const char *name;           /* the engine's */
    uint64_t backlog;           /* decisions that it has not taken */
    int64_t oldest_ms;          /* how long ago the first of these was recorded; 0: there is none */
    struct ordo_sink_stat stat; /* what it says itself, since the start */
};
size_t ordo_emitter_count(const struct ordo_emitter *emitter);
/* Of sink `index`. May wait for the store to read. Any thread. */
void ordo_emitter_figures(struct ordo_emitter *emitter, size_t index, struct ordo_sink_figures *ret_figures);

void ordo_emitter_reopen(struct ordo_emitter *emitter);
