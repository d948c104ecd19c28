/* SPDX-License-Identifier: MIT
 * emit.h: takes recorded decisions to the sinks, and to the one listener (server-sent events).
 *
 * A worker writes the decisions of one turn into a chunk and hands it over; the chunk is shared by all sinks
 * and freed by the last. Each sink has a thread and a backlog; a sink that falls behind by more than the
 * bound makes the workers pause, so nothing is dropped.
 */
#pragma once

#include <ordo/sink.h>

#include "metrics/metrics.h"
#include "plugin/plugin.h"

struct ordo_emitter;
struct ordo_chunk;
struct ordo_listener;

/* `relieved` is called on a sink's thread when a backlog that was over the bound has fallen to half of it. */
struct ordo_emitter *ordo_emitter_start(struct ordo_plugin_instance *const *sinks, size_t count,
                                        uint32_t backlog_max, struct ordo_metrics_registry *metrics,
                                        void (*relieved)(void *context), void *context,
                                        struct ordo_error *err);
/* No more is handed over. Sinks take what is left, and flush, until the monotonic time; what they did not
 * take is logged and returned. */
size_t ordo_emitter_stop(struct ordo_emitter *emitter, int64_t until_ns);
void ordo_emitter_free(struct ordo_emitter *emitter);

/* True when somebody wants decisions: without sinks and listener nothing needs to be copied. */
bool ordo_emitter_is_wanted(struct ordo_emitter *emitter);
/* True when a sink's backlog is over the bound. One atomic load. */
bool ordo_emitter_is_full(struct ordo_emitter *emitter);
uint64_t ordo_emitter_backlog(struct ordo_emitter *emitter); /* of the sink that is furthest behind */

/* Worker side. *chunk starts NULL and is NULL again after the hand-over. */
void ordo_emitter_add(struct ordo_emitter *emitter, struct ordo_chunk **chunk, ordo_str id, uint32_t revision,
                      ordo_str decision);
void ordo_emitter_hand_over(struct ordo_emitter *emitter, struct ordo_chunk **chunk);

void ordo_emitter_listen(struct ordo_emitter *emitter, struct ordo_listener *listener);
void ordo_emitter_reopen(struct ordo_emitter *emitter);
