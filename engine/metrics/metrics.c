/* SPDX-License-Identifier: MIT
 * metrics.c: the sets of all threads, their sums, and the Prometheus text.
 *
 * Sets are pushed onto a list that only grows, so readers walk it without a lock.
 */
#include "metrics/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_write.h"

struct ordo_metrics_registry {
    _Atomic(struct ordo_metrics *) newest;
};

struct row {
    const char *metric, *labels, *help;
};

static const struct row COUNTERS[] = {
#define X(name, metric, labels, help) {metric, labels, help},
#define H(name, metric, labels, help)
#include "metrics/metric_table.h"
#undef X
#undef H
};

static const struct row TIMINGS[] = {
#define X(name, metric, labels, help)
#define H(name, metric, labels, help) {metric, labels, help},
#include "metrics/metric_table.h"
#undef X
#undef H
};

/* Their number must not change with the data, or rates break. */
#define EDGES(X)                                                                                             \
    X(10000, "0.00001")                                                                                      \
    X(25000, "0.000025")                                                                                     \
    X(50000, "0.00005")                                                                                      \
    X(100000, "0.0001")                                                                                      \
    X(250000, "0.00025")                                                                                     \
    X(500000, "0.0005")                                                                                      \
    X(1000000, "0.001")                                                                                      \
    X(2500000, "0.0025")                                                                                     \
    X(5000000, "0.005")                                                                                      \
    X(10000000, "0.01")                                                                                      \
    X(25000000, "0.025")                                                                                     \
    X(50000000, "0.05")                                                                                      \
    X(100000000, "0.1")                                                                                      \
    X(250000000, "0.25")                                                                                     \
    X(500000000, "0.5")                                                                                      \
    X(1000000000, "1")                                                                                       \
    X(2500000000, "2.5")                                                                                     \
    X(5000000000, "5")                                                                                       \
    X(10000000000, "10")                                                                                     \
    X(30000000000, "30")
#define NS(ns, seconds) ns,
#define SECONDS(ns, seconds) seconds,
const uint64_t ordo_metrics_edges[] = {EDGES(NS)};
const size_t ordo_metrics_edge_count = sizeof(ordo_metrics_edges) / sizeof(ordo_metrics_edges[0]);
static const char *const edge_seconds[] = {EDGES(SECONDS)};

struct ordo_metrics_registry *ordo_metrics_registry_new(void)
{
    struct ordo_metrics_registry *registry = calloc(1, sizeof(*registry));

    ORDO_REQUIRE(registry != NULL);
    return registry;
}

void ordo_metrics_registry_free(struct ordo_metrics_registry *registry)
{
    struct ordo_metrics *set, *next;

    if (registry == NULL)
        return;
    for (set = registry->newest; set != NULL; set = next) {
        next = set->next;
        free(set);
    }
    free(registry);
}

struct ordo_metrics *ordo_metrics_join(struct ordo_metrics_registry *registry)
{
    struct ordo_metrics *set = aligned_alloc(_Alignof(struct ordo_metrics), sizeof(*set));

    ORDO_REQUIRE(set != NULL);
    memset(set, 0, sizeof(*set));
    set->next = atomic_load_explicit(&registry->newest, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&registry->newest, &set->next, set, memory_order_release,
                                                  memory_order_relaxed)) {
    }
    return set;
}

static const struct ordo_metrics *first_set(struct ordo_metrics_registry *registry)
{
    return atomic_load_explicit(&registry->newest, memory_order_acquire);
}

uint64_t ordo_metrics_sum(struct ordo_metrics_registry *registry, enum ordo_counter counter)
{
    uint64_t sum = 0;

    for (const struct ordo_metrics *set = first_set(registry); set != NULL; set = set->next)
        sum += atomic_load_explicit(&set->counters[counter], memory_order_relaxed);
    return sum;
}

void ordo_metrics_view(struct ordo_metrics_registry *registry, enum ordo_timing timing,
                       struct ordo_histogram_view *ret_view)
{
    *ret_view = (struct ordo_histogram_view){0};
    for (const struct ordo_metrics *set = first_set(registry); set != NULL; set = set->next)
        ordo_histogram_merge(ret_view, &set->timings[timing]);
}

