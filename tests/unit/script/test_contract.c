/* SPDX-License-Identifier: MIT
 * test_contract.c: what docs/rules.md promises, seen from both ends: an order goes in as JSON, rules speak, and the
 * decision comes out as clients get it. The other tests of this folder hold one file of script/ each.
 */
#include "fixture.h"

/* The rule with this body makes a decision whose JSON has each of the parts, which NULL ends. */
static void assert_decides(struct fixture *fixture, const char *body, const char *const *parts)
{
    const char *json;

    fixture_rule(fixture, body);
    json = fixture_json(fixture, ORDER(""));
    for (; *parts != NULL; parts++)
        if (strstr(json, *parts) == NULL)
            fail_msg("%s: \"%s\" is not in: %s", body, *parts, json);
}

#define DECIDES(fixture, body, ...) assert_decides(fixture, body, (const char *const[]){__VA_ARGS__, NULL})
#define AT ",\"rule\":\"test\",\"at\":\"rules/10_test.lua:"

static void test_totals_are_sums_of_operations(void **state)
{
    struct fixture *fixture = *state;

    /* 101.98 - 1.98 + 5.00 + 20.00 = 125.00, of which 25.00 are paid; 7.00 of tax are in the prices */
    DECIDES(fixture,
            "decide:discount('d', 98) decide:discount('e', 100, { item = 2 }) decide:fee('f', 500)\n"
            "decide:tax('t', 2000) decide:tax('in', 700, { included = true }) decide:pay('card', 2500)",
            "\"subtotal\":10198,\"discount\":198,\"fee\":500,\"tax\":2000,\"total\":12500,\"paid\":2500,"
            "\"due\":10000,",
            "{\"op\":\"discount\",\"label\":\"e\",\"amount\":100,\"item\":2" AT "2\"}",
            "{\"op\":\"tax\",\"label\":\"in\",\"amount\":700,\"included\":true" AT "3\"}");
    DECIDES(fixture, "decide:discount('d', 0) decide:fee('f', 0) decide:tax('t', 0) decide:pay('p', 0)",
            "\"total\":10198,\"paid\":0,\"due\":10198,", "\"operations\":[]");
    DECIDES(fixture, "decide:pay('card', order.subtotal)", "\"total\":10198,\"paid\":10198,\"due\":0,");
}

static void test_the_total_is_checked_at_the_end_only(void **state)
{
    struct fixture *fixture = *state;

    DECIDES(fixture,
            "decide:discount('d', 20000) decide:pay('p', 50) decide:note(decide:net() .. '') decide:fee('f', "
            "9852)",
            "\"decision\":\"accepted\"", "\"text\":\"-9802\"", "\"total\":50,\"paid\":50,\"due\":0,");
}

static void test_a_cap_limits_what_was_given_and_what_will_be(void **state)
{
    struct fixture *fixture = *state;

    /* 30 + 40 + 50 are cut to 100 from the newest backwards; of 10 more nothing is left */
    DECIDES(fixture,
            "decide:discount('a', 30) decide:discount('b', 40, { item = 1 }) decide:discount('c', 50)\n"
            "decide:cap('discount', 100, 'enough') decide:discount('d', 10)\n"
            "decide:note(decide:sum('discount') .. ' ' .. decide:net(1) + decide:net(2) + decide:net(3) - "
            "decide:net())",
            "\"label\":\"a\",\"amount\":30" AT, "\"label\":\"b\",\"amount\":40,\"item\":1" AT,
            "\"label\":\"c\",\"amount\":30,\"requested\":50" AT,
            "{\"op\":\"cap\",\"label\":\"discount\",\"amount\":100,\"reason\":\"enough\"" AT "3\"}",
            "\"label\":\"d\",\"amount\":0,\"requested\":10" AT, "\"text\":\"100 0\"", "\"discount\":100,");
    DECIDES(fixture, "decide:cap('fee', 70) decide:cap('fee', 50) decide:cap('fee', 60) decide:fee('f', 100)",
            "\"fee\":50,");
    DECIDES(fixture, "decide:tax('t', 9) decide:tax('i', 8, { included = true }) decide:cap('tax', 0)",
            "\"amount\":0,\"requested\":9" AT, "\"label\":\"i\",\"amount\":8,\"included\":true" AT,
            "\"tax\":0,");
}

