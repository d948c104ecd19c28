/* SPDX-License-Identifier: MIT
 * test_source_generator.c: the orders it makes, its mix and limit, and its patience with a full engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <ordo/source.h>

#include "base/error.h"
#include "fake_host.h"

static const char *module;

static struct fake_plugin *open_with(const char *const *settings)
{
    struct fake_plugin *source = fake_plugin_open(module, settings);

    ORDO_REQUIRE(source->self != NULL);
    return source;
}

static void start(struct fake_plugin *source)
{
    const struct ordo_source_ops *ops = source->plugin->ops;
    struct ordo_error err = {0};

    assert_int_equal(ops->start(source->self, &err), 0);
}

static void stop_and_close(struct fake_plugin *source)
{
    const struct ordo_source_ops *ops = source->plugin->ops;

    ops->stop(source->self);
    fake_plugin_close(source);
}

static struct ordo_source_stat stat_of(struct fake_plugin *source)
{
    const struct ordo_source_ops *ops = source->plugin->ops;
    struct ordo_source_stat stat = {.size = sizeof(stat)};

    ops->stat(source->self, &stat);
    return stat;
}

static void test_limit_ends_it(void **state)
{
    struct fake_plugin *source = open_with((const char *[]){"rate=1000000", "limit=500", NULL});

    (void)state;
    start(source);
    fake_wait_orders(source, 500);
    fake_decide_all(source);
    ((const struct ordo_source_ops *)source->plugin->ops)->stop(source->self);
    assert_int_equal(fake_order_count(source), 500);
    assert_int_equal(stat_of(source).submitted, 500);
    assert_int_equal(stat_of(source).decided, 500);
    assert_int_equal(stat_of(source).refused, 0);
    fake_plugin_close(source);
}

static void test_rate_0_makes_none(void **state)
{
    struct fake_plugin *source = open_with((const char *[]){"rate=0", NULL});

    (void)state;
    start(source);
    ((const struct ordo_source_ops *)source->plugin->ops)->stop(source->self);
    assert_int_equal(stat_of(source).submitted, 0);
    fake_plugin_close(source);
}

static size_t count_with(struct fake_plugin *source, size_t count, const char *part)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += strstr(fake_order(source, i), part) != NULL;
    return found;
}

static void test_mix_follows_the_shares(void **state)
{
    struct fake_plugin *source = open_with(
        (const char *[]){"rate=1000000", "limit=3000", "seed=5", "high=10", "medium=30", "low=60", NULL});

    (void)state;
    start(source);
    fake_wait_orders(source, 3000);
    assert_in_range(count_with(source, 3000, "\"priority\":\"high\""), 220, 380);
    assert_in_range(count_with(source, 3000, "\"priority\":\"medium\""), 780, 1020);
    assert_in_range(count_with(source, 3000, "\"priority\":\"low\""), 1650, 1950);
    stop_and_close(source);
}

static void test_share_of_0_is_none(void **state)
{
    struct fake_plugin *source =
        open_with((const char *[]){"rate=1000000", "limit=300", "high=0", "medium=0", "low=1", NULL});

    (void)state;
    start(source);
    fake_wait_orders(source, 300);
    assert_int_equal(count_with(source, 300, "\"priority\":\"low\""), 300);
    stop_and_close(source);
}

static void test_orders_look_like_those_of_a_shop(void **state)
{
    static const char *const parts[] = {
        "\"DE\"",     "\"FR\"",    "\"GB\"",       "\"US\"",       "\"JP\"",
        "\"EUR\"",    "\"GBP\"",   "\"USD\"",      "\"JPY\"",      "\"gold\"",
        "\"silver\"", "\"basic\"", "\"SPRING10\"", "\"WELCOME5\"", "\"sku\":\"A-1001\"",
        "\"qty\":1,", "},{\"sku\""};
    struct fake_plugin *source = open_with((const char *[]){"rate=1000000", "limit=2000", "seed=3", NULL});

    (void)state;
    start(source);
    fake_wait_orders(source, 2000);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_in_range(count_with(source, 2000, parts[i]), 20, 1990);
    assert_in_range(count_with(source, 2000, "\"coupon\""), 400, 600);
    assert_int_equal(count_with(source, 2000, "\"customer\":{\"id\":\"c-"), 2000);
    for (size_t i = 0; i < 2000; i++) {
        const char *order = fake_order(source, i), *euro = strstr(order, "\"currency\":\"EUR\"");

        assert_memory_equal(order, "{\"id\":\"g-", 9);
        assert_int_equal(order[strlen(order) - 1], '}');
        if (strstr(order, "\"DE\"") != NULL || strstr(order, "\"FR\"") != NULL)
            assert_non_null(euro);
    }
    stop_and_close(source);
}

static void collect(const char *seed, size_t count, char **ret_orders)
{
    struct fake_plugin *source = open_with((const char *[]){"rate=1000000", "limit=50", seed, NULL});

    start(source);
    fake_wait_orders(source, count);
    for (size_t i = 0; i < count; i++)
        ret_orders[i] = strdup(fake_order(source, i));
    stop_and_close(source);
}

static void test_seed_repeats_the_orders(void **state)
{
    char *first[50], *second[50], *other[50], *unseeded[50];
    size_t same_as_other = 0;

    (void)state;
    collect("seed=11", 50, first);
    collect("seed=11", 50, second);
    collect("seed=12", 50, other);
    collect("seed=0", 50, unseeded);
    for (size_t i = 0; i < 50; i++) {
        assert_string_equal(first[i], second[i]);
        same_as_other += strcmp(first[i], other[i]) == 0 || strcmp(first[i], unseeded[i]) == 0;
        free(first[i]), free(second[i]), free(other[i]), free(unseeded[i]);
    }
    assert_int_equal(same_as_other, 0);
}

static void test_ids_differ(void **state)
{
    char *orders[50];

    (void)state;
    collect("seed=0", 50, orders);
    for (size_t i = 0; i < 50; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(orders[i], orders[j], 35);
    for (size_t i = 0; i < 50; i++)
        free(orders[i]);
}

static void test_full_engine_is_waited_for_and_counted(void **state)
{
    struct fake_plugin *source = open_with((const char *[]){"rate=1000000", "limit=20", NULL});

    (void)state;
    fake_set_full(source, true);
    start(source);
    fake_wait_full(source, 3);
    assert_int_equal(fake_order_count(source), 0);
    assert_in_range(stat_of(source).refused, 2, 1000);
    assert_int_equal(stat_of(source).submitted, 0);
    fake_set_full(source, false);
    fake_wait_orders(source, 20); /* none was lost */
    stop_and_close(source);
}

