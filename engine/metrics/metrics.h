/* SPDX-License-Identifier: MIT
 * metrics.h: counters and histograms, one set a thread, summed by the reader.
 *
 * The metrics stand in one table, metric_table.h. A thread registers once and then adds to its own cache
 * lines with relaxed atomics: no lock and no shared line on the hot path. Sets of threads that ended keep
 * counting in the sums.
 */
#pragma once

#include "base/buffer.h"
#include "metrics/histogram.h"

/* X(NAME, "ordo_orders_total", "labels or empty", "help") for counters; H(NAME, ...) for histograms of
 * nanoseconds that are shown in seconds. */
enum ordo_counter {
#define X(name, metric, labels, help) ORDO_COUNTER_##name,
#define H(name, metric, labels, help)
#include "metrics/metric_table.h"
#undef X
#undef H
    ORDO_COUNTER_COUNT,
};
enum ordo_timing {
#define X(name, metric, labels, help)
#define H(name, metric, labels, help) ORDO_TIMING_##name,
#include "metrics/metric_table.h"
#undef X
#undef H
    ORDO_TIMING_COUNT,
};

/* One thread's set; cache-line aligned. */
struct ordo_metrics {
    _Alignas(64) _Atomic uint64_t counters[ORDO_COUNTER_COUNT];
    struct ordo_histogram timings[ORDO_TIMING_COUNT];
    struct ordo_metrics *next;
};

/* All sets of one engine. */
struct ordo_metrics_registry;
struct ordo_metrics_registry *ordo_metrics_registry_new(void);
void ordo_metrics_registry_free(struct ordo_metrics_registry *registry);
/* A new set, all zero, owned by the registry. Any thread. */
struct ordo_metrics *ordo_metrics_join(struct ordo_metrics_registry *registry);

static inline void ordo_metrics_add(struct ordo_metrics *metrics, enum ordo_counter counter, uint64_t amount)
{
    _Atomic uint64_t *slot = &metrics->counters[counter];

    atomic_store_explicit(slot, atomic_load_explicit(slot, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}
/* For counters that several threads add to in one set. */
static inline void ordo_metrics_add_shared(struct ordo_metrics *metrics, enum ordo_counter counter,
                                           uint64_t amount)
{
    atomic_fetch_add_explicit(&metrics->counters[counter], amount, memory_order_relaxed);
}

static inline void ordo_metrics_time(struct ordo_metrics *metrics, enum ordo_timing timing, int64_t ns)
{
    ordo_histogram_add(&metrics->timings[timing], ns);
}

uint64_t ordo_metrics_sum(struct ordo_metrics_registry *registry, enum ordo_counter counter);
void ordo_metrics_view(struct ordo_metrics_registry *registry, enum ordo_timing timing,
                       struct ordo_histogram_view *ret_view);

/* The upper edges of the buckets that are shown, in nanoseconds, rising. */
extern const uint64_t ordo_metrics_edges[];
extern const size_t ordo_metrics_edge_count;

/* Appends all of the table in Prometheus text format 0.0.4 (HELP, TYPE, samples). */
void ordo_metrics_expose(struct ordo_metrics_registry *registry, struct ordo_buffer *out);
/* A gauge or counter that is not in the table (queue depth, ...). type: "gauge" or "counter"; help NULL:
 * another sample of the metric before. */
void ordo_metrics_expose_value(struct ordo_buffer *out, const char *metric, const char *labels,
                               const char *type, const char *help, double value);
