/* SPDX-License-Identifier: MIT
 * test_bind_ctx.c: time, random numbers and waiting.
 */
#include "fixture.h"

#include <stdio.h>

#include "base/clock.h"

static int jit;

static int setup(void **state)
{
    static struct fixture fixture;

    fixture_init(&fixture, jit);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_done(*state);
    return 0;
}

static void test_now_is_that_of_the_attempt(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_run *run;

    fixture_rule(fixture, "local before = ctx.now() ctx.sleep(1) assert(ctx.now() == before) "
                          "decide:note(('%d'):format(before))");
    run = fixture_start_as(fixture, ORDER(""), 1, 1234567890123);
    ordo_script_resume(fixture->script, run);
    assert_true(ordo_str_equal(run->decision.operations[0].text, ORDO_STR("1234567890123")));
    fixture_finish(fixture, run);
}

static void draw(struct fixture *fixture, const char *order, uint32_t attempt, char *out, size_t size)
{
    struct ordo_run *run = fixture_start_as(fixture, order, attempt, 0);

    assert_false(run->broke);
    snprintf(out, size, ORDO_STR_FMT, ORDO_STR_ARG(run->decision.operations[0].text));
    fixture_finish(fixture, run);
}

static void test_random_is_seeded_by_order_and_attempt(void **state)
{
    struct fixture *fixture = *state;
    char first[256], again[256], attempt[256], other[256];

    fixture_rule(
        fixture,
        "local sum = 0 for i = 1, 1000 do local x = ctx.random() assert(x >= 0 and x < 1) sum = sum + x end\n"
        "assert(sum > 400 and sum < 600) decide:note(('%.17g %.17g'):format(ctx.random(), ctx.random()))");
    draw(fixture, ORDER(""), 1, first, sizeof(first));
    draw(fixture, ORDER("\"x\":1,"), 1, again, sizeof(again));
    draw(fixture, ORDER(""), 2, attempt, sizeof(attempt));
    draw(fixture, "{\"id\":\"o-2\",\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":1,\"price\":1}]}",
         1, other, sizeof(other));
    assert_string_equal(first, again);
    assert_string_not_equal(first, attempt);
    assert_string_not_equal(first, other);
    /* and in another state, at another time: a replay gives this again */
    fixture_rule(fixture, "decide:note(('%.17g'):format(ctx.random()))");
    draw(fixture, ORDER(""), 1, first, sizeof(first));
    assert_string_equal(first, "0.13641145799687904");
}

static void test_sleep_gives_the_thread_back(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_run *runs[100];

    fixture_rule(fixture, "ctx.sleep(20) pcall(ctx.sleep, 30) decide:note(order.id)");
    for (int i = 0; i < 100; i++) {
        int64_t before = ordo_clock_ns();

        runs[i] = fixture_start(fixture, ORDER(""));
        assert_int_equal(runs[i]->state, ORDO_RUN_WAITING);
        assert_true(runs[i]->wake_ns >= before + 20000000 && runs[i]->wake_ns <= ordo_clock_ns() + 20000000);
    }
    for (int i = 99; i >= 0; i--) {
        int64_t before = ordo_clock_ns();

        ordo_script_resume(fixture->script, runs[i]);
        assert_int_equal(runs[i]->state, ORDO_RUN_WAITING);
        assert_true(runs[i]->wake_ns >= before + 30000000);
    }
    for (int i = 0; i < 100; i++) {
        ordo_script_resume(fixture->script, runs[i]);
        assert_int_equal(runs[i]->state, ORDO_RUN_DECIDED);
        assert_int_equal(runs[i]->decision.count, 1);
        assert_true(runs[i]->blocked_ns > 0);
        fixture_finish(fixture, runs[i]);
    }
    assert_string_equal(fixture_value(fixture, "ctx.sleep(0)"), "nil"); /* does not wait */
}

static void test_wrong_calls(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(fixture_break(fixture, "ctx.sleep(1.5)"),
                        "ctx.sleep: ms must be a whole number of milliseconds, got 1.5");
    assert_string_equal(fixture_break(fixture, "ctx.sleep(-1)"),
                        "ctx.sleep: ms must be from 0 to 86400000, got -1");
    assert_string_equal(fixture_break(fixture, "ctx.sleep(86400001)"),
                        "ctx.sleep: ms must be from 0 to 86400000, got 86400001");
    assert_string_equal(fixture_break(fixture, "ctx.sleep()"),
                        "ctx.sleep: ms must be a whole number of milliseconds, got nothing");
    assert_string_equal(fixture_break(fixture, "ctx:now()"), "(it did not break)");
    assert_string_equal(fixture_break(fixture, "ctx.fetch {}"), "ctx.fetch is not available yet");
    assert_string_equal(fixture_break(fixture, "ctx.lookup('t', 'k')"), "ctx.lookup is not available yet");
    assert_string_equal(fixture_break(fixture, "ctx.count('k', 1)"), "ctx.count is not available yet");
    assert_string_equal(fixture_break(fixture, "ctx.clock()"), "ctx has no 'clock'");
    /* waiting in a comparator would have to leave a C function in the middle */
    assert_contains(fixture_break(fixture, "table.sort({ 1, 2 }, function() ctx.sleep(1) end)"),
                    "attempt to yield across C-call boundary");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_now_is_that_of_the_attempt),
        TEST(test_random_is_seeded_by_order_and_attempt),
        TEST(test_sleep_gives_the_thread_back),
        TEST(test_wrong_calls),
    };
    int failed = 0;

    for (jit = 0; jit <= 1; jit++)
        failed += cmocka_run_group_tests_name(jit ? "ctx, compiled" : "ctx, interpreted", tests, NULL, NULL);
    return failed;
}
