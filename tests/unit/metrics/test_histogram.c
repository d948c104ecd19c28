/* SPDX-License-Identifier: MIT
 * test_histogram.c: values count in the right bucket, quantiles are within a step, and readers see whole
 * values.
 */
#include "metrics/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/thread.h"

static struct ordo_histogram histogram;
static struct ordo_histogram_view view;

static int setup(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof(histogram));
    memset(&view, 0, sizeof(view));
    return 0;
}

static void read_view(void)
{
    memset(&view, 0, sizeof(view));
    ordo_histogram_merge(&view, &histogram);
}

/* The upper edge of the bucket in which `value` counts, below the last one. */
static uint64_t edge_over(uint64_t value)
{
    setup(NULL);
    ordo_histogram_add(&histogram, (int64_t)value);
    ordo_histogram_add(&histogram, INT64_C(1) << 39); /* so that max is out of the way */
    read_view();
    return ordo_histogram_quantile(&view, 0.5);
}

static void test_empty(void **state)
{
    (void)state;
    read_view();
    assert_int_equal(view.count, 0);
    assert_int_equal(ordo_histogram_quantile(&view, 0.5), 0);
    assert_int_equal(ordo_histogram_at_most(&view, UINT64_MAX), 0);
}

static void test_small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 32; value++)
        assert_int_equal(edge_over(value), value);
}

static void test_edges_are_within_a_step(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < UINT64_C(1) << 39; value += value / 61 + 1) {
        uint64_t edge = edge_over(value);

        assert_true(edge >= value);
        assert_true(edge - value <= value / 16); /* 6.25 % */
        assert_int_equal(edge_over(edge), edge);
        assert_true(edge_over(edge + 1) > edge);
    }
}

static void test_each_bucket_is_used(void **state)
{
    uint64_t value = 0;
    unsigned buckets = 0;

    (void)state;
    while (value < UINT64_C(1) << 39) {
        value = edge_over(value) + 1;
        buckets++;
    }
    /* All but the 16 of the last power of two, whose first value keeps max out of the way here. */
    assert_int_equal(buckets, ORDO_HISTOGRAM_BUCKETS - 16);
}

static void test_bounds_of_the_range(void **state)
{
    (void)state;
    ordo_histogram_add(&histogram, INT64_MIN);
    ordo_histogram_add(&histogram, -1);
    ordo_histogram_add(&histogram, 0);
    assert_int_equal(histogram.buckets[0], 3);
    assert_int_equal(histogram.sum, 0);
    ordo_histogram_add(&histogram, INT64_C(1) << 39);
    assert_int_equal(histogram.buckets[ORDO_HISTOGRAM_BUCKETS - 16], 1);
    setup(NULL);
    ordo_histogram_add(&histogram, 0);
    ordo_histogram_add(&histogram, 0);
    ordo_histogram_add(&histogram, 0);
    ordo_histogram_add(&histogram, (INT64_C(1) << 40) - 1);
    ordo_histogram_add(&histogram, INT64_C(1) << 40);
    ordo_histogram_add(&histogram, INT64_C(1) << 50);
    assert_int_equal(histogram.buckets[ORDO_HISTOGRAM_BUCKETS - 1], 3);
    read_view();
    assert_int_equal(view.count, 6);
    assert_int_equal(view.max, INT64_C(1) << 50);
    assert_int_equal(view.sum, (INT64_C(1) << 41) - 1 + (INT64_C(1) << 50));
    assert_int_equal(ordo_histogram_quantile(&view, 1), INT64_C(1) << 50);
    assert_int_equal(ordo_histogram_quantile(&view, 0.5), 0);
}

static void test_quantile_is_the_least_value_that_covers_the_share(void **state)
{
    (void)state;
    for (int value = 1; value <= 10; value++)
        ordo_histogram_add(&histogram, value);
    read_view();
    assert_int_equal(ordo_histogram_quantile(&view, 0), 1);
    assert_int_equal(ordo_histogram_quantile(&view, 0.1), 1);
    assert_int_equal(ordo_histogram_quantile(&view, 0.11), 2);
    assert_int_equal(ordo_histogram_quantile(&view, 0.5), 5);
    assert_int_equal(ordo_histogram_quantile(&view, 0.51), 6);
    assert_int_equal(ordo_histogram_quantile(&view, 0.9), 9);
    assert_int_equal(ordo_histogram_quantile(&view, 0.99), 10);
    assert_int_equal(ordo_histogram_quantile(&view, 1), 10);
}

