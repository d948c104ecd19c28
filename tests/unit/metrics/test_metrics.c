/* SPDX-License-Identifier: MIT
 * test_metrics.c: sums over sets and threads, and the Prometheus text, which a small strict reader checks.
 */
#include "metrics/metrics.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/thread.h"

static struct ordo_metrics_registry *registry;
static struct ordo_buffer text;

static int setup(void **state)
{
    (void)state;
    registry = ordo_metrics_registry_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ordo_metrics_registry_free(registry);
    ordo_buffer_done(&text);
    return 0;
}

static void test_free_of_nothing(void **state)
{
    (void)state;
    ordo_metrics_registry_free(NULL);
}

static void test_sets_are_clear_aligned_and_apart(void **state)
{
    struct ordo_metrics *one = ordo_metrics_join(registry), *two = ordo_metrics_join(registry);

    (void)state;
    assert_ptr_not_equal(one, two);
    assert_int_equal((uintptr_t)one % 64, 0);
    assert_int_equal((uintptr_t)two % 64, 0);
    assert_int_equal(sizeof(*one) % 64, 0); /* so no line is shared with a neighbour */
    for (int i = 0; i < ORDO_COUNTER_COUNT; i++)
        assert_int_equal(ordo_metrics_sum(registry, (enum ordo_counter)i), 0);
}

static void test_sum_over_sets(void **state)
{
    struct ordo_metrics *one = ordo_metrics_join(registry), *two = ordo_metrics_join(registry);

    (void)state;
    ordo_metrics_add(one, ORDO_COUNTER_ORDERS_RECEIVED, 3);
    ordo_metrics_add(one, ORDO_COUNTER_ORDERS_RECEIVED, 1);
    ordo_metrics_add(two, ORDO_COUNTER_ORDERS_RECEIVED, 5);
    ordo_metrics_add_shared(two, ORDO_COUNTER_RULE_ERRORS, 2);
    assert_int_equal(ordo_metrics_sum(registry, ORDO_COUNTER_ORDERS_RECEIVED), 9);
    assert_int_equal(ordo_metrics_sum(registry, ORDO_COUNTER_RULE_ERRORS), 2);
    assert_int_equal(ordo_metrics_sum(registry, ORDO_COUNTER_ORDERS_ACCEPTED), 0);
}

static void test_view_over_sets_starts_anew(void **state)
{
    struct ordo_metrics *one = ordo_metrics_join(registry), *two = ordo_metrics_join(registry);
    struct ordo_histogram_view view;

    (void)state;
    memset(&view, 0x77, sizeof(view));
    ordo_metrics_time(one, ORDO_TIMING_TOTAL, 10);
    ordo_metrics_time(two, ORDO_TIMING_TOTAL, 20);
    ordo_metrics_time(two, ORDO_TIMING_BLOCKED, 1000);
    ordo_metrics_view(registry, ORDO_TIMING_TOTAL, &view);
    assert_int_equal(view.count, 2);
    assert_int_equal(view.sum, 30);
    assert_int_equal(view.max, 20);
}

enum { THREADS = 4, ADDS = 20000 };
static struct ordo_metrics *shared_set;

static void count(void *context)
{
    struct ordo_metrics *own = ordo_metrics_join(registry);

    (void)context;
    for (int i = 0; i < ADDS; i++) {
        ordo_metrics_add(own, ORDO_COUNTER_ORDERS_ACCEPTED, 1);
        ordo_metrics_add_shared(shared_set, ORDO_COUNTER_EVENTS_SENT, 1);
        ordo_metrics_time(own, ORDO_TIMING_PROCESSING, i);
    }
}

