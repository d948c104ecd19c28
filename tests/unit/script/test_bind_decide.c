/* SPDX-License-Identifier: MIT
 * test_bind_decide.c: every call of `decide`: what it records, and what it says when it is called wrongly.
 */
#include "fixture.h"

#define AT " @ test rules/10_test.lua:2\n"

static void test_operations_are_recorded(void **state)
{
    static const char *const pairs[][2] = {
        {"decide:discount('d', 100)", "discount d 100" AT},
        {"decide:discount('d', 100, { item = 2 })", "discount d 100 item 2" AT},
        {"decide:discount('d', 0)", ""},
        {"decide:discount('d', 2.0, nil)", "discount d 2" AT},
        {"decide:fee('f', 1)", "fee f 1" AT},
        {"decide:tax('t', 7, { included = true })", "tax t 7 included" AT},
        {"decide:tax('t', 7, { included = false, item = 1 })", "tax t 7 item 1" AT},
        {"decide:pay('card', 100)", "pay card 100" AT},
        {"decide:cap('discount', 50, 'enough') decide:discount('d', 70)",
         "cap discount 50 'enough'" AT "discount d 50 of 70" AT},
        {"decide:cap('fee', 0)", "cap fee" AT},
        {"decide:ship('north', { items = { 1, 3 } })", "ship north #1 #3" AT},
        {"decide:route('express')", "route express" AT},
        {"decide:flag('review', 'score 70') decide:flag('plain')",
         "flag review 'score 70'" AT "flag plain" AT},
        {"decide:note('a remark')", "note 'a remark'" AT},
        {"decide:count('orders') decide:count('sum', 12)", "count orders 1" AT "count sum 12" AT},
        {"decide:set('n', 5) decide:set('s', 'x') decide:set('b', false) decide:set('z', ctx.null)",
         "set n '5'" AT "set s '\"x\"'" AT "set b 'false'" AT "set z 'null'" AT},
        {"decide:set('t', { b = { 1, 2.5, 'x' }, a = {}, ['k\\\"'] = true, c = { ctx.null } })",
         "set t '{\"a\":{},\"b\":[1,2.5,\"x\"],\"c\":[null],\"k\\\"\":true}'" AT},
        {"return decide:fee('tail', 1)", "fee tail 1 @ test rules/10_test.lua:1\n"},
    };
    struct fixture *fixture = *state;
    char expected[1024];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        snprintf(expected, sizeof(expected), "accepted\n%s", pairs[i][1]);
        assert_string_equal(fixture_run(fixture, pairs[i][0]), expected);
    }
}

