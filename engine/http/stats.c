/* SPDX-License-Identifier: MIT
 * stats.c: GET /stats: what the engine did and how long it took, as JSON.
 */
#include "http/http_impl.h"

static uint64_t sum(struct ordo_http *http, enum ordo_counter counter)
{
    return ordo_metrics_sum(ordo_engine_metrics(http->engine), counter);
}

void ordo__stats_second(struct ordo_http *http)
{
    uint64_t now = ordo_engine_decided(http->engine), before = atomic_exchange(&http->processed_before, now);

    atomic_store(&http->processed_rate, now - before);
}

static void write_counts(struct ordo_http *http, struct ordo_json_writer *json, double uptime_s)
{
    static const struct {
        const char *name;
        enum ordo_counter counter;
    } rows[] = {
        {"received", ORDO_COUNTER_ORDERS_RECEIVED}, {"success", ORDO_COUNTER_ORDERS_ACCEPTED},
        {"rejected", ORDO_COUNTER_ORDERS_REJECTED}, {"held", ORDO_COUNTER_ORDERS_HELD},
        {"invalid", ORDO_COUNTER_ORDERS_INVALID},   {"dead", ORDO_COUNTER_ORDERS_DEAD},
        {"replayed", ORDO_COUNTER_ORDERS_REPLAYED}, {"conflicts", ORDO_COUNTER_ORDERS_CONFLICT},
        {"refused", ORDO_COUNTER_ORDERS_REFUSED},   {"retried", ORDO_COUNTER_ATTEMPTS_RETRIED},
        {"rule_errors", ORDO_COUNTER_RULE_ERRORS},  {"store_failed", ORDO_COUNTER_ORDERS_STORE_FAILED},
        {"clients_gone", ORDO_COUNTER_HTTP_GONE},   {"answered_late", ORDO_COUNTER_HTTP_LATE},
    };
    uint64_t all = ordo_engine_decided(http->engine);
    uint64_t errors = sum(http, ORDO_COUNTER_ORDERS_INVALID) + sum(http, ORDO_COUNTER_ORDERS_DEAD) +
                      sum(http, ORDO_COUNTER_ORDERS_STORE_FAILED);

    ordo_json_key_int(json, ORDO_STR("processed"), (int64_t)all);
    ordo_json_key_int(json, ORDO_STR("errors"), (int64_t)errors);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        ordo_json_key_int(json, ordo_str_from(rows[i].name), (int64_t)sum(http, rows[i].counter));
    ordo_json_key(json, ORDO_STR("orders_per_second"));
    ordo_json_double(json, uptime_s > 0 ? (double)(uint64_t)((double)all / uptime_s * 10) / 10 : 0);
    ordo_json_key_int(json, ORDO_STR("orders_last_second"), (int64_t)atomic_load(&http->processed_rate));
}

static void write_timing(struct ordo_http *http, struct ordo_json_writer *json, const char *name,
                         enum ordo_timing timing)
{
    static const struct {
        const char *name;
        double quantile;
    } rows[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};
    struct ordo_histogram_view view;

    ordo_metrics_view(ordo_engine_metrics(http->engine), timing, &view);
    ordo_json_key(json, ordo_str_from(name));
    ordo_json_object(json);
    ordo_json_key_int(json, ORDO_STR("count"), (int64_t)view.count);
    ordo_json_key(json, ORDO_STR("mean"));
    ordo_json_double(json, view.count > 0 ? (double)(view.sum / view.count / 100) / 10 : 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        ordo_json_key(json, ordo_str_from(rows[i].name));
        ordo_json_double(json, (double)(ordo_histogram_quantile(&view, rows[i].quantile) / 100) / 10);
    }
    ordo_json_key(json, ORDO_STR("max"));
    ordo_json_double(json, (double)(view.max / 100) / 10);
    ordo_json_end_object(json);
}

static void write_queue(struct ordo_json_writer *json, const struct ordo_queue_figures *queue)
{
    ordo_json_key(json, ORDO_STR("queue"));
    ordo_json_object(json);
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++) {
        ordo_json_key(json, ordo_str_from(ordo_priority_name((enum ordo_priority)i)));
        ordo_json_object(json);
        ordo_json_key_int(json, ORDO_STR("depth"), queue->depth[i]);
        ordo_json_key_int(json, ORDO_STR("capacity"), queue->capacity[i]);
        ordo_json_key_int(json, ORDO_STR("taken"), (int64_t)queue->taken[i]);
        ordo_json_key_int(json, ORDO_STR("refused"), (int64_t)queue->refused[i]);
        ordo_json_key_int(json, ORDO_STR("overdue"), (int64_t)queue->overdue[i]);
        ordo_json_key(json, ORDO_STR("oldest_us"));
        ordo_json_int(json, queue->oldest_wait_ns[i] / 1000);
        ordo_json_end_object(json);
    }
    ordo_json_end_object(json);
}