static void test_threads_join_and_their_sets_outlive_them(void **state)
{
    struct ordo_thread threads[THREADS] = {0};
    struct ordo_histogram_view view;
    uint64_t last = 0, sum = 0;

    (void)state;
    shared_set = ordo_metrics_join(registry);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(ordo_thread_start(&threads[i], "counter", count, NULL), 0);
    while (sum < THREADS * ADDS) { /* reading goes on while threads join and add */
        sum = ordo_metrics_sum(registry, ORDO_COUNTER_ORDERS_ACCEPTED);
        assert_true(sum >= last);
        last = sum;
    }
    for (int i = 0; i < THREADS; i++)
        ordo_thread_join(&threads[i]);
    assert_int_equal(ordo_metrics_sum(registry, ORDO_COUNTER_ORDERS_ACCEPTED), THREADS * ADDS);
    assert_int_equal(ordo_metrics_sum(registry, ORDO_COUNTER_EVENTS_SENT), THREADS * ADDS);
    ordo_metrics_view(registry, ORDO_TIMING_PROCESSING, &view);
    assert_int_equal(view.count, THREADS * ADDS);
}

/* A reader of the text format 0.0.4, strict about what it knows. */
struct family {
    char name[80], type[16];
};
struct sample {
    char name[96], labels[128];
    double value;
    size_t family; /* under which it stands */
};
static struct family families[128];
static struct sample samples[512];
static size_t family_count, sample_count;

static size_t name_length(const char *at)
{
    size_t len = 0;

    assert_true(isalpha((unsigned char)at[0]) || at[0] == '_');
    while (isalnum((unsigned char)at[len]) || at[len] == '_' || at[len] == ':')
        len++;
    return len;
}

static void take_text(char *into, size_t size, const char *from, size_t len)
{
    assert_true(len < size);
    memcpy(into, from, len);
    into[len] = '\0';
}

static void read_help(const char *line)
{
    struct family *family = &families[family_count++];
    size_t len = name_length(line);

    take_text(family->name, sizeof(family->name), line, len);
    family->type[0] = '\0';
    assert_int_equal(line[len], ' ');
    assert_true(line[len + 1] != '\0');           /* it says something */
    for (size_t i = 0; i + 1 < family_count; i++) /* and once only */
        assert_string_not_equal(families[i].name, family->name);
}

static void read_type(const char *line)
{
    struct family *family = &families[family_count - 1];
    size_t len = name_length(line);

    assert_true(family_count > 0);
    assert_int_equal(len, strlen(family->name));
    assert_memory_equal(line, family->name, len);
    assert_string_equal(family->type, "");
    take_text(family->type, sizeof(family->type), line + len + 1, strlen(line + len + 1));
    assert_true(strcmp(family->type, "counter") == 0 || strcmp(family->type, "gauge") == 0 ||
                strcmp(family->type, "histogram") == 0);
}

/* name="value",name="value" */
static size_t labels_length(const char *at)
{
    size_t len = 0;

    for (;;) {
        len += name_length(at + len);
        assert_memory_equal(at + len, "=\"", 2);
        for (len += 2; at[len] != '"'; len++)
            assert_true(at[len] != '\0' && at[len] != '\n' && at[len] != '\\');
        len++;
        if (at[len] != ',')
            return len;
        len++;
    }
}

static void read_sample(const char *line)
{
    struct sample *sample = &samples[sample_count++];
    const char *base = families[family_count - 1].name;
    size_t len = name_length(line), labels = 0;
    char *end;

    assert_true(family_count > 0);
    take_text(sample->name, sizeof(sample->name), line, len);
    sample->labels[0] = '\0';
    line += len;
    if (*line == '{') {
        labels = labels_length(++line);
        take_text(sample->labels, sizeof(sample->labels), line, labels);
        line += labels;
        assert_int_equal(*line++, '}');
    }
    assert_int_equal(*line++, ' ');
    assert_true(*line == '+' || *line == '-' || *line == 'N' || isdigit((unsigned char)*line));
    sample->value = strtod(line, &end);
    assert_true(end > line && *end == '\0');
    sample->family = family_count - 1;
    assert_true(families[sample->family].type[0] != '\0');
    assert_memory_equal(sample->name, base, strlen(base)); /* stands under its own head */
    if (strcmp(families[sample->family].type, "histogram") == 0) {
        const char *suffix = sample->name + strlen(base);

        assert_true(strcmp(suffix, "_bucket") == 0 || strcmp(suffix, "_sum") == 0 ||
                    strcmp(suffix, "_count") == 0);
    } else {
        assert_string_equal(sample->name, base);
    }
    for (size_t i = 0; i + 1 < sample_count; i++)
        assert_false(strcmp(samples[i].name, sample->name) == 0 &&
                     strcmp(samples[i].labels, sample->labels) == 0);
}

