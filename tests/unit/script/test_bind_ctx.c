/* SPDX-License-Identifier: MIT
 * test_bind_ctx.c: time, random numbers and waiting.
 */
#include "fixture.h"

#include "base/clock.h"

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

/* What the rules were told stands in the decision: now once, each number and each wait. */
static void test_answers_are_kept_with_the_decision(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_decision_facts facts = {.id = ORDO_STR("o-1"), .revision = 1};
    struct ordo_buffer out = {0};
    struct ordo_run *run;

    fixture_check(fixture, "ctx.now()");
    fixture_rule(fixture, "ctx.now()\nctx.random() ctx.sleep(0)\nctx.sleep(1)");
    run = fixture_start_as(fixture, ORDER(""), 1, 1764138511000);
    ordo_script_resume(fixture->script, run);
    ordo_decision_write(&run->decision, &facts, &out);
    ordo_buffer_put(&out, '\0');
    assert_contains(
        out.ptr,
        "\"operations\":[],\"ctx\":["
        "{\"call\":\"now\",\"answer\":1764138511000,\"rule\":\"check\",\"at\":\"validation/10_test.lua:2\"},"
        "{\"call\":\"random\",\"answer\":0.13641145799687904,\"rule\":\"test\",\"at\":\"rules/"
        "10_test.lua:3\"},"
        "{\"call\":\"sleep\",\"answer\":1,\"rule\":\"test\",\"at\":\"rules/10_test.lua:4\"}],\"attempt\":");
    fixture_finish(fixture, run);
    /* of many the first are kept and the others counted */
    fixture_check(fixture, "");
    fixture_rule(fixture, "for i = 1, 1000 do ctx.random() end");
    assert_contains(fixture_json(fixture, ORDER("")), "],\"ctx_more\":900,\"attempt\":");
    fixture_rule(fixture, "");
    assert_null(strstr(fixture_json(fixture, ORDER("")), "\"ctx"));
    ordo_buffer_done(&out);
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
    assert_string_equal(fixture_break(fixture, "ctx:sleep(5)"), "call it with a dot: ctx.sleep(...)");
    assert_string_equal(fixture_break(fixture, "ctx.sleep(ctx.null)"),
                        "ctx.sleep: ms must be a whole number of milliseconds, got null");
    assert_string_equal(fixture_break(fixture, "ctx:now()"), "(it did not break)");
    assert_string_equal(fixture_break(fixture, "ctx.fetch {}"), "ctx.fetch is not available yet");
    assert_string_equal(fixture_break(fixture, "ctx.count('k', 1)"), "ctx.count is not available yet");
    assert_string_equal(fixture_break(fixture, "ctx.clock()"), "ctx has no 'clock'");
}

static void test_lookup_reads_tables(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(fixture, "data/tax.csv", "code,rate:number\nDE,1900\n7,2\n");
    fixture_write(fixture, "data/limits.json",
                  "{\"DE\":{\"max\":[1,2.5,null]},\"one\":1,\"none\":null,\"t\":\"x\"}");
    for (int i = 0; i < 100; i++) /* compiled by then */
        assert_string_equal(fixture_value(fixture, "ctx.lookup('tax', 'DE').rate"), "1900");
    assert_string_equal(fixture_value(fixture, "ctx.lookup('tax', 7).rate"), "2");
    assert_string_equal(fixture_value(fixture, "ctx.lookup('tax', 7).code"), "7");
    assert_string_equal(fixture_value(fixture, "ctx.lookup('tax', 'FR')"), "nil");
    assert_string_equal(fixture_value(fixture, "ctx.lookup('tax', order.coupon)"), "nil");
    assert_string_equal(fixture_value(fixture, "ctx.lookup('limits', 'DE').max[2]"), "2.5");
    assert_string_equal(fixture_value(fixture, "ctx.lookup('limits', 'DE').max[3] == ctx.null"), "true");
    assert_string_equal(fixture_value(fixture, "ctx.lookup('limits', 'one')"), "1");
    assert_string_equal(fixture_value(fixture, "ctx.lookup('limits', 't')"), "x");
    assert_string_equal(fixture_value(fixture, "ctx.lookup('limits', 'none')"), "nil");
    /* What a script does to a row is its own. */
    assert_string_equal(fixture_run(fixture, "ctx.lookup('tax', 'DE').rate = 1\n"
                                             "decide:note(tostring(ctx.lookup('tax', 'DE').rate))"),
                        "accepted\nnote '1900' @ test rules/10_test.lua:3\n");
}

