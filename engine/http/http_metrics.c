/* SPDX-License-Identifier: MIT
 * http_metrics.c: GET /metrics: the metric table, and the figures that are read when they are asked for.
 */
#include "http/http_impl.h"

static void gauge(struct ordo_buffer *out, const char *metric, const char *help, double value)
{
    ordo_metrics_expose_value(out, metric, "", "gauge", help, value);
}

static void counter(struct ordo_buffer *out, const char *metric, const char *help, uint64_t value)
{
    ordo_metrics_expose_value(out, metric, "", "counter", help, (double)value);
}

static void by_class(struct ordo_buffer *out, const char *metric, const char *type, const char *help,
                     const double values[ORDO_PRIORITY_COUNT])
{
    char labels[32];

    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++) {
        snprintf(labels, sizeof(labels), "class=\"%s\"", ordo_priority_name((enum ordo_priority)i));
        ordo_metrics_expose_value(out, metric, labels, type, i == 0 ? help : NULL, values[i]);
    }
}

static void expose_queue(struct ordo_buffer *out, const struct ordo_queue_figures *queue)
{
    double depth[ORDO_PRIORITY_COUNT], capacity[ORDO_PRIORITY_COUNT], taken[ORDO_PRIORITY_COUNT],
        refused[ORDO_PRIORITY_COUNT], overdue[ORDO_PRIORITY_COUNT], oldest[ORDO_PRIORITY_COUNT];

    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++) {
        depth[i] = queue->depth[i];
        capacity[i] = queue->capacity[i];
        taken[i] = (double)queue->taken[i];
        refused[i] = (double)queue->refused[i];
        overdue[i] = (double)queue->overdue[i];
        oldest[i] = (double)queue->oldest_wait_ns[i] / 1e9;
    }
    by_class(out, "ordo_queue_depth", "gauge", "Orders that wait for a worker.", depth);
    by_class(out, "ordo_queue_capacity", "gauge", "Orders that may wait.", capacity);
    by_class(out, "ordo_queue_taken_total", "counter", "Orders that a worker took.", taken);
    by_class(out, "ordo_queue_refused_total", "counter", "Orders that found their class full.", refused);
    by_class(out, "ordo_queue_overdue_total", "counter", "Orders taken because they had waited their bound.",
             overdue);
    by_class(out, "ordo_queue_oldest_seconds", "gauge", "How long the first in line has waited.", oldest);
}

/* What there is of each sink. */
enum sink_figure { SINK_BACKLOG, SINK_OLDEST, SINK_EMITTED, SINK_FAILED, SINK_DEAD_LETTERED, SINK_FIGURES };

static double sink_value(const struct ordo_sink_figures *sink, enum sink_figure figure)
{
    switch (figure) {
    case SINK_BACKLOG:
        return (double)sink->backlog;
    case SINK_OLDEST:
        return (double)sink->oldest_ms / 1000;
    case SINK_EMITTED:
        return (double)sink->stat.emitted;
    case SINK_FAILED:
        return (double)sink->stat.failed;
    default:
        return (double)sink->stat.dead_lettered;
    }
}

static void expose_sinks(struct ordo_engine *engine, struct ordo_buffer *out)
{
    static const struct {
        const char *metric, *type, *help;
    } rows[SINK_FIGURES] = {
        [SINK_BACKLOG] = {"ordo_sink_pending", "gauge", "Decisions that this sink has not taken."},
        [SINK_OLDEST] = {"ordo_sink_oldest_seconds", "gauge",
                         "How long ago the first of these was recorded."},
        [SINK_EMITTED] = {"ordo_sink_emitted_total", "counter", "Decisions that this sink delivered."},
        [SINK_FAILED] = {"ordo_sink_failed_total", "counter", "Attempts of this sink that failed."},
        [SINK_DEAD_LETTERED] = {"ordo_sink_dead_lettered_total", "counter",
                                "Decisions that this sink wrote to its dead-letter file."},
    };
    size_t count = ordo_engine_sink_count(engine);
    struct ordo_sink_figures *sinks = calloc(count + 1, sizeof(*sinks));
    char labels[128];

    ORDO_REQUIRE(sinks != NULL);
    for (size_t i = 0; i < count; i++)
        ordo_engine_sink_figures(engine, i, &sinks[i]);
    for (int figure = 0; figure < SINK_FIGURES; figure++)
        for (size_t i = 0; i < count; i++) {
            snprintf(labels, sizeof(labels), "sink=\"%s\"", sinks[i].name);
            ordo_metrics_expose_value(out, rows[figure].metric, labels, rows[figure].type,
                                      i == 0 ? rows[figure].help : NULL,
                                      sink_value(&sinks[i], (enum sink_figure)figure));
        }
    free(sinks);
}