static void test_the_last_route_and_value_win_and_all_are_recorded(void **state)
{
    struct fixture *fixture = *state;

    DECIDES(fixture, "decide:route('slow') decide:set('k', 1) decide:route('fast') decide:set('k', { 2 })",
            "\"route\":\"fast\",", "\"attributes\":{\"k\":[2]},", "{\"op\":\"route\",\"label\":\"slow\"" AT,
            "{\"op\":\"route\",\"label\":\"fast\"" AT, "{\"op\":\"set\",\"label\":\"k\",\"value\":1" AT,
            "{\"op\":\"set\",\"label\":\"k\",\"value\":[2]" AT);
}

static void test_a_value_has_4096_bytes_at_most(void **state)
{
    struct fixture *fixture = *state;

    fixture_run(fixture, "decide:set('k', { ('x'):rep(4092) })"); /* and ["…"] */
    assert_contains(fixture->text.ptr, "accepted\nset k '[\"xxx");
    assert_string_equal(fixture_break(fixture, "decide:set('k', { ('x'):rep(4093) })"),
                        "decide:set: the value of \"k\" is over 4096 bytes (limits.attribute_bytes)");
    fixture_run(fixture, "decide:set('k', ('ä'):rep(2047))");
    assert_contains(fixture->text.ptr, "accepted\nset k ");
    assert_contains(fixture_break(fixture, "decide:set('k', ('\\n'):rep(2048))"), "is over 4096 bytes");
}

static void test_items_share_without_a_lost_cent(void **state)
{
    struct fixture *fixture = *state;
    char body[512];

    for (int amount = 1; amount < 2000; amount += 37) {
        snprintf(body, sizeof(body),
                 "decide:discount('d', %d) decide:fee('f', %d, { item = 2 }) decide:fee('g', %d)\n"
                 "assert(decide:net(1) + decide:net(2) + decide:net(3) == decide:net())\n"
                 "decide:note(decide:net(1) .. '')",
                 amount, amount / 3, amount / 7);
        assert_contains(fixture_run(fixture, body), "accepted\n");
    }
    /* 100 over lines of 39.98, 49.50 and 12.50: 39.2, 48.5, 12.3; the cent left goes to the second */
    assert_contains(fixture_run(fixture,
                                "decide:discount('d', 100)\n"
                                "decide:note(3998 - decide:net(1) .. ' ' .. 4950 - decide:net(2) .. ' ' .. "
                                "1250 - decide:net(3))"),
                    "note '39 49 12'");
}

/* Verdicts of several rules: reject beats retry beats hold; what ends the evaluation ends it for later rules. */
static void test_precedence_over_rules(void **state)
{
    static const struct {
        const char *first, *second, *expected;
    } cases[] = {
        {"decide:hold('h')", "decide:note('n')",
         "held: h\nhold 'h' @ a rules/10_a.lua:1\nnote 'n' @ b rules/20_b.lua:1\n"},
        {"decide:hold('h')", "decide:hold('i')",
         "held: h\nhold 'h' @ a rules/10_a.lua:1\nhold 'i' @ b rules/20_b.lua:1\n"},
        {"decide:hold('h')", "decide:retry(5, 'r')",
         "retry 5: r\nhold 'h' @ a rules/10_a.lua:1\nretry 5 'r' @ b rules/20_b.lua:1\n"},
        {"decide:hold('h')", "decide:reject('c', 'r')",
         "rejected c: r\nhold 'h' @ a rules/10_a.lua:1\nreject c 'r' @ b rules/20_b.lua:1\n"},
        {"decide:reject('c', 'r')", "decide:hold('h')", "rejected c: r\nreject c 'r' @ a rules/10_a.lua:1\n"},
        {"decide:retry(5, 'r')", "decide:reject('c')", "retry 5: r\nretry 5 'r' @ a rules/10_a.lua:1\n"},
    };
    struct fixture *fixture = *state;
    char text[256];

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(text, sizeof(text), "return { apply = function(order, decide) %s end }", cases[i].first);
        fixture_write(fixture, "rules/10_a.lua", text);
        snprintf(text, sizeof(text), "return { apply = function(order, decide) %s end }", cases[i].second);
        fixture_write(fixture, "rules/20_b.lua", text);
        assert_int_equal(fixture_load(fixture), 0);
        assert_string_equal(fixture_decide(fixture, ORDER("")), cases[i].expected);
    }
}

