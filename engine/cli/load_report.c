/* SPDX-License-Identifier: MIT
 * load_report.c: figures for people in units that suit them, for programs in microseconds.
 */
#include "cli/load_report.h"

#include "base/json_write.h"

struct quantile {
    const char *name;
    double at;
};
static const struct quantile quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};
enum { QUANTILES = sizeof(quantiles) / sizeof(quantiles[0]) };

const char *ordo_load_mode_name(enum ordo_load_mode mode)
{
    static const char *const names[] = {"sync", "async", "ndjson"};

    return names[mode];
}

uint64_t ordo_load_report_errors(const struct ordo_load_stats *stats)
{
    uint64_t sum = 0;

    for (int i = 0; i < ORDO_LOAD_ERROR_COUNT; i++)
        sum += stats->errors[i];
    return sum;
}

static double seconds_of(const struct ordo_load_stats *stats)
{
    double seconds = (double)(stats->last_ns - stats->start_ns) / 1e9;

    return seconds > 0 ? seconds : 1e-9;
}

/* "850us", "1.25ms", "12.5ms", "3.2s". */
static const char *format_time(uint64_t ns, char out[16])
{
    double us = (double)ns / 1e3;

    if (us < 1000)
        snprintf(out, 16, "%.0fus", us);
    else if (us < 10000)
        snprintf(out, 16, "%.2fms", us / 1e3);
    else if (us < 1e6)
        snprintf(out, 16, "%.1fms", us / 1e3);
    else
        snprintf(out, 16, "%.2fs", us / 1e6);
    return out;
}

/* 1234567 as "1,234,567". */
static const char *format_count(uint64_t number, char out[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number), to = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[to++] = ',';
        out[to++] = digits[i];
    }
    out[to] = '\0';
    return out;
}

/* The latencies of the last second: those of all less those up to then. */
static void view_since(const struct ordo_load_stats *stats, struct ordo_histogram_view *last,
                       struct ordo_histogram_view *ret_view)
{
    struct ordo_histogram_view all = {0};

    ordo_histogram_merge(&all, &stats->latency);
    *ret_view = all;
    for (size_t i = 0; i < ORDO_HISTOGRAM_BUCKETS; i++)
        ret_view->buckets[i] -= last->buckets[i];
    ret_view->count -= last->count;
    ret_view->sum -= last->sum;
    *last = all;
}

static void second(struct ordo_load_observer *observer, const struct ordo_load_stats *stats, int64_t now_ns)
{
    struct ordo_load_report *report = (struct ordo_load_report *)observer;
    double seconds = (double)(now_ns - report->last_ns) / 1e9;
    uint64_t errors = ordo_load_report_errors(stats);
    struct ordo_histogram_view view;
    char number[32], other[32], p50[16], p99[16], p999[16];

    if (report->live == NULL)
        return;
    if (report->lines++ % 20 == 0)
        fprintf(report->live, "%6s %12s %9s %9s %9s %12s %9s\n", "time", "orders/s", "p50", "p99", "p99.9",
                "refused", "errors");
    if (report->last_ns == 0)
        seconds = (double)(now_ns - stats->start_ns) / 1e9;
    view_since(stats, &report->last, &view);
    fprintf(report->live, "%5.0fs %12s %9s %9s %9s %12s %9llu\n", (double)(now_ns - stats->start_ns) / 1e9,
            format_count((uint64_t)((double)(stats->orders - report->last_orders) / seconds), number),
            format_time(ordo_histogram_quantile(&view, 0.5), p50),
            format_time(ordo_histogram_quantile(&view, 0.99), p99),
            format_time(ordo_histogram_quantile(&view, 0.999), p999),
            format_count(stats->outcomes[ORDO_LOAD_REFUSED], other),
            (unsigned long long)(errors - report->last_errors));
    report->last_ns = now_ns;
    report->last_orders = stats->orders;
    report->last_errors = errors;
}

void ordo_load_report_init(struct ordo_load_report *report, const struct ordo_load_options *options,
                           FILE *live)
{
    memset(report, 0, sizeof(*report));
    report->observer.second = second;
    report->options = options;
    report->live = live;
}

