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
         "\"t\": route: expected \"slow\", got \"express\" (rules/10_r.lua:6)\nFOLDER/tests/r.lua:1: \"t\": "
         "total: "
         "expected 1, got 202 (rules/10_r.lua:6, rules/10_r.lua:6, rules/10_r.lua:6)\n"},
        {"order = { " ITEMS " }, expect = { flags = {} }",
         "\"t\": flags: expected {}, got {\"review\"} (rules/10_r.lua:7)\n"},
        {"order = { " ITEMS " }, expect = { attributes = { score = { a = 1 } } }",
         "\"t\": attributes.score: expected {a = 1}, got {a = 1, b = 2} (rules/10_r.lua:7)\n"},
        {"order = { " ITEMS " }, expect = { operations = { { op = 'route' }, { op = 'discount' } } }",
         "\"t\": operations[2]: expected {op = \"discount\"}, got {{label = \"review\", "},
        {"order = { " ITEMS " }, expect = { shipments = {} }",
         "\"t\": shipments: expected {}, got {{items = {1}, name = \"s\"}} (rules/10_r.lua:7)\n"},
        {"order = { coupon = 'BREAK', " ITEMS " }, expect = { decision = 'accepted' }",
         "\"t\": decision: expected \"accepted\", got \"held\" (rules/10_r.lua:3)\nFOLDER/tests/r.lua:1: "
         "\"t\": a rule broke: "
         "rules/10_r.lua:3: broken coupon\n"},
        {"order = { coupon = 'NO', " ITEMS " }, expect = { code = 'x' }",
         "\"t\": code: expected \"x\", got \"bad_coupon\" (rules/10_r.lua:4)\nFOLDER/tests/r.lua:1: \"t\": "
         "the reason is: no\n"},
        {"order = {}, expect = { total = 5 }",
         "\"t\": total: expected 5, got nothing\nFOLDER/tests/r.lua:1: \"t\": the order is invalid: currency "
         "is required; items is required\n"},
        {"order = {}, expect = { problems = { { field = 'items' } } }",
         "\"t\": problems: expected {{field = \"items\"}}, got {{field = \"currency\", message = \"is "
         "required\"}, "},
        {"order = { " ITEMS " }, expect = { totl = 5 }",
         "\"t\": expect.totl: a decision has no such field\n"},
        {"order = { " ITEMS " }, expect = {}",
         "\"t\": `expect` is empty, so the test shows nothing; name what the decision should have"},
        {"order = { " ITEMS " }", "\"t\": `expect` must be a table such as {decision = \"accepted\"}\n"},
        {"order = { " ITEMS " }, expect = { flags = 5 }", "\"t\": expect.flags must be a table\n"},
        {"order = 5, expect = { total = 1 }", "\"t\": the test needs an order, which is a table\n"},
        {"order = { x = print }, expect = { total = 1 }", "\"t\": order: a function is no JSON value\n"},
        {"order = { " ITEMS " }, expct = {}",
         "\"t\": a test has name, order, now, ctx and expect, but not `expct`\n"},
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
        ordo_buffer_printf(&expected, "%s/tests/r.lua:1: ", fixture->folder);
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
                    "tests/r.lua: \"test 1\": a test must be a table {name = …, order = …, expect = …}");
    assert_int_equal(run(fixture, "return { { order = {} } }", NULL), ORDO_ESCRIPT);
    assert_contains(fixture->errors.ptr, "tests/r.lua: \"test 1\": a test needs a name");
}

#define TEST(name, more) "{ name = '" name "', order = { " ITEMS " }, " more " },\n"

/* A rule that asks for chance twice, once protected. */
static void write_lottery(struct fixture *fixture)
{
    fixture_write(fixture, "rules/10_r.lua",
                  "return { name = 'lottery', apply = function(order, decide, ctx)\n"
                  "  decide:set('a', ctx.random())\n"
                  "  pcall(function()\n"
                  "    decide:set('b', ctx.random(7)) end)\n"
                  "end }");
}

static int run_lottery(struct fixture *fixture, const char *tests)
{
    int code;

    write_lottery(fixture);
    fixture_write(fixture, "tests/r.lua", tests);
    if (fixture_load(fixture) != 0)
        fail_msg("%s", fixture->errors.ptr);
    ordo_buffer_clear(&fixture->errors);
    code = ordo_script_test(fixture->script, &fixture->errors, NULL);
    ordo_buffer_put(&fixture->errors, 0);
    return code;
}