static void test_stop_ends_every_wait(void **state)
{
    struct fake_plugin *full = open_with((const char *[]){"rate=1000000", NULL});
    struct fake_plugin *slow = open_with((const char *[]){"rate=1", NULL});

    (void)state;
    fake_set_full(full, true);
    start(full);
    start(slow);
    fake_wait_full(full, 1);
    fake_wait_orders(slow, 1); /* the next is due in a second */
    stop_and_close(full);
    stop_and_close(slow);
}

static void test_outcomes_may_come_after_stop(void **state)
{
    struct fake_plugin *source = open_with((const char *[]){"rate=1000000", "limit=5", NULL});

    (void)state;
    start(source);
    fake_wait_orders(source, 5);
    ((const struct ordo_source_ops *)source->plugin->ops)->stop(source->self);
    fake_decide_all(source);
    assert_int_equal(stat_of(source).decided, 5);
    fake_plugin_close(source);
}

static void test_shares_of_0_are_an_error(void **state)
{
    struct fake_plugin *source =
        fake_plugin_open(module, (const char *[]){"high=0", "medium=0", "low=0", NULL});

    (void)state;
    assert_null(source->self);
    assert_int_equal(source->err.code, ORDO_ECONFIG);
    assert_string_equal(source->err.message, "high, medium and low are all 0; give one of them a share");
    fake_plugin_close(source);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_ends_it),
        cmocka_unit_test(test_rate_0_makes_none),
        cmocka_unit_test(test_mix_follows_the_shares),
        cmocka_unit_test(test_share_of_0_is_none),
        cmocka_unit_test(test_orders_look_like_those_of_a_shop),
        cmocka_unit_test(test_seed_repeats_the_orders),
        cmocka_unit_test(test_ids_differ),
        cmocka_unit_test(test_full_engine_is_waited_for_and_counted),
        cmocka_unit_test(test_stop_ends_every_wait),
        cmocka_unit_test(test_outcomes_may_come_after_stop),
        cmocka_unit_test(test_shares_of_0_are_an_error),
    };

    ORDO_REQUIRE(argc == 2);
    module = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