static void read_text(void)
{
    char *copy, *line, *rest;

    family_count = sample_count = 0;
    assert_true(text.len > 0 && text.ptr[text.len - 1] == '\n');
    copy = strndup(text.ptr, text.len);
    assert_non_null(copy);
    assert_int_equal(strlen(copy), text.len);
    assert_null(strstr(copy, "\n\n"));
    for (line = strtok_r(copy, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        assert_true(family_count < 128 && sample_count < 512);
        if (strncmp(line, "# HELP ", 7) == 0)
            read_help(line + 7);
        else if (strncmp(line, "# TYPE ", 7) == 0)
            read_type(line + 7);
        else
            read_sample(line);
    }
    free(copy);
}

static const struct sample *find(const char *name, const char *labels)
{
    for (size_t i = 0; i < sample_count; i++) {
        if (strcmp(samples[i].name, name) == 0 && strcmp(samples[i].labels, labels) == 0)
            return &samples[i];
    }
    fail_msg("no sample %s{%s}", name, labels);
    return NULL;
}

static double value_of(const char *name, const char *labels)
{
    return find(name, labels)->value;
}

static void test_exposes_every_row_of_the_table(void **state)
{
    static const struct {
        const char *metric, *labels;
        bool is_timing;
    } rows[] = {
#define X(name, metric, labels, help) {metric, labels, false},
#define H(name, metric, labels, help) {metric, labels, true},
#include "metrics/metric_table.h"
#undef X
#undef H
    };
    size_t expected = 0;
    char name[96];

    (void)state;
    ordo_metrics_expose(registry, &text); /* also without any set */
    read_text();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(name, sizeof(name), "%s%s", rows[i].metric, rows[i].is_timing ? "_count" : "");
        assert_true(value_of(name, rows[i].labels) == 0);
        expected += rows[i].is_timing ? 23 : 1; /* 21 buckets, sum and count */
    }
    assert_int_equal(sample_count, expected);
}

static void test_exposes_counters(void **state)
{
    struct ordo_metrics *set = ordo_metrics_join(registry);

    (void)state;
    ordo_metrics_add(set, ORDO_COUNTER_ORDERS_RECEIVED, UINT64_C(9007199254740993));
    ordo_metrics_add(set, ORDO_COUNTER_ORDERS_ACCEPTED, 41);
    ordo_metrics_add(set, ORDO_COUNTER_ORDERS_HELD, 2);
    ordo_metrics_expose(registry, &text);
    read_text();
    assert_true(value_of("ordo_orders_total", "outcome=\"accepted\"") == 41);
    assert_true(value_of("ordo_orders_total", "outcome=\"held\"") == 2);
    assert_true(value_of("ordo_orders_total", "outcome=\"rejected\"") == 0);
    assert_string_equal(families[find("ordo_orders_total", "outcome=\"held\"")->family].type, "counter");
    ordo_buffer_put(&text, '\0');
    assert_non_null(strstr(text.ptr, "\nordo_orders_received_total 9007199254740993\n")); /* exact */
    assert_non_null(strstr(text.ptr, "# HELP ordo_orders_total Orders with a recorded outcome.\n"
                                     "# TYPE ordo_orders_total counter\n"
                                     "ordo_orders_total{outcome=\"accepted\"} 41\n"
                                     "ordo_orders_total{outcome=\"rejected\"} 0\n"));
}