#define ITEM(qty, price)                                                                                     \
    "{\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":" qty ",\"price\":" price "}]}"

static void test_whole_numbers_may_be_written_with_a_point(void **state)
{
    struct fixture *fixture = *state;

    fixture_rule(
        fixture,
        "local item = order.items[1]\n"
        "decide:note(item.qty .. ' ' .. item.price .. ' ' .. order.subtotal .. ' ' .. decide:net(1))");
    assert_contains(fixture_decide(fixture, ITEM("2.0", "1.5e2")), "accepted\nnote '2 150 300 300'");
    assert_contains(fixture_decide(fixture, ITEM("2.5", "100")),
                    "invalid:\nitems[1].qty: must be a whole number from 1 to 9007199254740992, not 2.5");
    assert_contains(fixture_decide(fixture, ITEM("1", "19.99")),
                    "invalid:\nitems[1].price: must be a whole number of minor");
}

static void test_priority_is_always_a_word(void **state)
{
    static const char *const cases[][2] = {
        {"1", "high"},        {"2", "medium"},          {"3", "low"},
        {"\"high\"", "high"}, {"\"medium\"", "medium"}, {"\"low\"", "low"},
        {"null", "medium"},   {"2.0", "medium"},
    };
    struct fixture *fixture = *state;
    char order[256], expected[64];

    fixture_rule(fixture, "decide:note(order.priority)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(order, sizeof(order),
                 "{\"priority\":%s,\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":1,\"price\":1}]}",
                 cases[i][0]);
        snprintf(expected, sizeof(expected), "accepted\nnote '%s'", cases[i][1]);
        assert_contains(fixture_decide(fixture, order), expected);
    }
    assert_contains(fixture_decide(fixture, ITEM("1", "1")), "accepted\nnote 'medium'");
}

static void test_every_problem_is_told_at_once(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(fixture, "validation/20_more.lua",
                  "return { name = 'more', check = function(order, problems)\n"
                  "  problems:add('', 'is odd ' .. problems:count())\nend }");
    fixture_rule(fixture, "decide:note('never')");
    fixture_check(fixture, "problems:add('a', 'is bad') problems:add('a', 'is worse')");
    assert_string_equal(
        fixture_decide(fixture, "{\"currency\":\"eur\",\"items\":[{\"sku\":\"A\",\"qty\":0,\"price\":-1}]}"),
        "invalid:\n"
        "currency: must be three capital letters (ISO 4217) (engine )\n"
        "items[1].qty: must be a whole number from 1 to 9007199254740992, not 0 (engine )\n"
        "items[1].price: must be a whole number of minor units from 0 to 9007199254740992 (1999 for "
        "19.99), not -1 (engine )\n"
        "a: is bad (check validation/10_test.lua:2)\n"
        "a: is worse (check validation/10_test.lua:2)\n"
        ": is odd 5 (more validation/20_more.lua:2)\n");
}

/* The policy holds for checks as for rules. */
static void test_a_check_that_breaks_follows_the_policy(void **state)
{
    static const struct {
        enum ordo_on_error policy;
        const char *expected;
    } cases[] = {
        {ORDO_ON_ERROR_HOLD, "held: rule error: oops\nhold "},
        {ORDO_ON_ERROR_REJECT, "rejected rule_error: rule error: oops\nreject rule_error "},
        {ORDO_ON_ERROR_RETRY, "retry 1000: rule error: oops\nretry 1000 "},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fixture->options.on_error = cases[i].policy;
        fixture_restart(fixture);
        fixture_check(fixture, "error('oops')");
        assert_contains(fixture_decide(fixture, ORDER("")), cases[i].expected);
    }
}