static void test_lookups_that_are_wrong(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(fixture_break(fixture, "ctx.lookup('tax', 'DE')"),
                        "ctx.lookup: there is no table \"tax\": data/ has none; add data/tax.csv or .json");
    fixture_write(fixture, "data/tax.csv", "code,rate:number\nDE,1900\n");
    assert_string_equal(fixture_break(fixture, "ctx.lookup('taxs', 'DE')"),
                        "ctx.lookup: there is no table \"taxs\"; did you mean \"tax\"?");
    assert_string_equal(fixture_break(fixture, "ctx.lookup('weights', 'DE')"),
                        "ctx.lookup: there is no table \"weights\"; add data/weights.csv or .json");
    assert_string_equal(fixture_break(fixture, "ctx:lookup('tax', 'DE')"),
                        "call it with a dot: ctx.lookup(...)");
    assert_string_equal(fixture_break(fixture, "ctx.lookup('tax')"),
                        "ctx.lookup: key must be a string, got nothing");
    assert_string_equal(fixture_break(fixture, "ctx.lookup('tax', {})"),
                        "ctx.lookup: key must be a string, got a table");
    assert_string_equal(fixture_break(fixture, "ctx.lookup('tax', 1.5)"),
                        "ctx.lookup: key must be a whole number, got 1.5");
    assert_string_equal(fixture_break(fixture, "ctx.lookup(nil, 'DE')"),
                        "ctx.lookup: table must be a string, got nothing");
}

/* Breaks the rule by waiting; then the same script decides as if nothing had been. */
static void assert_cannot_wait(struct fixture *fixture, const char *body, const char *where)
{
    char expected[512];

    snprintf(expected, sizeof(expected),
             "held: rule error: ctx.sleep: cannot wait inside of %s\nhold 'rule error: ctx.sleep: cannot "
             "wait inside "
             "of %s' @ test rules/10_test.lua:2\n",
             where, where);
    for (int i = 0; i < 100; i++) /* compiled by then */
        assert_string_equal(fixture_run(fixture, body), expected);
    assert_string_equal(fixture_run(fixture, "ctx.sleep(1) decide:note('fine')"),
                        "accepted\nnote 'fine' @ test rules/10_test.lua:2\n");
}

static void test_where_lua_cannot_wait_the_error_says_so(void **state)
{
    static const char *const sort[] = {
        "table.sort({ 1, 2 }, function() ctx.sleep(1) end)",
        "return table.sort({ 1, 2 }, function() ctx.sleep(1) end)",
        "local f = table.sort f({ 1, 2 }, function() assert(pcall(ctx.sleep, 1)) end)",
        "local m = setmetatable({}, { __lt = function() ctx.sleep(1) end }) table.sort { m, m }",
    };
    static const char *const gsub[] = {
        "return (order.id:gsub('o', function() ctx.sleep(1) end))",
        "local s = string.gsub('abc', 'b', function() for i = 1, 2 do ctx.sleep(i) end end)",
        "local t = setmetatable({}, { __index = function() ctx.sleep(1) end }) string.gsub('abc', 'b', t)",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(sort) / sizeof(*sort); i++)
        assert_cannot_wait(fixture, sort[i], "what table.sort calls; wait before it");
    for (size_t i = 0; i < sizeof(gsub) / sizeof(*gsub); i++)
        assert_cannot_wait(fixture, gsub[i], "what string.gsub calls; wait before it");
    assert_cannot_wait(fixture, "coroutine.wrap(function() ctx.sleep(1) end)()",
                       "a coroutine of the script's own");
    assert_contains(
        fixture_run(fixture, "xpcall(error, function() local _, e = pcall(ctx.sleep, 1) decide:note(e) end)"),
        "note 'ctx.sleep: cannot wait inside of an error handler, or what print calls; wait before it'");
}