static void test_answers_of_a_test_take_the_place_of_the_world(void **state)
{
    struct fixture *fixture = *state;
    int code = run_lottery(
        fixture,
        "return {\n" TEST("a list",
                          "ctx = { random = { 0.5, 0.25 } }, expect = { attributes = { a = 0.5, b = 0.25 } }")
            TEST("begins anew",
                 "ctx = { random = { 0.125, 0 } }, expect = { attributes = { a = 0.125, b = 0 } }")
                TEST("one for all",
                     "ctx = { random = 0.75 }, expect = { attributes = { a = 0.75, b = 0.75 } }")
                    TEST("a function",
                         "ctx = { random = function(x) return x and x / 8 or 0 end }, expect = { "
                         "attributes = { a = 0, b = 0.875 } }") "}");

    assert_string_equal(fixture->errors.ptr, "");
    assert_int_equal(code, 0);
    /* Outside of tests the numbers come from the order. */
    assert_contains(fixture_decide(fixture, ORDER("")), "set a '0.");
}

static void test_a_call_without_an_answer_fails_the_test(void **state)
{
    static const char *const cases[][2] = {
        {"expect = { decision = 'held' }", "\"t\": the rule \"lottery\" calls ctx.random at "
                                           "rules/10_r.lua:2, and the test has no answer for it; add ctx = { "
                                           "random = { 0.5 } } to the test\n"},
        /* The rule catches that; the test fails all the same. */
        {"ctx = { random = { 0.5 } }, expect = { decision = 'accepted' }",
         "\"t\": the rule \"lottery\" calls ctx.random at rules/10_r.lua:4, and the test has 1 answer, which "
         "is used up; add "
         "one more to its ctx = { random = { … } }\n"},
        {"ctx = { random = { 2 } }, expect = { decision = 'accepted' }",
         "ctx.random: the test's answer must be a number 0 ≤ x < 1, got 2\n"},
        {"ctx = { randm = 1 }, expect = { decision = 'accepted' }",
         "ctx has no call `randm` that a test could answer"},
        {"ctx = { sleep = 1 }, expect = { decision = 'accepted' }",
         "a test does not answer ctx.sleep: leave it out: in a test it passes at once\n"},
        {"ctx = { now = 1 }, expect = { decision = 'accepted' }",
         "a test does not answer ctx.now: write now = 1790000000000 beside ctx"},
        {"ctx = { fetch = 1 }, expect = { decision = 'accepted' }",
         "a test does not answer ctx.fetch: it is not available yet\n"},
        {"ctx = 5, expect = { decision = 'accepted' }", "ctx must be a table of answers"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[512];

        snprintf(text, sizeof(text), "return {\n\n{ name = 't', order = { " ITEMS " }, %s } }", cases[i][0]);
        assert_int_equal(run_lottery(fixture, text), ORDO_ESCRIPT);
        assert_contains(fixture->errors.ptr, "/tests/r.lua:3: \"t\": ");
        assert_contains(fixture->errors.ptr, cases[i][1]);
    }
}

/* Names of what ran, and blocks of what failed. */
static void note(void *context, const struct ordo_test_result *result)
{
    struct ordo_buffer *out = context;

    ordo_buffer_printf(out, "%s:%d " ORDO_STR_FMT " %s\n" ORDO_STR_FMT, result->path, result->line,
                       ORDO_STR_ARG(result->name), result->passed ? "passed" : "failed",
                       (int)result->blocks.len, result->blocks.len > 0 ? result->blocks.ptr : "");
}

static void run_noted(struct fixture *fixture, const char *tests, const char *filter,
                      struct ordo_test_counts *ret_counts)
{
    struct ordo_test_options options = {.filter = filter, .each = note, .context = &fixture->text};

    run(fixture, tests, NULL);
    ordo_buffer_clear(&fixture->text);
    ordo_script_test_each(fixture->script, &options, ret_counts);
    ordo_buffer_put(&fixture->text, 0);
}

static void test_blocks_say_what_differs_and_where_it_was_made(void **state)
{
    static const char *const parts[] = {
        "tests/r.lua:2 t failed\n",
        "=fee\n-expected  6\n+got       5\n from      fee \"f\" 5  (r, FOLDER/rules/10_r.lua:6)\n",
        "=operations[1]\n-amount: expected  11\n+amount: got       10\n from      discount \"d\" 10  (r, "
        "FOLDER/rules/10_r.lua:6)\n",
        "=operations[2]\n-expected  {op = \"pay\"}\n+none like it; behind the one before there are\n",
        "           route \"express\"  (r, FOLDER/rules/10_r.lua:6)\n",
        "=flags\n-[2]: expected  \"fraud\"\n+[2]: got       nothing\n",
        "tests/r.lua:3 u failed\n=problems\n-expected  {field = \"x\"}\n+got       {field = \"currency\"",
    };
    struct fixture *fixture = *state;
    struct ordo_test_counts counts;
    char part[512];

    run_noted(fixture,
              "return {\n" TEST(
                  "t", "expect = { fee = 6, flags = { 'review', 'fraud' }, operations = { { op = 'discount', "
                       "amount = 11 }, { op = 'pay' } } }") "{ name = 'u', order = {}, expect = { problems = "
                                                            "{ { field = 'x' } } } } }",
              NULL, &counts);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        const char *folder = strstr(parts[i], "FOLDER");

        if (folder == NULL)
            snprintf(part, sizeof(part), "%s", parts[i]);
        else
            snprintf(part, sizeof(part), "%.*s%s%s", (int)(folder - parts[i]), parts[i], fixture->folder,
                     folder + 6);
        assert_contains(fixture->text.ptr, part);
    }
    assert_int_equal(counts.failed, 2);
}