static void test_reading_back(void **state)
{
    static const char *const pairs[][2] = {
        {"decide:net()", "10198"},
        {"decide:net(2)", "4950"},
        {"(function() decide:discount('d', 200) decide:fee('f', 2) decide:fee('g', 10, { item = 1 }) return "
         "decide:net() end)()",
         "10010"},
        {"(function() decide:discount('d', 198) return decide:net(1) + decide:net(2) + decide:net(3) end)()",
         "10000"},
        {"(function() decide:tax('t', 5) decide:tax('i', 9, { included = true }) return decide:sum('tax') "
         "end)()",
         "5"},
        {"decide:sum('discount') + decide:sum('fee') + decide:sum('pay')", "0"},
        {"decide:get('none')", "nil"},
        {"(function() decide:set('k', 1) decide:set('k', { a = { 1, 'x' } }) return decide:get('k').a[2] "
         "end)()",
         "x"},
        {"(function() decide:set('k', { ctx.null }) return decide:get('k')[1] == ctx.null end)()", "true"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        char body[512], expected[64];

        snprintf(body, sizeof(body), "local v = tostring(%s) decide:note('=' .. v .. '.')", pairs[i][0]);
        snprintf(expected, sizeof(expected), "'=%s.'", pairs[i][1]);
        assert_contains(fixture_run(fixture, body), expected);
    }
}

static void test_wrong_calls_name_the_argument(void **state)
{
    static const char *const pairs[][2] = {
        {"decide.discount('d', 1)", "call it with a colon: decide:discount(...)"},
        {"decide.net()", "call it with a colon: decide:net(...)"},
        {"decide:discont('d', 1)", "decide has no 'discont'; did you mean 'discount'?"},
        {"decide:discount('d', 2.5)",
         "decide:discount: amount must be a whole number of minor units, got 2.5"},
        {"decide:discount('d', '5')",
         "decide:discount: amount must be a whole number of minor units, got \"5\""},
        {"decide:discount('d')",
         "decide:discount: amount must be a whole number of minor units, got nothing"},
        {"decide:discount('d', 0/0)",
         "decide:discount: amount must be a whole number of minor units, got nan"},
        {"local x = order.subtotal - 10198 decide:discount('d', -(x / x))",
         "decide:discount: amount must be a whole number of minor units, got nan"},
        {"decide:discount('d', -2^53 - 2)", "decide:discount: amount is below -9007199254740992"},
        {"decide:discount('d', 1/0)",
         "decide:discount: amount must be a whole number of minor units, got inf"},
        {"decide:discount('d', 2^53 + 2)", "decide:discount: amount is over 9007199254740992"},
        {"decide:discount('d', -5)", "decide:discount: the amount must not be negative, it is -5"},
        {"decide:discount(5, 1)", "decide:discount: label must be a string, got 5"},
        {"decide:discount('', 1)", "decide:discount: label must not be empty"},
        {"decide:fee('f', 1, 5)", "decide:fee: the options must be a table such as {item = 1}, got 5"},
        {"decide:fee('f', 1, { itm = 1 })", "decide:fee: there is no option \"itm\", only item"},
        {"decide:fee('f', 1, { included = true })", "decide:fee: there is no option \"included\", only item"},
        {"decide:tax('f', 1, { included = 1 })", "decide:tax: opts.included must be true or false"},
        {"decide:fee('f', 1, { item = 0 })", "decide:fee: opts.item counts from 1, got 0"},
        {"decide:fee('f', 1, { item = 4 })", "decide:fee: there is no item 4, the order has 3"},
        {"decide:fee('f', 1, { item = 1.5 })",
         "decide:fee: opts.item must be a whole number from 1, got 1.5"},
        {"decide:pay(nil, 1)", "decide:pay: method must be a string, got nothing"},
        {"decide:cap('tip', 1)", "decide:cap: the kind must be discount, fee, tax or pay, it is \"tip\""},
        {"decide:cap('fee', -1)", "decide:cap: the amount must not be negative, it is -1"},
        {"decide:ship('s')",
         "decide:ship: the options must be a table such as {items = {1, 3}}, got nothing"},
        {"decide:ship('s', {})", "decide:ship: opts.items must be a list of item numbers such as {1, 3}"},
        {"decide:ship('s', { items = {} })", "decide:ship: items must name at least one item"},
        {"decide:ship('s', { items = { 1, nil, 3 } })",
         "decide:ship: opts.items must be a list without gaps and other keys, such as {1, 3}"},
        {"decide:ship('s', { items = { 1, also = 3 } })",
         "decide:ship: opts.items must be a list without gaps and other keys, such as {1, 3}"},
        {"decide:ship('s', { items = { 4 } })", "decide:ship: there is no item 4, the order has 3"},
        {"decide:ship('s', { items = { 'x' } })",
         "decide:ship: each of opts.items must be a whole number from 1, got \"x\""},
        {"decide:ship('s', { items = { 1 } }) decide:ship('t', { items = { 1 } })",
         "decide:ship: item 1 is in a shipment already"},
        {"decide:ship('s', { items = { 1 }, fast = true })",
         "decide:ship: there is no option \"fast\", only items"},
        {"decide:route(5)", "decide:route: name must be a string, got 5"},
        {"decide:flag()", "decide:flag: kind must be a string, got nothing"},
        {"decide:note('')", "decide:note: text must not be empty"},
        {"decide:count('k', -1)", "decide:count: amount must not be negative, got -1"},
        {"decide:set('k')", "decide:set: value must not be nil; ctx.null gives null"},
        {"decide:set('k', print)", "decide:set: a function is no JSON value"},
        {"decide:set('k', { 1, x = 2 })",
         "decide:set: a table must be a list (1 to n) or have strings as keys, not both or gaps"},
        {"decide:set('k', { 1, nil, 3 })", "decide:set: a table must be a list"},
        {"decide:set('k', { [true] = 3 })", "decide:set: the keys of a table must be strings"},
        {"decide:set('k', 0/0)", "decide:set: a number is not finite"},
        {"local t = {} t.t = t decide:set('k', t)",
         "decide:set: the table is nested too deeply, or contains itself (limits.depth)"},
        {"decide:set('k', ('x'):rep(4095))",
         "decide:set: the value of \"k\" is over 4096 bytes (limits.attribute_bytes)"},
        {"decide:reject()", "decide:reject: code must be a string, got nothing"},
        {"decide:hold()", "decide:hold: reason must be a string, got nothing"},
        {"decide:retry('soon')",
         "decide:retry: after_ms must be a whole number of milliseconds, got \"soon\""},
        {"decide:retry(-1)", "decide:retry: after_ms must be from 0 to 2592000000 (30 days), got -1"},
        {"decide:retry(2592000001)",
         "decide:retry: after_ms must be from 0 to 2592000000 (30 days), got 2592000001"},
        {"decide:net(0)", "decide:net: items count from 1, got 0"},
        {"decide:net(4)", "decide:net: there is no item 4, the order has 3"},
        {"decide:sum('total')", "decide:sum: kind must be discount, fee, tax or pay, got \"total\""},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        const char *got = fixture_break(fixture, pairs[i][0]);

        if (strncmp(got, pairs[i][1], strlen(pairs[i][1])) != 0)
            fail_msg("%s: %s", pairs[i][0], got);
    }
    assert_contains(fixture_run(fixture, "decide:set('k', ('x'):rep(4094))"), "accepted\nset k '\"xxx");
}

static void test_decide_outside_of_its_order(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(fixture, "lib/keep.lua", "return {}");
    fixture_check(fixture, "local kept = require('keep').decide if kept then pcall(problems.add, problems, "
                           "'x', select(2, pcall(kept.note, "
                           "kept, 'n'))) end");
    fixture_rule(fixture, "require('keep').decide = decide");
    assert_contains(fixture_decide(fixture, ORDER("")), "accepted\n");
    assert_contains(fixture_decide(fixture, ORDER("")),
                    "x: decide:note: a validation script cannot decide; it reports problems");
    fixture_write(fixture, "validation/10_test.lua", NULL);
    /* at load there is no order at all */
    fixture_write(fixture, "lib/keep.lua", "return { print = print, tostring = tostring }");
    fixture_rule(fixture, "local keep = require 'keep' decide:note(keep.tostring(1))");
    assert_contains(fixture_decide(fixture, ORDER("")), "note '1'");
}

static void test_problems_calls(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(fixture, "lib/keep.lua", "return {}");
    fixture_check(fixture, "require('keep').problems = problems");
    assert_string_equal(fixture_break(fixture, "require('keep').problems:add('x', 'y')"),
                        "problems:add: only validation scripts report problems; a rule can decide:reject");
    fixture_rule(fixture, "");
#define CHECK_BREAKS(body, text)                                                                             \
    do {                                                                                                     \
        fixture_check(fixture, body);                                                                        \
        assert_contains(fixture_decide(fixture, ORDER("")), "held: rule error: " text);                      \
    } while (0)
    CHECK_BREAKS("problems.add('x', 'y')", "call it with a colon: problems:add(...)");
    CHECK_BREAKS("problems:add(5, 'y')", "problems:add: field must be a string, got 5");
    CHECK_BREAKS("problems:add('x')", "problems:add: message must be a string, got nothing");
    CHECK_BREAKS("problems:add('x', '')", "problems:add: message must not be empty");
#undef CHECK_BREAKS
}

static void test_operations_limit(void **state)
{
    struct fixture *fixture = *state;

    assert_contains(fixture_break(fixture, "for i = 1, 10001 do decide:fee('f', 1) end"),
                    "decide:fee: more than 10000 operations (limits.operations)");
    assert_contains(fixture_run(fixture, "for i = 1, 10000 do decide:fee('f', 1) end"), "accepted\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_operations_are_recorded),
        FIXTURE_TEST(test_reading_back),
        FIXTURE_TEST(test_wrong_calls_name_the_argument),
        FIXTURE_TEST(test_decide_outside_of_its_order),
        FIXTURE_TEST(test_problems_calls),
        FIXTURE_TEST(test_operations_limit),
    };

    return FIXTURE_RUN_BOTH(tests);
}
