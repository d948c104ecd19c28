/* SPDX-License-Identifier: MIT
 * test_test_run.c: the tests that rule sets bring along: what passes, and what a failure says.
 */
#include "fixture.h"

#define RULE                                                                                                 \
    "return { name = 'r', apply = function(order, decide, ctx)\n"                                            \
    "  ctx.sleep(3600000)\n"                                                                                 \
    "  if order.coupon == 'BREAK' then error('broken coupon') end\n"                                         \
    "  if order.coupon == 'NO' then decide:reject('bad_coupon', 'no') end\n"                                 \
    "  if order.coupon == 'LATER' then decide:retry(500, 'busy') end\n"                                      \
    "  decide:discount('d', 10) decide:fee('f', 5) decide:tax('t', 7) decide:route('express')\n"             \
    "  decide:flag('review', 'why') decide:set('score', { a = 1, b = 2 }) decide:ship('s', { items = { 1 } " \
    "})\n"                                                                                                   \
    "end }"
#define ITEMS "currency = 'EUR', items = { { sku = 'A', qty = 2, price = 100 } }"

static int run(struct fixture *fixture, const char *tests, size_t *ret_count)
{
    int code;

    fixture_write(fixture, "rules/10_r.lua", RULE);
    fixture_write(fixture, "tests/r.lua", tests);
    if (fixture_load(fixture) != 0)
        fail_msg("%s", fixture->errors.ptr);
    ordo_buffer_clear(&fixture->errors);
    code = ordo_script_test(fixture->script, &fixture->errors, ret_count);
    ordo_buffer_put(&fixture->errors, 0);
    return code;
}

static void test_right_expectations_pass(void **state)
{
    struct fixture *fixture = *state;
    size_t count = 0;
    int code = run(
        fixture,
        "return {\n"
        "{ name = 'all', order = { " ITEMS
        " }, now = 5, expect = { decision = 'accepted', subtotal = 200, discount = 10,\n"
        "  fee = 5, tax = 7, total = 202, paid = 0, due = 202, route = 'express', flags = { 'review' },\n"
        "  attributes = { score = { a = 1, b = 2 } }, shipments = { { name = 's', items = { 1 } } }, "
        "priority = 'medium',\n"
        "  operations = { { op = 'discount', amount = 10 }, { op = 'route', label = 'express' } } } },\n"
        "{ name = 'reject', order = { coupon = 'NO', " ITEMS
        " }, expect = { decision = 'rejected', code = 'bad_coupon' } },\n"
        "{ name = 'retry', order = { coupon = 'LATER', " ITEMS
        " }, expect = { decision = 'retry', retry_after_ms = 500 } },\n"
        "{ name = 'held', order = { coupon = 'BREAK', " ITEMS
        " }, expect = { decision = 'held', reason = 'rule error: broken coupon' } },\n"
        "{ name = 'invalid', order = { items = { { sku = 'A', qty = 0, price = 1 } } }, expect = { decision "
        "= 'invalid',\n"
        "  problems = { { field = 'items[1].qty' }, { field = 'currency', message = 'is required' } } } },\n"
        "}",
        &count);

    assert_string_equal(fixture->errors.ptr, "");
    assert_int_equal(code, 0);
    assert_int_equal(count, 5);
}