static void test_a_cap_is_named_when_it_has_cut(void **state)
{
    struct fixture *fixture = *state;

    for (int limit = 5; limit <= 50; limit += 45) {
        char rule[256];

        snprintf(rule, sizeof(rule),
                 "return { name = 'c', apply = function(order, decide)\n decide:discount('d', 10)\n"
                 "decide:cap('discount', %d, 'so')\n end }",
                 limit);
        fixture_write(fixture, "rules/10_r.lua", rule);
        fixture_write(fixture, "tests/r.lua", "return {\n" TEST("t", "expect = { discount = 1 }") "}");
        assert_int_equal(fixture_load(fixture), 0);
        ordo_buffer_clear(&fixture->errors);
        assert_int_equal(ordo_script_test(fixture->script, &fixture->errors, NULL), ORDO_ESCRIPT);
        ordo_buffer_put(&fixture->errors, 0);
        assert_contains(fixture->errors.ptr, limit == 5
                                                 ? "expected 1, got 5 (rules/10_r.lua:2, rules/10_r.lua:3)\n"
                                                 : "expected 1, got 10 (rules/10_r.lua:2)\n");
    }
}

static void test_filter_takes_names_and_files(void **state)
{
    static const char tests[] =
        "return {\n" TEST("gold", "expect = { fee = 5 }") TEST("silver", "expect = { fee = 5 }") "}";
    struct fixture *fixture = *state;
    struct ordo_test_counts counts;

    run_noted(fixture, tests, "OLD", &counts);
    assert_string_equal(fixture->text.ptr, "tests/r.lua:0 gold passed\n");
    assert_int_equal(counts.all, 2);
    assert_int_equal(counts.run, 1);
    run_noted(fixture, tests, "r.lua", &counts);
    assert_int_equal(counts.run, 2);
    run_noted(fixture, tests, "bronze", &counts);
    assert_int_equal(counts.run, 0);
    assert_int_equal(counts.files, 1);
}

static void test_a_test_is_found_by_its_name(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_test_counts counts;

    run_noted(fixture,
              "local texts = { 'one' }\n"
              "local function test(text) return { name = text, order = {}, expect = { fee = 1 } } end\n"
              "return {\n"
              "test 'two',\n"
              "{ name = \"one\", order = {}, expect = { fee = 1 } },\n"
              "test('th' .. 'ree'), }",
              NULL, &counts);
    assert_contains(fixture->text.ptr, "tests/r.lua:4 two failed");
    assert_contains(fixture->text.ptr, "tests/r.lua:5 one failed");
    assert_contains(fixture->text.ptr, "tests/r.lua:0 three failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_right_expectations_pass),
        FIXTURE_TEST(test_failures_say_what_differs),
        FIXTURE_TEST(test_lists_that_are_none),
        FIXTURE_TEST(test_answers_of_a_test_take_the_place_of_the_world),
        FIXTURE_TEST(test_a_call_without_an_answer_fails_the_test),
        FIXTURE_TEST(test_blocks_say_what_differs_and_where_it_was_made),
        FIXTURE_TEST(test_a_cap_is_named_when_it_has_cut),
        FIXTURE_TEST(test_filter_takes_names_and_files),
        FIXTURE_TEST(test_a_test_is_found_by_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