void ordo_load_report_text(const struct ordo_load_options *options, const struct ordo_load_stats *stats,
                           FILE *out)
{
    struct ordo_histogram_view view = {0};
    double seconds = seconds_of(stats);
    char number[32], other[32], time[16];

    ordo_histogram_merge(&view, &stats->latency);
    fprintf(out, "%s orders in %s requests (%s) over %u connections in %.2f s%s\n",
            format_count(stats->orders, number), format_count(stats->requests, other),
            ordo_load_mode_name(options->mode), options->connections, seconds,
            stats->interrupted ? ", interrupted" : "");
    fprintf(out, "rate       %s orders/s", format_count((uint64_t)((double)stats->orders / seconds), number));
    if (options->rate > 0)
        fprintf(out, " of %s asked for", format_count((uint64_t)options->rate, number));
    fprintf(out, "\nlatency   ");
    for (int i = 0; i < QUANTILES; i++)
        fprintf(out, " %s %s ", quantiles[i].name,
                format_time(ordo_histogram_quantile(&view, quantiles[i].at), time));
    fprintf(out, " max %s\nstatus    ", format_time(view.max, time));
    for (int i = 0; i < 6; i++)
        if (stats->classes[i] > 0)
            fprintf(out, " %s%s %s ", i > 0 ? (char[]){(char)('0' + i), '\0'} : "", i > 0 ? "xx" : "other",
                    format_count(stats->classes[i], number));
    fprintf(out, "\noutcomes  ");
    for (int i = 0; i < ORDO_LOAD_OUTCOME_COUNT; i++)
        if (stats->outcomes[i] > 0)
            fprintf(out, " %s %s ", ordo_load_outcome_name(i), format_count(stats->outcomes[i], number));
    fprintf(out, "\nerrors     %s", format_count(ordo_load_report_errors(stats), number));
    for (int i = 0; i < ORDO_LOAD_ERROR_COUNT; i++)
        if (stats->errors[i] > 0)
            fprintf(out, "  %s %s", ordo_load_error_name(i), format_count(stats->errors[i], number));
    fputc('\n', out);
    if (stats->unsent > 0)
        fprintf(out,
                "unsent     %s orders were due and found no free connection: the engine (or --connections) "
                "was too small\n",
                format_count(stats->unsent, number));
}

static void key(struct ordo_json_writer *json, const char *name)
{
    ordo_json_key(json, ordo_str_from(name));
}

static void put_count(struct ordo_json_writer *json, const char *name, uint64_t number)
{
    ordo_json_key_int(json, ordo_str_from(name), (int64_t)number);
}

static void put_double(struct ordo_json_writer *json, const char *name, double number)
{
    char text[32];

    snprintf(text, sizeof(text), "%.3f", number);
    key(json, name);
    ordo_json_raw(json, ordo_str_from(text));
}

static void put_latency(struct ordo_json_writer *json, const struct ordo_load_stats *stats)
{
    struct ordo_histogram_view view = {0};

    ordo_histogram_merge(&view, &stats->latency);
    key(json, "latency_us");
    ordo_json_object(json);
    put_double(json, "mean", view.count > 0 ? (double)view.sum / (double)view.count / 1e3 : 0);
    for (int i = 0; i < QUANTILES; i++)
        put_double(json, quantiles[i].name, (double)ordo_histogram_quantile(&view, quantiles[i].at) / 1e3);
    put_double(json, "max", (double)view.max / 1e3);
    ordo_json_end_object(json);
}

void ordo_load_report_json(const struct ordo_load_options *options, const struct ordo_load_stats *stats,
                           FILE *out)
{
    static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    struct ordo_buffer text = {0};
    struct ordo_json_writer json = ordo_json_writer(&text);
    double seconds = seconds_of(stats);

    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("mode"), ordo_str_from(ordo_load_mode_name(options->mode)));
    put_count(&json, "connections", options->connections);
    put_count(&json, "seed", options->seed);
    put_double(&json, "seconds", seconds);
    put_count(&json, "requests_sent", stats->sent);
    put_count(&json, "orders_sent", stats->sent_orders);
    put_count(&json, "requests", stats->requests);
    put_count(&json, "orders", stats->orders);
    put_double(&json, "rate", (double)stats->orders / seconds);
    put_double(&json, "rate_asked", options->rate);
    put_latency(&json, stats);
    key(&json, "status");
    ordo_json_object(&json);
    for (int i = 0; i < 6; i++)
        put_count(&json, classes[i], stats->classes[i]);
    ordo_json_end_object(&json);
    key(&json, "outcomes");
    ordo_json_object(&json);
    for (int i = 0; i < ORDO_LOAD_OUTCOME_COUNT; i++)
        put_count(&json, ordo_load_outcome_name(i), stats->outcomes[i]);
    ordo_json_end_object(&json);
    key(&json, "errors");
    ordo_json_object(&json);
    for (int i = 0; i < ORDO_LOAD_ERROR_COUNT; i++)
        put_count(&json, ordo_load_error_name(i), stats->errors[i]);
    ordo_json_end_object(&json);
    put_count(&json, "unsent", stats->unsent);
    put_count(&json, "bytes_sent", stats->bytes_out);
    put_count(&json, "bytes_received", stats->bytes_in);
    key(&json, "interrupted");
    ordo_json_bool(&json, stats->interrupted);
    ordo_json_end_object(&json);
    fprintf(out, "%.*s\n", (int)text.len, text.ptr);
    ordo_buffer_done(&text);
}