static void append_help(struct ordo_buffer *out, const char *help)
{
    for (; *help != '\0'; help++) {
        if (*help == '\\')
            ordo_buffer_append(out, ORDO_STR("\\\\"));
        else if (*help == '\n')
            ordo_buffer_append(out, ORDO_STR("\\n"));
        else
            ordo_buffer_put(out, *help);
    }
}

static void append_head(struct ordo_buffer *out, const char *metric, const char *type, const char *help)
{
    ordo_buffer_printf(out, "# HELP %s ", metric);
    append_help(out, help);
    ordo_buffer_printf(out, "\n# TYPE %s %s\n", metric, type);
}

/* "metric<suffix>{labels,more} " with braces only where there is a label. */
static void append_name(struct ordo_buffer *out, const struct row *row, const char *suffix, const char *more)
{
    bool has_labels = row->labels[0] != '\0', has_more = more[0] != '\0';

    ordo_buffer_printf(out, "%s%s", row->metric, suffix);
    if (has_labels || has_more)
        ordo_buffer_printf(out, "{%s%s%s}", row->labels, has_labels && has_more ? "," : "", more);
    ordo_buffer_put(out, ' ');
}

static void append_count(struct ordo_buffer *out, uint64_t count)
{
    ordo_buffer_printf(out, "%llu\n", (unsigned long long)count);
}

/* True when the row begins a metric: it carries the metric's help and type. */
static bool begins_metric(const struct row *rows, size_t i)
{
    return i == 0 || strcmp(rows[i].metric, rows[i - 1].metric) != 0;
}

static void expose_timing(struct ordo_buffer *out, const struct row *row,
                          const struct ordo_histogram_view *view)
{
    char edge[32];

    for (size_t i = 0; i < ordo_metrics_edge_count; i++) {
        snprintf(edge, sizeof(edge), "le=\"%s\"", edge_seconds[i]);
        append_name(out, row, "_bucket", edge);
        append_count(out, ordo_histogram_at_most(view, ordo_metrics_edges[i]));
    }
    append_name(out, row, "_bucket", "le=\"+Inf\"");
    append_count(out, view->count);
    append_name(out, row, "_sum", "");
    ordo_buffer_printf(out, "%llu.%09llu\n", (unsigned long long)(view->sum / 1000000000),
                       (unsigned long long)(view->sum % 1000000000));
    append_name(out, row, "_count", "");
    append_count(out, view->count);
}

void ordo_metrics_expose(struct ordo_metrics_registry *registry, struct ordo_buffer *out)
{
    struct ordo_histogram_view view;

    for (size_t i = 0; i < ORDO_COUNTER_COUNT; i++) {
        if (begins_metric(COUNTERS, i))
            append_head(out, COUNTERS[i].metric, "counter", COUNTERS[i].help);
        append_name(out, &COUNTERS[i], "", "");
        append_count(out, ordo_metrics_sum(registry, (enum ordo_counter)i));
    }
    for (size_t i = 0; i < ORDO_TIMING_COUNT; i++) {
        if (begins_metric(TIMINGS, i))
            append_head(out, TIMINGS[i].metric, "histogram", TIMINGS[i].help);
        ordo_metrics_view(registry, (enum ordo_timing)i, &view);
        expose_timing(out, &TIMINGS[i], &view);
    }
}

void ordo_metrics_expose_value(struct ordo_buffer *out, const char *metric, const char *labels,
                               const char *type, const char *help, double value)
{
    struct row row = {metric, labels == NULL ? "" : labels, help};
    struct ordo_json_writer number = ordo_json_writer(out);

    if (help != NULL)
        append_head(out, metric, type, help);
    append_name(out, &row, "", "");
    if (isnan(value))
        ordo_buffer_append(out, ORDO_STR("NaN"));
    else if (isinf(value))
        ordo_buffer_append(out, value > 0 ? ORDO_STR("+Inf") : ORDO_STR("-Inf"));
    else
        ordo_json_double(&number, value);
    ordo_buffer_put(out, '\n');
}