static void test_failures_say_what_differs(void **state)
{
    static const char *const cases[][2] = {
        {"order = { " ITEMS " }, expect = { total = 1, route = 'slow' }",
         "\"t\": route: expected \"slow\", got \"express\"\nFOLDER/tests/r.lua: \"t\": total: expected 1, "
         "got 202\n"},
        {"order = { " ITEMS " }, expect = { flags = {} }", "\"t\": flags: expected {}, got {\"review\"}\n"},
        {"order = { " ITEMS " }, expect = { attributes = { score = { a = 1 } } }",
         "\"t\": attributes.score: expected {a = 1}, got {a = 1, b = 2}\n"},
        {"order = { " ITEMS " }, expect = { operations = { { op = 'route' }, { op = 'discount' } } }",
         "\"t\": operations[2]: expected {op = \"discount\"}, got {{amount = 10, "},
        {"order = { " ITEMS " }, expect = { shipments = {} }",
         "\"t\": shipments: expected {}, got {{items = {1}, name = \"s\"}}\n"},
        {"order = { coupon = 'BREAK', " ITEMS " }, expect = { decision = 'accepted' }",
         "\"t\": decision: expected \"accepted\", got \"held\"\nFOLDER/tests/r.lua: \"t\": a rule broke: "
         "rules/10_r.lua:3: broken coupon\n"},
        {"order = { coupon = 'NO', " ITEMS " }, expect = { code = 'x' }",
         "\"t\": code: expected \"x\", got \"bad_coupon\"\nFOLDER/tests/r.lua: \"t\": the reason is: no\n"},
        {"order = {}, expect = { total = 5 }",
         "\"t\": total: expected 5, got nothing\nFOLDER/tests/r.lua: \"t\": the order is invalid: currency "
         "is required; items is required\n"},
        {"order = {}, expect = { problems = { { field = 'items' } } }",
         "\"t\": problems: expected {{field = \"items\"}}, got {{field = \"currency\", message = \"is "
         "required\"}, "},
        {"order = { " ITEMS " }, expect = { totl = 5 }",
         "\"t\": expect.totl: a decision has no such field\n"},
        {"order = { " ITEMS " }, expect = {}", "\"t\": `expect` is empty, so the test shows nothing\n"},
        {"order = { " ITEMS " }", "\"t\": `expect` must be a table such as {decision = \"accepted\"}\n"},
        {"order = { " ITEMS " }, expect = { flags = 5 }", "\"t\": expect.flags must be a table\n"},
        {"order = 5, expect = { total = 1 }", "\"t\": the test needs an order, which is a table\n"},
        {"order = { x = print }, expect = { total = 1 }", "\"t\": order: a function is no JSON value\n"},
        {"order = { " ITEMS " }, expct = {}",
         "\"t\": a test has name, order, now and expect, but not `expct`\n"},
        {"order = { " ITEMS " }, now = 1.5, expect = { total = 1 }",
         "\"t\": test: now must be a whole number of milliseconds, got 1.5\n"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct ordo_buffer expected = {0};
        const char *at = cases[i][1], *folder;
        char text[512];

        snprintf(text, sizeof(text), "return { { name = 't', %s } }", cases[i][0]);
        assert_int_equal(run(fixture, text, NULL), ORDO_ESCRIPT);
        ordo_buffer_printf(&expected, "%s/tests/r.lua: ", fixture->folder);
        for (; (folder = strstr(at, "FOLDER")) != NULL; at = folder + 6)
            ordo_buffer_printf(&expected, "%.*s%s", (int)(folder - at), at, fixture->folder);
        ordo_buffer_printf(&expected, "%s", at);
        if (strncmp(fixture->errors.ptr, expected.ptr, expected.len) != 0)
            fail_msg("%s\nwanted: %.*s", fixture->errors.ptr, (int)expected.len, expected.ptr);
        ordo_buffer_done(&expected);
    }
}

static void test_lists_that_are_none(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(run(fixture, "return { name = 'one', order = {} }", NULL), ORDO_ESCRIPT);
    assert_contains(fixture->errors.ptr, "tests/r.lua: the file must return a list of tests");
    assert_int_equal(run(fixture, "return { 5 }", NULL), ORDO_ESCRIPT);
    assert_contains(fixture->errors.ptr,
                    "tests/r.lua: test 1: a test must be a table {name = …, order = …, expect = …}");
    assert_int_equal(run(fixture, "return { { order = {} } }", NULL), ORDO_ESCRIPT);
    assert_contains(fixture->errors.ptr, "tests/r.lua: test 1: a test needs a name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_right_expectations_pass),
        FIXTURE_TEST(test_failures_say_what_differs),
        FIXTURE_TEST(test_lists_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