static void test_exposes_histograms(void **state)
{
    static const char *const edges[] = {"0.00001", "0.000025", "0.00005", "0.0001", "0.00025", "0.0005",
                                        "0.001",   "0.0025",   "0.005",   "0.01",   "0.025",   "0.05",
                                        "0.1",     "0.25",     "0.5",     "1",      "2.5",     "5",
                                        "10",      "30",       "+Inf"};
    struct ordo_metrics *set = ordo_metrics_join(registry);
    double last = -1, last_count = 0;
    char labels[64];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(edges) / sizeof(edges[0]);
         i++) /* one at each edge, so one more in each */
        ordo_metrics_time(set, ORDO_TIMING_TOTAL, (int64_t)(strtod(edges[i], NULL) * 1e9 + 0.5));
    ordo_metrics_time(set, ORDO_TIMING_TOTAL, INT64_C(60000000000));
    ordo_metrics_expose(registry, &text);
    read_text();
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        double edge = strtod(edges[i], NULL);

        assert_true(edge > last);
        snprintf(labels, sizeof(labels), "le=\"%s\"", edges[i]);
        assert_true(value_of("ordo_order_seconds_bucket", labels) == last_count + 1);
        last = edge;
        last_count++;
    }
    assert_true(isinf(last));
    assert_true(value_of("ordo_order_seconds_count", "") == 21);
    ordo_buffer_put(&text, '\0');
    assert_non_null(strstr(text.ptr, "\nordo_order_seconds_sum 109.444435000\n")); /* exact, in seconds */
    assert_string_equal(families[find("ordo_order_seconds_count", "")->family].type, "histogram");
}

static void test_exposes_values(void **state)
{
    (void)state;
    ordo_buffer_append(&text, ORDO_STR("before 1\n"));
    ordo_buffer_clear(&text);
    ordo_metrics_expose_value(&text, "ordo_queue_depth", "class=\"high\"", "gauge", "Orders that wait.", 12);
    ordo_metrics_expose_value(&text, "ordo_queue_depth", "class=\"low\"", "gauge", NULL, 0.25);
    ordo_metrics_expose_value(&text, "ordo_up_seconds", NULL, "counter", "A \\ and\na line.", 1e18);
    ordo_metrics_expose_value(&text, "ordo_x", "", "gauge", "h", (double)INFINITY);
    ordo_metrics_expose_value(&text, "ordo_y", "", "gauge", "h", -(double)INFINITY);
    ordo_metrics_expose_value(&text, "ordo_z", "", "gauge", "h", (double)NAN);
    read_text();
    ordo_buffer_put(&text, '\0');
    assert_string_equal(text.ptr, "# HELP ordo_queue_depth Orders that wait.\n"
                                  "# TYPE ordo_queue_depth gauge\n"
                                  "ordo_queue_depth{class=\"high\"} 12\n"
                                  "ordo_queue_depth{class=\"low\"} 0.25\n"
                                  "# HELP ordo_up_seconds A \\\\ and\\na line.\n"
                                  "# TYPE ordo_up_seconds counter\n"
                                  "ordo_up_seconds 1e+18\n"
                                  "# HELP ordo_x h\n# TYPE ordo_x gauge\nordo_x +Inf\n"
                                  "# HELP ordo_y h\n# TYPE ordo_y gauge\nordo_y -Inf\n"
                                  "# HELP ordo_z h\n# TYPE ordo_z gauge\nordo_z NaN\n");
}

#define metrics_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_free_of_nothing),
        metrics_test(test_sets_are_clear_aligned_and_apart),
        metrics_test(test_sum_over_sets),
        metrics_test(test_view_over_sets_starts_anew),
        metrics_test(test_threads_join_and_their_sets_outlive_them),
        metrics_test(test_exposes_every_row_of_the_table),
        metrics_test(test_exposes_counters),
        metrics_test(test_exposes_histograms),
        metrics_test(test_exposes_values),
    };

    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