static void write_store(struct ordo_json_writer *json, const struct ordo_store_stat *store)
{
    ordo_json_key(json, ORDO_STR("store"));
    ordo_json_object(json);
    ordo_json_key_int(json, ORDO_STR("records"), (int64_t)store->records);
    ordo_json_key_int(json, ORDO_STR("bytes"), (int64_t)store->bytes);
    ordo_json_key_int(json, ORDO_STR("dropped"), (int64_t)store->dropped);
    ordo_json_key_int(json, ORDO_STR("writes"), (int64_t)store->writes);
    ordo_json_key_int(json, ORDO_STR("refused"), (int64_t)store->refused);
    ordo_json_key(json, ORDO_STR("full"));
    ordo_json_bool(json, store->is_full);
    ordo_json_end_object(json);
}

static void write_sinks(struct ordo_engine *engine, struct ordo_json_writer *json)
{
    size_t count = ordo_engine_sink_count(engine);
    struct ordo_sink_figures sink;

    ordo_json_key(json, ORDO_STR("sinks"));
    ordo_json_object(json);
    for (size_t i = 0; i < count; i++) {
        ordo_engine_sink_figures(engine, i, &sink);
        ordo_json_key(json, ordo_str_from(sink.name));
        ordo_json_object(json);
        ordo_json_key_int(json, ORDO_STR("backlog"), (int64_t)sink.backlog);
        ordo_json_key_int(json, ORDO_STR("oldest_ms"), sink.oldest_ms);
        ordo_json_key_int(json, ORDO_STR("emitted"), (int64_t)sink.stat.emitted);
        ordo_json_key_int(json, ORDO_STR("failed"), (int64_t)sink.stat.failed);
        ordo_json_key_int(json, ORDO_STR("dead_lettered"), (int64_t)sink.stat.dead_lettered);
        ordo_json_end_object(json);
    }
    ordo_json_end_object(json);
}

void ordo__stats_write(struct ordo_http *http, struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);
    struct ordo_engine_figures figures;
    double uptime_s;

    ordo_engine_figures(http->engine, &figures);
    uptime_s = (double)(figures.uptime_ns / 1000000) / 1000;
    ordo_json_object(&json);
    write_counts(http, &json, uptime_s);
    write_timing(http, &json, "processing_us", ORDO_TIMING_PROCESSING);
    write_timing(http, &json, "queue_wait_us", ORDO_TIMING_QUEUE_WAIT);
    write_timing(http, &json, "blocked_us", ORDO_TIMING_BLOCKED);
    write_timing(http, &json, "total_us", ORDO_TIMING_TOTAL);
    write_queue(&json, &figures.queue);
    ordo_json_key_int(&json, ORDO_STR("workers"), figures.workers);
    ordo_json_key_int(&json, ORDO_STR("workers_busy"), figures.workers_busy);
    ordo_json_key_int(&json, ORDO_STR("in_flight"), (int64_t)figures.in_flight);
    ordo_json_key_int(&json, ORDO_STR("waiting"), (int64_t)figures.waiting);
    ordo_json_key_int(&json, ORDO_STR("generation"), (int64_t)figures.generation);
    ordo_json_key_int(&json, ORDO_STR("lua_bytes"), (int64_t)figures.lua_bytes);
    ordo_json_key_int(&json, ORDO_STR("sink_backlog"), (int64_t)figures.sink_backlog);
    write_sinks(http->engine, &json);
    write_store(&json, &figures.store);
    ordo_json_key_int(&json, ORDO_STR("connections"), atomic_load(&http->connections));
    ordo_json_key(&json, ORDO_STR("draining"));
    ordo_json_bool(&json, figures.draining);
    ordo_json_key(&json, ORDO_STR("uptime_s"));
    ordo_json_double(&json, uptime_s);
    ordo_json_end_object(&json);
}

void ordo__stats_get(struct ordo__request *request)
{
    struct ordo_buffer out = {0};

    ordo__stats_write(request->loop->http, &out);
    ordo__reply_json(request, 200, ordo_buffer_str(&out));
    ordo_buffer_done(&out);
}