static void test_quantile_is_at_most_max(void **state)
{
    (void)state;
    ordo_histogram_add(&histogram, 1000000);
    read_view();
    assert_int_equal(ordo_histogram_quantile(&view, 0.5), 1000000);
    ordo_histogram_add(&histogram, 1);
    read_view();
    assert_int_equal(ordo_histogram_quantile(&view, 0.99), 1000000);
}

static void test_quantiles_of_many_values(void **state)
{
    (void)state;
    for (int value = 1; value <= 100000; value++)
        ordo_histogram_add(&histogram, (int64_t)value * 1000);
    read_view();
    for (int percent = 1; percent <= 100; percent++) {
        uint64_t exact = (uint64_t)percent * 1000000, got = ordo_histogram_quantile(&view, percent / 100.0);

        assert_true(got >= exact);
        assert_true(got <= exact + exact / 16);
    }
}

static void test_at_most(void **state)
{
    (void)state;
    ordo_histogram_add(&histogram, 0);
    ordo_histogram_add(&histogram, 10);
    ordo_histogram_add(&histogram, 10000);
    ordo_histogram_add(&histogram, 10000000);
    ordo_histogram_add(&histogram, INT64_C(1) << 45);
    read_view();
    assert_int_equal(ordo_histogram_at_most(&view, 0), 1);
    assert_int_equal(ordo_histogram_at_most(&view, 9), 1);
    assert_int_equal(ordo_histogram_at_most(&view, 10), 2);
    assert_int_equal(ordo_histogram_at_most(&view, 10000), 3);
    assert_int_equal(ordo_histogram_at_most(&view, 10000 - 10000 / 15), 2);
    assert_int_equal(ordo_histogram_at_most(&view, UINT64_C(30000000000)), 4);
    assert_int_equal(ordo_histogram_at_most(&view, UINT64_MAX), 5);
}

static void test_merge_sums(void **state)
{
    static struct ordo_histogram other;

    (void)state;
    ordo_histogram_add(&histogram, 7);
    ordo_histogram_add(&histogram, 500);
    ordo_histogram_add(&other, 7);
    ordo_histogram_add(&other, 90);
    ordo_histogram_merge(&view, &histogram);
    ordo_histogram_merge(&view, &other);
    assert_int_equal(view.count, 4);
    assert_int_equal(view.sum, 604);
    assert_int_equal(view.max, 500);
    assert_int_equal(view.buckets[7], 2);
}

enum { ADDS = 200000, VALUE = 100 };
static atomic_bool writing;

static void add_values(void *context)
{
    (void)context;
    for (int i = 0; i < ADDS; i++)
        ordo_histogram_add(&histogram, VALUE);
    atomic_store(&writing, false);
}

static void test_reader_beside_the_writer(void **state)
{
    struct ordo_thread writer = {0};
    uint64_t last = 0;

    (void)state;
    atomic_store(&writing, true);
    assert_int_equal(ordo_thread_start(&writer, "writer", add_values, NULL), 0);
    while (atomic_load(&writing)) {
        read_view();
        assert_true(view.count >= last);
        assert_true(view.sum >=
                    view.count * VALUE); /* a view never counts what its sum and max do not hold */
        assert_true(view.count == 0 || view.max == VALUE);
        last = view.count;
    }
    ordo_thread_join(&writer);
    read_view();
    assert_int_equal(view.count, ADDS);
    assert_int_equal(view.sum, (uint64_t)ADDS * VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_empty, setup),
        cmocka_unit_test_setup(test_small_values_are_exact, setup),
        cmocka_unit_test_setup(test_edges_are_within_a_step, setup),
        cmocka_unit_test_setup(test_each_bucket_is_used, setup),
        cmocka_unit_test_setup(test_bounds_of_the_range, setup),
        cmocka_unit_test_setup(test_quantile_is_the_least_value_that_covers_the_share, setup),
        cmocka_unit_test_setup(test_quantile_is_at_most_max, setup),
        cmocka_unit_test_setup(test_quantiles_of_many_values, setup),
        cmocka_unit_test_setup(test_at_most, setup),
        cmocka_unit_test_setup(test_merge_sums, setup),
        cmocka_unit_test_setup(test_reader_beside_the_writer, setup),
    };

    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
