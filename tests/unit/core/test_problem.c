/* SPDX-License-Identifier: MIT
 * test_problem.c: problem documents and JSON pointers.
 */
#include "core/problem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_pointer(const char *field, const char *expected)
{
    struct ordo_buffer out = {0};

    ordo_buffer_append(&out, ORDO_STR("="));
    ordo_problem_pointer(&out, ordo_str_from(field));
    ordo_buffer_put(&out, '\0');
    assert_string_equal(out.ptr + 1, expected);
    ordo_buffer_done(&out);
}

static void test_pointers(void **state)
{
    (void)state;
    assert_pointer("", "");
    assert_pointer("id", "/id");
    assert_pointer("items[2].qty", "/items/1/qty");
    assert_pointer("items[10000]", "/items/9999");
    assert_pointer("a~b/c", "/a~0b~1c");
    assert_pointer("items[0]", "/items[0]"); /* no index from 1: text as any other */
    assert_pointer("items[x]", "/items[x]");
    assert_pointer("items[", "/items[");
}

static void test_a_document(void **state)
{
    struct ordo_problems problems = {0};
    struct ordo_buffer out = {0};
    struct ordo_arena arena;

    (void)state;
    ordo_arena_init(&arena, 4096);
    assert_true(ordo_problems_add(&problems, &arena, ORDO_STR("items[2].qty"), ORDO_STR("must be \"more\""),
                                  ORDO_STR("engine"), ORDO_STR_NONE));
    assert_true(ordo_problems_add(&problems, &arena, ORDO_STR("coupon"), ORDO_STR("is unknown"),
                                  ORDO_STR("coupons"), ORDO_STR("validation/50_coupon.lua:7")));
    assert_int_equal(problems.count, 2);
    ordo_problem_write(&out, ORDO_PROBLEM_INVALID_ORDER, ORDO_STR("2 problems"), ORDO_STR("o-1"), &problems);
    ordo_buffer_put(&out, '\0');
    assert_string_equal(
        out.ptr,
        "{\"type\":\"about:blank\",\"title\":\"The order is not "
        "valid\",\"status\":422,\"code\":\"invalid_order\","
        "\"detail\":\"2 problems\",\"id\":\"o-1\",\"problems\":["
        "{\"field\":\"items[2].qty\",\"pointer\":\"/items/1/qty\",\"message\":\"must be \\\"more\\\"\","
        "\"rule\":\"engine\"},"
        "{\"field\":\"coupon\",\"pointer\":\"/coupon\",\"message\":\"is unknown\",\"rule\":\"coupons\","
        "\"at\":\"validation/50_coupon.lua:7\"}]}");
    ordo_buffer_done(&out);
    ordo_arena_done(&arena);
}

static void test_without_id_and_list(void **state)
{
    struct ordo_buffer out = {0};

    (void)state;
    ordo_problem_write(&out, ORDO_PROBLEM_NOT_FOUND, ORDO_STR("no"), ORDO_STR_NONE, NULL);
    ordo_buffer_put(&out, '\0');
    assert_string_equal(out.ptr,
                        "{\"type\":\"about:blank\",\"title\":\"There is nothing here\",\"status\":404,"
                        "\"code\":\"not_found\",\"detail\":\"no\"}");
    ordo_buffer_done(&out);
}

static void test_a_full_arena(void **state)
{
    struct ordo_problems problems = {0};
    struct ordo_arena arena;

    (void)state;
    ordo_arena_init(&arena, 16);
    assert_false(
        ordo_problems_add(&problems, &arena, ORDO_STR("a"), ORDO_STR("b"), ORDO_STR("c"), ORDO_STR_NONE));
    assert_int_equal(problems.count, 0);
    ordo_arena_done(&arena);
}

static void test_codes_are_unique_and_sorted(void **state)
{
    (void)state;
    for (int i = 1; i < ORDO_PROBLEM_COUNT; i++)
        assert_true(strcmp(ordo_problem_name((enum ordo_problem_code)(i - 1)),
                           ordo_problem_name((enum ordo_problem_code)i)) < 0);
    assert_int_equal(ordo_problem_status(ORDO_PROBLEM_QUEUE_FULL), 503);
    assert_int_equal(ordo_problem_status(ORDO_PROBLEM_STORE_FULL), 507);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pointers),
        cmocka_unit_test(test_a_document),
        cmocka_unit_test(test_without_id_and_list),
        cmocka_unit_test(test_a_full_arena),
        cmocka_unit_test(test_codes_are_unique_and_sorted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