static void expose_figures(struct ordo_http *http, struct ordo_buffer *out)
{
    struct ordo_engine_figures figures;

    ordo_engine_figures(http->engine, &figures);
    expose_queue(out, &figures.queue);
    gauge(out, "ordo_workers", "Threads that decide orders.", figures.workers);
    gauge(out, "ordo_workers_busy", "Of these, with orders.", figures.workers_busy);
    gauge(out, "ordo_orders_in_flight", "Orders inside workers.", (double)figures.in_flight);
    gauge(out, "ordo_orders_waiting", "Of these, waiting inside their rules.", (double)figures.waiting);
    gauge(out, "ordo_lua_bytes", "Memory of all rule VMs.", (double)figures.lua_bytes);
    gauge(out, "ordo_lua_generations", "Rule sets that VMs still hold.", (double)figures.lua_generations);
    gauge(out, "ordo_rules_generation", "Number of the rule set that is running.",
          (double)figures.generation);
    gauge(out, "ordo_store_records", "Orders in the store.", (double)figures.store.records);
    gauge(out, "ordo_store_bytes", "Bytes of these.", (double)figures.store.bytes);
    counter(out, "ordo_store_writes_total", "Records written.", figures.store.writes);
    counter(out, "ordo_store_dropped_total", "Final orders dropped to make room.", figures.store.dropped);
    counter(out, "ordo_store_refused_total", "Records that the store refused.", figures.store.refused);
    gauge(out, "ordo_store_full", "1 while the store has no room for new orders.", figures.store.is_full);
    gauge(out, "ordo_sink_backlog", "Decisions that the slowest sink has not taken.",
          (double)figures.sink_backlog);
    expose_sinks(http->engine, out);
    gauge(out, "ordo_draining", "1 when the engine is stopping.", figures.draining);
    gauge(out, "ordo_uptime_seconds", "Time since the start.", (double)(figures.uptime_ns / 1000000) / 1000);
}

/* One row a metric: what of the figures it shows. */
static const struct exporter_metric {
    const char *metric, *type, *help;
    size_t offset;
} exporter_metrics[] = {
    {"ordo_exporter_pushed_total", "counter", "Profiles that an exporter pushed.",
     offsetof(struct ordo_exporter_stat, pushed)},
    {"ordo_exporter_failed_total", "counter", "Attempts at it that failed.",
     offsetof(struct ordo_exporter_stat, failed)},
    {"ordo_exporter_dropped_total", "counter", "Profiles that were refused or found no room to wait.",
     offsetof(struct ordo_exporter_stat, dropped)},
    {"ordo_exporter_waiting", "gauge", "Profiles that wait to be pushed.",
     offsetof(struct ordo_exporter_stat, waiting)},
};

struct exporter_row {
    struct ordo_buffer *out;
    const struct exporter_metric *metric;
    bool is_headed;
};

static void expose_exporter(void *context, const char *label, const struct ordo_exporter_stat *stat)
{
    struct exporter_row *row = context;
    char labels[128];
    uint64_t value;

    memcpy(&value, (const char *)stat + row->metric->offset, sizeof(value));
    snprintf(labels, sizeof(labels), "exporter=\"%s\"", label);
    ordo_metrics_expose_value(row->out, row->metric->metric, labels, row->metric->type,
                              row->is_headed ? NULL : row->metric->help, (double)value);
    row->is_headed = true;
}

static void expose_exporters(struct ordo_http *http, struct ordo_buffer *out)
{
    for (size_t i = 0; i < sizeof(exporter_metrics) / sizeof(*exporter_metrics); i++) {
        struct exporter_row row = {out, &exporter_metrics[i], false};

        ordo_engine_each_exporter(http->engine, expose_exporter, &row);
    }
}

void ordo__metrics_get(struct ordo__request *request)
{
    struct ordo_http *http = request->loop->http;
    struct ordo_buffer out = {0};

    ordo_metrics_expose(ordo_engine_metrics(http->engine), &out);
    expose_figures(http, &out);
    expose_exporters(http, &out);
    gauge(&out, "ordo_http_connections", "Open connections of the orders' listener.",
          atomic_load(&http->connections));
    gauge(&out, "ordo_event_subscribers", "Clients that read /events.", ordo__events_subscribers(http));
    if (http->options.profiler != NULL)
        ordo_profiler_expose(http->options.profiler, &out);
    ordo_metrics_expose_value(&out, "ordo_build_info", "version=\"" ORDO_VERSION "\"", "gauge",
                              "1; the version is the label.", 1);
    ordo__reply(request, 200, "text/plain; version=0.0.4; charset=utf-8", ordo_buffer_str(&out));
    ordo_buffer_done(&out);
}