static void test_pairs_has_one_order_whatever_was_done_to_the_table(void **state)
{
    static const char *const makers[] = {
        "t = { [3] = 1, [1] = 1, x = 1, [-2] = 1, [0.5] = 1, [true] = 1, a = 1, [2] = 1 }",
        "t = { 1, 1, 1 } t[0.5] = 1 t[-2] = 1 t.a = 1 t.x = 1 t[true] = 1",
        "for i = 1, 100 do t[i] = 1 t['k' .. i] = 1 end for i = 100, 4, -1 do t[i] = nil end\n"
        "for i = 1, 100 do t['k' .. i] = nil end t[true] = 1 t.x = 1 t.a = 1 t[0.5] = 1 t[-2] = 1",
        "t = { a = 1, x = 1, b = 1 } t.b = nil t[2] = 1 t[1] = 1 t[3] = 1 t[false] = 1 t[false] = nil "
        "t[true] = 1\n"
        "t[-2] = 1 t[0.5] = 1",
        "for _, k in ipairs { 'x', true, 3, 0.5, 'a', 1, -2, 2 } do rawset(t, k, 1) end",
    };
    struct fixture *fixture = *state;
    char body[768];

    for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++) {
        snprintf(body, sizeof(body),
                 "local t, keys, steps = {}, {}, {} %s\n"
                 "for k in pairs(t) do keys[#keys + 1] = tostring(k) end\n"
                 "for k in next, t do steps[#steps + 1] = tostring(k) end\n"
                 "decide:note(table.concat(keys, ' ') .. '|' .. table.concat(steps, ' '))",
                 makers[i]);
        assert_contains(fixture_run(fixture, body), "note '-2 0.5 1 2 3 a x true|-2 0.5 1 2 3 a x true'");
    }
}

static void test_editing_the_order_changes_what_later_scripts_read_and_no_money(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(fixture, "validation/10_edit.lua",
                  "return { check = function(order) order.mark = 'check' order.items[2] = nil order.currency "
                  "= 'USD' end }");
    fixture_write(fixture, "rules/05_edit.lua",
                  "return { apply = function(order) order.subtotal = 1 order.items[1].price = 5 order.mark = "
                  "order.mark .. "
                  "' rule' end }");
    DECIDES(fixture,
            "decide:note(order.mark .. ' ' .. order.subtotal .. ' ' .. decide:net() .. ' ' .. decide:net(2))",
            "\"text\":\"check rule 1 10198 4950\"", "\"currency\":\"EUR\"", "\"subtotal\":10198,",
            "\"total\":10198,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_totals_are_sums_of_operations),
        FIXTURE_TEST(test_the_total_is_checked_at_the_end_only),
        FIXTURE_TEST(test_a_cap_limits_what_was_given_and_what_will_be),
        FIXTURE_TEST(test_the_last_route_and_value_win_and_all_are_recorded),
        FIXTURE_TEST(test_a_value_has_4096_bytes_at_most),
        FIXTURE_TEST(test_items_share_without_a_lost_cent),
        FIXTURE_TEST(test_precedence_over_rules),
        FIXTURE_TEST(test_whole_numbers_may_be_written_with_a_point),
        FIXTURE_TEST(test_priority_is_always_a_word),
        FIXTURE_TEST(test_every_problem_is_told_at_once),
        FIXTURE_TEST(test_a_check_that_breaks_follows_the_policy),
        FIXTURE_TEST(test_pairs_has_one_order_whatever_was_done_to_the_table),
        FIXTURE_TEST(test_editing_the_order_changes_what_later_scripts_read_and_no_money),
    };

    return FIXTURE_RUN_BOTH(tests);
}