/* Whoever caught the error goes on, and may wait afterwards. */
static void test_an_error_about_waiting_can_be_caught(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_run *run;

    fixture_rule(fixture, "assert(not pcall(table.sort, { 1, 2 }, function() ctx.sleep(1) end))\n"
                          "ctx.sleep(7) decide:note('waited')");
    run = fixture_start(fixture, ORDER(""));
    assert_int_equal(run->state, ORDO_RUN_WAITING);
    ordo_script_resume(fixture->script, run);
    assert_false(run->broke);
    assert_true(ordo_str_equal(run->decision.operations[0].text, ORDO_STR("waited")));
    fixture_finish(fixture, run);
}

/* Everything else may wait in the middle: LuaJIT runs it without C between. */
static void test_waiting_in_metamethods_iterators_and_protected_calls(void **state)
{
    static const char *const bodies[] = {
        "local function it(_, i) if not i then ctx.sleep(1) return 1 end end\nfor i in it do n = n + i end",
        "for k, v in pairs { 1 } do ctx.sleep(1) n = n + v end",
        "local t = setmetatable({}, { __index = function() ctx.sleep(1) return 1 end }) n = t.x",
        "local t = setmetatable({}, { __newindex = function() ctx.sleep(1) n = 1 end }) t.x = 1",
        "local t = setmetatable({}, { __add = function() ctx.sleep(1) return 1 end }) n = t + 1",
        "local t = setmetatable({}, { __concat = function() ctx.sleep(1) return 1 end }) n = t .. 'x'",
        "local m = { __eq = function() ctx.sleep(1) return true end }\n"
        "if setmetatable({}, m) == setmetatable({}, m) then n = 1 end",
        "local t = setmetatable({}, { __lt = function() ctx.sleep(1) return true end }) if t < t then n = 1 "
        "end",
        "local t = setmetatable({}, { __call = function() ctx.sleep(1) return 1 end }) n = t()",
        "n = tonumber(tostring(setmetatable({}, { __tostring = function() ctx.sleep(1) return '1' end })))",
        "n = tonumber(('%s'):format(setmetatable({}, { __tostring = function() ctx.sleep(1) return '1' end "
        "})))",
        "pcall(function() ctx.sleep(1) n = 1 end)",
        "xpcall(function() ctx.sleep(1) n = 1 end, error)",
        "n = require('list').sort({ 1, 1 }, function() ctx.sleep(1) return false end)[1]",
    };
    struct fixture *fixture = *state;
    char body[512];

    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        struct ordo_run *run;

        snprintf(body, sizeof(body), "local n = 0\n%s\ndecide:count('n', n)", bodies[i]);
        fixture_rule(fixture, body);
        run = fixture_start(fixture, ORDER(""));
        if (run->state != ORDO_RUN_WAITING)
            fail_msg("%s: did not wait: %s", bodies[i], run->broke ? run->error.message : "");
        while (run->state == ORDO_RUN_WAITING)
            ordo_script_resume(fixture->script, run);
        if (run->decision.count != 1 || run->decision.operations[0].amount != 1)
            fail_msg("%s: %s", bodies[i], run->broke ? run->error.message : "not one count");
        fixture_finish(fixture, run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_now_is_that_of_the_attempt),
        FIXTURE_TEST(test_random_is_seeded_by_order_and_attempt),
        FIXTURE_TEST(test_answers_are_kept_with_the_decision),
        FIXTURE_TEST(test_sleep_gives_the_thread_back),
        FIXTURE_TEST(test_lookup_reads_tables),
        FIXTURE_TEST(test_lookups_that_are_wrong),
        FIXTURE_TEST(test_wrong_calls),
        FIXTURE_TEST(test_where_lua_cannot_wait_the_error_says_so),
        FIXTURE_TEST(test_an_error_about_waiting_can_be_caught),
        FIXTURE_TEST(test_waiting_in_metamethods_iterators_and_protected_calls),
    };

    return FIXTURE_RUN_BOTH(tests);
}
