/* SPDX-License-Identifier: MIT
 * test_budget.c: runs that are ended when they take too long, and what each rule takes of one.
 */
#include "fixture.h"

#include "core/money.h"

static void test_rules_without_end_are_ended(void **state)
{
    static const char *const bodies[] = {
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "repeat local ok = pcall(error, 'x') until ok",
        "local function f() return f() end f()",
        "coroutine.wrap(function() while true do end end)()",
        "while true do ctx.sleep(1000) end",
        "local t = setmetatable({}, { __index = function(t, k) while true do end end }) return t.x",
        "for i = 1, math.huge do decide:sum('fee') end",
    };
    struct fixture *fixture = *state;
    struct ordo_script_order order = {.id = ORDO_STR("o-1"), .attempt = 1};
    struct ordo_buffer text = {0};

    fixture->options.jit = false;
    fixture_restart(fixture);
    ordo_script_limit(fixture->script, 20000000);
    ordo_buffer_append(&text, ORDO_STR(ORDER("")));
    memset(ordo_buffer_reserve(&text, ORDO_JSON_PADDING), 0, ORDO_JSON_PADDING);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        struct ordo_run *run;

        fixture_rule(fixture, bodies[i]);
        assert_int_equal(ordo_json_parse(fixture->parser, text.ptr, text.len, NULL), 0);
        order.root = ordo_json_root(fixture->parser);
        run = ordo_script_decide(fixture->script, &order);
        assert_true(ordo_script_ran_out(fixture->script));
        assert_true(run->broke);
        assert_contains(run->error.message, "the rules took longer than 20 ms");
        ordo_script_finish(fixture->script, run);
        /* and the next one goes as ever */
        fixture_rule(fixture, "decide:note('well')");
        assert_int_equal(ordo_json_parse(fixture->parser, text.ptr, text.len, NULL), 0);
        order.root = ordo_json_root(fixture->parser);
        run = ordo_script_decide(fixture->script, &order);
        assert_false(ordo_script_ran_out(fixture->script));
        assert_false(run->broke);
        ordo_script_finish(fixture->script, run);
    }
    ordo_buffer_done(&text);
}

/* The check and the rule that ends the evaluation ran, the one behind it did not; only one of them allocates. */
static void test_costs_are_those_of_each_rule(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_script_cost costs[4] = {{0}};
    struct ordo_script_order order = {.id = ORDO_STR("o-1"), .attempt = 1, .costs = costs};
    struct ordo_buffer text = {0};
    struct ordo_run *run;

    fixture_check(fixture, "");
    fixture_write(fixture, "rules/20_large.lua",
                  "return { name = 'large', apply = function(order, decide, ctx) "
                  "local t = {} for i = 1, 10000 do t[i] = i end ctx.sleep(1) "
                  "for i = 10001, 20000 do t[i] = i end decide:reject('no', 'no') end }");
    fixture_write(fixture, "rules/30_behind.lua", "return { apply = function() end }");
    fixture_rule(fixture, "");
    ordo_buffer_append(&text, ORDO_STR(ORDER("")));
    memset(ordo_buffer_reserve(&text, ORDO_JSON_PADDING), 0, ORDO_JSON_PADDING);
    assert_int_equal(ordo_json_parse(fixture->parser, text.ptr, text.len, NULL), 0);
    order.root = ordo_json_root(fixture->parser);
    run = ordo_script_decide(fixture->script, &order);
    assert_int_equal(run->decision.verdict, ORDO_VERDICT_REJECTED);
    assert_true(costs[0].ran && costs[1].ran && costs[2].ran && !costs[3].ran);
    assert_true(costs[2].bytes > 20000 * 8); /* both halves */
    assert_true(costs[1].bytes < 4096);
    assert_true(costs[0].ns > 0 && costs[2].ns > 0);
    assert_int_equal(costs[3].ns, 0);
    assert_int_equal(costs[3].bytes, 0);
    ordo_script_finish(fixture->script, run);
    ordo_buffer_done(&text);
}

/* The rules' module and the engine's own sentences write amounts alike. */
static void test_currencies_are_those_of_the_rules(void **state)
{
    struct fixture *fixture = *state;
    char code[4] = "", call[64], expected[8];

    for (int i = 0; i < 26 * 26 * 26; i++) {
        code[0] = (char)('A' + i / 676);
        code[1] = (char)('A' + i / 26 % 26);
        code[2] = (char)('A' + i % 26);
        if (ordo_money_decimals(ordo_str_from(code)) == 2)
            continue;
        snprintf(call, sizeof(call), "require('money').exponent('%s')", code);
        snprintf(expected, sizeof(expected), "%d", ordo_money_decimals(ordo_str_from(code)));
        assert_string_equal(fixture_value(fixture, call), expected);
    }
    /* as many as Lua's table has */
    assert_string_equal(
        fixture_value(fixture,
                      "(function() local money, n = require('money'), 0 for a = 65, 90 do for b = 65, 90 do "
                      "for c = 65, 90 do if money.exponent(string.char(a, b, c)) ~= 2 then n = n + 1 end "
                      "end end end return n end)()"),
        "26");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_rules_without_end_are_ended),
        FIXTURE_TEST(test_costs_are_those_of_each_rule),
        FIXTURE_TEST(test_currencies_are_those_of_the_rules),
    };

    return FIXTURE_RUN_BOTH(tests);
}
