/* SPDX-License-Identifier: MIT
 * test_bind_order.c: what an order looks like to a script.
 */
#include "fixture.h"

/* What `expression` gives for an order with these members besides the usual ones. */
static const char *look(struct fixture *fixture, const char *members, const char *expression)
{
    struct ordo_buffer order = {0};
    char body[512];
    const char *text;

    ordo_buffer_printf(&order,
                       "{%s%s\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":2,\"price\":50}]}",
                       members, members[0] != 0 ? "," : "");
    ordo_buffer_put(&order, 0);
    snprintf(body, sizeof(body), "decide:note('=' .. tostring(%s))", expression);
    fixture_rule(fixture, body);
    text = fixture_decide(fixture, order.ptr);
    ordo_buffer_done(&order);
    if (strncmp(text, "accepted\nnote '=", 16) != 0)
        fail_msg("%s", text);
    *strstr(text, "' @ ") = 0;
    return text + 16;
}

static void test_engine_fields_are_always_there(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(look(fixture, "", "order.id .. order.priority .. order.subtotal"), "givenmedium100");
    assert_string_equal(look(fixture, "\"id\":\"o-7\",\"priority\":1,\"subtotal\":5",
                             "order.id .. order.priority .. order.subtotal"),
                        "o-7high100");
    assert_string_equal(look(fixture, "\"id\":null,\"priority\":\"low\"", "order.id .. order.priority"),
                        "givenlow");
    assert_string_equal(look(fixture, "\"priority\":null", "order.priority"), "medium");
}

static void test_types(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(look(fixture, "\"x\":null", "order.x"), "nil");
    assert_string_equal(look(fixture, "\"x\":null", "next(order)"), "currency");
    assert_string_equal(look(fixture, "\"x\":[1,null,3]",
                             "#order.x .. tostring(order.x[2]) .. tostring(order.x[2] == ctx.null)"),
                        "3nulltrue");
    assert_string_equal(look(fixture, "\"x\":[]", "#order.x"), "0");
    assert_string_equal(look(fixture, "\"x\":{}", "next(order.x)"), "nil");
    assert_string_equal(look(fixture, "\"x\":[true,false]", "tostring(order.x[1]) .. tostring(order.x[2])"),
                        "truefalse");
    assert_string_equal(look(fixture, "\"x\":2.0", "order.x"), "2");
    assert_string_equal(look(fixture, "\"x\":2.5", "order.x"), "2.5");
    assert_string_equal(look(fixture, "\"x\":\"a\\u0000b\"", "#order.x"), "3");
    assert_string_equal(look(fixture, "\"x\":{\"y\":[{\"z\":{\"sku\":\"deep\"}}]}", "order.x.y[1].z.sku"),
                        "deep");
    assert_string_equal(look(fixture, "\"\":1,\"shipping_address\":{\"country\":\"FR\"}",
                             "order[''] .. order.shipping_address.country"),
                        "1FR");
}

static void test_large_integers(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(
        look(fixture, "\"x\":9007199254740992", "type(order.x) .. (order.x == 2 ^ 53 and 'same' or '')"),
        "numbersame");
    assert_string_equal(look(fixture, "\"x\":9007199254740993", "order.x"), "9007199254740993");
    assert_string_equal(look(fixture, "\"x\":9007199254740993", "type(order.x)"), "string");
    assert_string_equal(look(fixture, "\"x\":-9007199254740992", "type(order.x)"), "number");
    assert_string_equal(look(fixture, "\"x\":-9007199254740993", "order.x"), "-9007199254740993");
    assert_string_equal(look(fixture, "\"x\":18446744073709551615", "order.x"), "18446744073709551615");
}

static void test_editing_the_table_changes_no_money(void **state)
{
    struct fixture *fixture = *state;
    struct ordo_run *run;

    fixture_rule(
        fixture,
        "order.subtotal = 1 order.items[1].price = 0 order.items = nil decide:fee('net', decide:net(1))");
    run = fixture_start(fixture, ORDER(""));
    assert_int_equal(run->decision.cart.subtotal, SUBTOTAL);
    assert_int_equal(run->decision.operations[0].amount, 3998);
    fixture_finish(fixture, run);
}

static void test_depth_up_to_the_limit(void **state)
{
    struct fixture *fixture = *state;
    char members[256];

    snprintf(members, sizeof(members), "\"x\":%.*s%.*s", 63,
             "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 63,
             "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    assert_string_equal(
        look(fixture, members,
             "(function() local t, n = order.x, 0 while t do n, t = n + 1, t[1] end return n end)()"),
        "63");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_engine_fields_are_always_there),
        FIXTURE_TEST(test_types),
        FIXTURE_TEST(test_large_integers),
        FIXTURE_TEST(test_editing_the_table_changes_no_money),
        FIXTURE_TEST(test_depth_up_to_the_limit),
    };

    return FIXTURE_RUN_BOTH(tests);
}
