/* SPDX-License-Identifier: MIT
 * test_decision.c: every operation with its semantics, sums, caps, shares without a lost cent, precedence,
 * and the JSON.
 */
#include "core/decision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core_test.h"

static const char two_items[] = "{\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":2,\"price\":1999},"
                                "{\"sku\":\"B\",\"qty\":1,\"price\":4950}]}";

struct fixture {
    struct parsed parsed;
    struct ordo_limits limits;
    struct ordo_decision decision;
    struct ordo_error err;
};

static const struct ordo_place place = {{"coupon", 6}, {"rules/30_coupon.lua", 19}, 10};

static void fixture_init(struct fixture *fixture, const char *order)
{
    fixture->limits = ordo_limits_preset;
    fixture->err = (struct ordo_error){0};
    parsed_init(&fixture->parsed, order, &fixture->limits);
    assert_int_equal(fixture->parsed.problems.count, 0);
    ordo_decision_init(&fixture->decision, &fixture->parsed.arena, &fixture->limits, &fixture->parsed.cart);
}

static void fixture_done(struct fixture *fixture)
{
    parsed_done(&fixture->parsed);
}

static int add(struct fixture *fixture, enum ordo_operation_kind kind, int64_t amount, uint32_t item)
{
    return ordo_decision_amount(&fixture->decision, kind, ORDO_STR("label"), amount, item, false, place,
                                &fixture->err);
}

static int64_t item_net(struct fixture *fixture, uint32_t item)
{
    int64_t net = -1;

    assert_int_equal(ordo_decision_item_net(&fixture->decision, item, &net, &fixture->err), 0);
    return net;
}

static void test_amounts_add_up(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, two_items);
    assert_int_equal(add(&f, ORDO_OPERATION_DISCOUNT, 895, 0), 0);
    assert_int_equal(add(&f, ORDO_OPERATION_FEE, 490, 0), 0);
    assert_int_equal(add(&f, ORDO_OPERATION_FEE, 10, 2), 0);
    assert_int_equal(add(&f, ORDO_OPERATION_TAX, 1530, 0), 0);
    assert_int_equal(add(&f, ORDO_OPERATION_PAY, 500, 0), 0);
    assert_int_equal(add(&f, ORDO_OPERATION_FEE, 0, 0), 0); /* nothing */
    assert_int_equal(f.decision.count, 5);
    assert_int_equal(ordo_decision_net(&f.decision), 8948 - 895 + 500);
    assert_int_equal(f.decision.sums[ORDO_OPERATION_PAY], 500);
    assert_int_equal(ordo_decision_finish(&f.decision, &f.err), 0);
    fixture_done(&f);
}

static void test_an_included_tax_is_reported_and_not_added(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, two_items);
    assert_int_equal(
        ordo_decision_amount(&f.decision, ORDO_OPERATION_TAX, ORDO_STR("VAT"), 1429, 0, true, place, &f.err),
        0);
    assert_int_equal(f.decision.sums[ORDO_OPERATION_TAX], 0);
    assert_int_equal(f.decision.operations[0].amount, 1429);
    assert_true(f.decision.operations[0].included);
    fixture_done(&f);
}

static void test_what_is_refused_and_changes_nothing(void **state)
{
    struct fixture f;
    uint32_t items[] = {1, 3};

    (void)state;
    fixture_init(&f, two_items);
    assert_int_equal(add(&f, ORDO_OPERATION_DISCOUNT, -5, 0), ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "discount: the amount must not be negative, it is -5");
    assert_int_equal(add(&f, ORDO_OPERATION_FEE, ORDO_AMOUNT_MAX + 1, 0), ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "fee: the amount is over 9007199254740992");
    assert_int_equal(add(&f, ORDO_OPERATION_TAX, 1, 3), ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "tax: there is no item 3, the order has 2");
    assert_int_equal(add(&f, ORDO_OPERATION_FEE, ORDO_AMOUNT_MAX, 0), 0);
    assert_int_equal(add(&f, ORDO_OPERATION_FEE, 1, 0), ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "fee: the sum is over 9007199254740992");
    assert_int_equal(ordo_decision_cap(&f.decision, ORDO_STR("total"), 1, ORDO_STR_NONE, place, &f.err),
                     ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "cap: the kind must be discount, fee, tax or pay, it is \"total\"");
    assert_int_equal(ordo_decision_cap(&f.decision, ORDO_STR("fee"), -1, ORDO_STR_NONE, place, &f.err),
                     ORDO_ESCRIPT);
    assert_int_equal(ordo_decision_ship(&f.decision, ORDO_STR("north"), items, 0, place, &f.err),
                     ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "ship: items must name at least one item");
    assert_int_equal(ordo_decision_ship(&f.decision, ORDO_STR("north"), items, 2, place, &f.err),
                     ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "ship: there is no item 3, the order has 2");
    assert_int_equal(ordo_decision_retry(&f.decision, -1, ORDO_STR("x"), place, &f.err), ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "retry: the amount must not be negative, it is -1");
    assert_int_equal(f.decision.count, 1);
    /* item 1 was not left marked by the refused shipment */
    assert_int_equal(ordo_decision_ship(&f.decision, ORDO_STR("north"), items, 1, place, &f.err), 0);
    assert_int_equal(ordo_decision_ship(&f.decision, ORDO_STR("south"), items, 1, place, &f.err),
                     ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "ship: item 1 is in a shipment already");
    fixture_done(&f);
}

static void test_a_cap_cuts_what_comes_after(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, two_items);
    assert_int_equal(
        ordo_decision_cap(&f.decision, ORDO_STR("discount"), 1000, ORDO_STR("20 %"), place, &f.err), 0);
    assert_int_equal(add(&f, ORDO_OPERATION_DISCOUNT, 700, 0), 0);
    assert_int_equal(add(&f, ORDO_OPERATION_DISCOUNT, 500, 0), 0);
    assert_int_equal(add(&f, ORDO_OPERATION_DISCOUNT, 100, 0), 0); /* no room at all: recorded with 0 */
    assert_int_equal(f.decision.sums[ORDO_OPERATION_DISCOUNT], 1000);
    assert_int_equal(f.decision.operations[2].amount, 300);
    assert_int_equal(f.decision.operations[2].requested, 500);
    assert_int_equal(f.decision.operations[3].amount, 0);
    assert_int_equal(f.decision.operations[3].requested, 100);
    fixture_done(&f);
}

static void test_a_cap_cuts_the_newest_of_what_came_before(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, two_items);
    add(&f, ORDO_OPERATION_DISCOUNT, 700, 0);
    add(&f, ORDO_OPERATION_FEE, 50, 0);
    add(&f, ORDO_OPERATION_DISCOUNT, 500, 0);
    assert_int_equal(ordo_decision_cap(&f.decision, ORDO_STR("discount"), 600, ORDO_STR_NONE, place, &f.err),
                     0);
    assert_int_equal(f.decision.operations[0].amount, 600);
    assert_int_equal(f.decision.operations[1].amount, 50);
    assert_int_equal(f.decision.operations[2].amount, 0);
    assert_int_equal(f.decision.sums[ORDO_OPERATION_DISCOUNT], 600);
    /* the lowest cap counts, whichever came last */
    assert_int_equal(ordo_decision_cap(&f.decision, ORDO_STR("discount"), 5000, ORDO_STR_NONE, place, &f.err),
                     0);
    assert_int_equal(add(&f, ORDO_OPERATION_DISCOUNT, 1, 0), 0);
    assert_int_equal(f.decision.sums[ORDO_OPERATION_DISCOUNT], 600);
    fixture_done(&f);
}

static void test_item_nets(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, two_items); /* lines of 3998 and 4950 */
    assert_int_equal(item_net(&f, 1), 3998);
    add(&f, ORDO_OPERATION_DISCOUNT, 100, 1);
    add(&f, ORDO_OPERATION_DISCOUNT, 895, 0); /* 399.89.. and 495.10..: 400 and 495 */
    assert_int_equal(item_net(&f, 1), 3998 - 100 - 400);
    assert_int_equal(item_net(&f, 2), 4950 - 495);
    add(&f, ORDO_OPERATION_FEE, 1, 0); /* the cent goes to the larger line */
    assert_int_equal(item_net(&f, 1), 3498);
    assert_int_equal(item_net(&f, 2), 4456);
    assert_int_equal(ordo_decision_item_net(&f.decision, 0, &(int64_t){0}, &f.err), ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "net: there is no item 0, the order has 2");
    fixture_done(&f);
}

/* xorshift64* */
static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1du;
}

static void test_no_cent_is_lost(void **state)
{
    uint64_t seed = 42;

    (void)state;
    for (int round = 0; round < 500; round++) {
        struct ordo_buffer order = {0};
        struct fixture f;
        uint32_t items = 1 + (uint32_t)(draw(&seed) % 9);
        int64_t sum = 0, large = round % 3 == 0 ? 100000000000000 : 10000;

        ordo_buffer_printf(&order, "{\"currency\":\"EUR\",\"items\":[");
        for (uint32_t i = 0; i < items; i++)
            ordo_buffer_printf(&order, "%s{\"sku\":\"A\",\"qty\":%llu,\"price\":%llu}", i > 0 ? "," : "",
                               (unsigned long long)(1 + draw(&seed) % 4),
                               (unsigned long long)(draw(&seed) % (uint64_t)large));
        ordo_buffer_append(&order, ORDO_STR("]}"));
        ordo_buffer_put(&order, '\0');
        fixture_init(&f, order.ptr);
        for (int i = 0; i < 4; i++)
            add(&f, i % 2 ? ORDO_OPERATION_FEE : ORDO_OPERATION_DISCOUNT,
                (int64_t)(draw(&seed) % (uint64_t)(f.parsed.cart.subtotal / 4 + 1)),
                (uint32_t)(draw(&seed) % (items + 1)));
        for (uint32_t i = 1; i <= items; i++)
            sum += item_net(&f, i);
        if (sum != ordo_decision_net(&f.decision))
            fail_msg("round %d: the items' nets are %lld, the order's %lld", round, (long long)sum,
                     (long long)ordo_decision_net(&f.decision));
        fixture_done(&f);
        ordo_buffer_done(&order);
    }
}

static void test_an_order_worth_nothing_shares_evenly(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, "{\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":1,\"price\":0},"
                     "{\"sku\":\"B\",\"qty\":1,\"price\":0},{\"sku\":\"C\",\"qty\":1,\"price\":0}]}");
    add(&f, ORDO_OPERATION_FEE, 100, 0);
    assert_int_equal(item_net(&f, 1), 34);
    assert_int_equal(item_net(&f, 2), 33);
    assert_int_equal(item_net(&f, 3), 33);
    fixture_done(&f);
}

/* Recomputing what each item costs after every operation takes memory once, however many items there are. */
static void test_item_nets_of_a_large_order_fit(void **state)
{
    enum { ITEMS = 5000, ROUNDS = 200 };
    struct ordo_buffer order = {0};
    struct fixture f;
    int64_t sum = 0;

    (void)state;
    ordo_buffer_printf(&order, "{\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":1,\"price\":7}");
    for (int i = 1; i < ITEMS; i++)
        ordo_buffer_printf(&order, ",{\"sku\":\"A\",\"qty\":1,\"price\":%d}", i);
    ordo_buffer_append(&order, ORDO_STR("]}"));
    ordo_buffer_put(&order, '\0');
    fixture_init(&f, order.ptr);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(add(&f, ORDO_OPERATION_DISCOUNT, 1 + i, 0), 0);
        item_net(&f, 1);
    }
    for (uint32_t i = 1; i <= ITEMS; i++)
        sum += item_net(&f, i);
    assert_int_equal(sum, ordo_decision_net(&f.decision));
    fixture_done(&f);
    ordo_buffer_done(&order);
}

/* On both sides of the number of items from which shares are sorted: the largest remainders win, then the first. */
static void test_the_rest_goes_to_the_largest_remainders(void **state)
{
    static const uint32_t counts[] = {3, 16, 17, 40};

    (void)state;
    for (size_t c = 0; c < sizeof(counts) / sizeof(*counts); c++) {
        struct ordo_buffer order = {0};
        struct fixture f;
        uint32_t count = counts[c];

        /* one line of 2 at the end, all others 1: of a fee of 2 units the last gets the first one */
        ordo_buffer_printf(&order, "{\"currency\":\"EUR\",\"items\":[");
        for (uint32_t i = 1; i < count; i++)
            ordo_buffer_append(&order, ORDO_STR("{\"sku\":\"A\",\"qty\":1,\"price\":1},"));
        ordo_buffer_append(&order, ORDO_STR("{\"sku\":\"B\",\"qty\":1,\"price\":2}]}"));
        ordo_buffer_put(&order, '\0');
        fixture_init(&f, order.ptr);
        add(&f, ORDO_OPERATION_FEE, 2, 0);
        assert_int_equal(item_net(&f, count), 2 + 1);
        assert_int_equal(item_net(&f, 1), 1 + 1);
        assert_int_equal(item_net(&f, 2), 1);
        fixture_done(&f);
        ordo_buffer_done(&order);
    }
}

/* Amounts whose products do not fit 64 bits. */
static void test_shares_of_huge_amounts_are_exact(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, "{\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":1,\"price\":3002399751580331},"
                     "{\"sku\":\"B\",\"qty\":1,\"price\":6004799503160661}]}");
    add(&f, ORDO_OPERATION_DISCOUNT, 9007199254740991, 0);
    assert_int_equal(item_net(&f, 1) + item_net(&f, 2), 1);
    assert_int_equal(item_net(&f, 2), 1); /* 3002399751580330.67 and 6004799503160660.33 are taken */
    fixture_done(&f);
}

static void test_reject_beats_retry_beats_hold(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, two_items);
    assert_int_equal(ordo_decision_hold(&f.decision, ORDO_STR("first"), place, &f.err), 0);
    assert_int_equal(ordo_decision_hold(&f.decision, ORDO_STR("second"), place, &f.err), 0);
    assert_int_equal(f.decision.verdict, ORDO_VERDICT_HELD);
    assert_false(f.decision.ended); /* a hold does not end the evaluation */
    assert_true(ordo_str_equal(f.decision.reason, ORDO_STR("first")));
    assert_int_equal(ordo_decision_retry(&f.decision, 1500, ORDO_STR("later"), place, &f.err), 0);
    assert_int_equal(f.decision.verdict, ORDO_VERDICT_RETRY);
    assert_int_equal(f.decision.retry_after_ms, 1500);
    assert_true(f.decision.ended);
    assert_int_equal(add(&f, ORDO_OPERATION_FEE, 100, 0), 0); /* ignored */
    assert_int_equal(ordo_decision_hold(&f.decision, ORDO_STR("third"), place, &f.err), 0);
    assert_int_equal(f.decision.verdict, ORDO_VERDICT_RETRY);
    assert_int_equal(f.decision.count, 3);
    assert_int_equal(ordo_decision_reject(&f.decision, ORDO_STR("no"), ORDO_STR("never"), place, &f.err), 0);
    assert_int_equal(f.decision.verdict, ORDO_VERDICT_REJECTED);
    assert_int_equal(ordo_decision_reject(&f.decision, ORDO_STR("again"), ORDO_STR("x"), place, &f.err), 0);
    assert_true(ordo_str_equal(f.decision.code, ORDO_STR("no")));
    fixture_done(&f);
}

static void test_the_last_route_and_value_win(void **state)
{
    struct fixture f;
    struct ordo_str_row {
        const char *key, *value;
    } rows[] = {{"a", "1"}, {"b", "[2]"}, {"a", "\"x\""}};

    (void)state;
    fixture_init(&f, two_items);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ordo_decision_add(&f.decision, ORDO_OPERATION_SET, ordo_str_from(rows[i].key),
                                           ordo_str_from(rows[i].value), 0, place, &f.err),
                         0);
    assert_true(ordo_str_equal(ordo_decision_get(&f.decision, ORDO_STR("a")), ORDO_STR("\"x\"")));
    assert_null(ordo_decision_get(&f.decision, ORDO_STR("c")).ptr);
    assert_int_equal(
        ordo_decision_add(&f.decision, ORDO_OPERATION_ROUTE, ORDO_STR("x"), ORDO_STR_NONE, 0, place, &f.err),
        0);
    assert_int_equal(
        ordo_decision_add(&f.decision, ORDO_OPERATION_ROUTE, ORDO_STR("y"), ORDO_STR_NONE, 0, place, &f.err),
        0);
    assert_true(ordo_str_equal(f.decision.route, ORDO_STR("y")));
    assert_int_equal(f.decision.count, 5);
    fixture_done(&f);
}

static void test_limits_at_their_edge(void **state)
{
    struct fixture f;
    char value[64];

    (void)state;
    fixture_init(&f, two_items);
    f.limits.operations = 2;
    f.limits.attribute_bytes = 10;
    memset(value, '1', sizeof(value));
    assert_int_equal(ordo_decision_add(&f.decision, ORDO_OPERATION_SET, ORDO_STR("key"),
                                       (ordo_str){value, 11}, 0, place, &f.err),
                     ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "set: the value of \"key\" is over 10 bytes (limits.attribute_bytes)");
    assert_int_equal(ordo_decision_add(&f.decision, ORDO_OPERATION_SET, ORDO_STR("key"),
                                       (ordo_str){value, 10}, 0, place, &f.err),
                     0);
    assert_int_equal(add(&f, ORDO_OPERATION_FEE, 1, 0), 0);
    assert_int_equal(add(&f, ORDO_OPERATION_FEE, 1, 0), ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "more than 2 operations (limits.operations)");
    assert_int_equal(f.decision.sums[ORDO_OPERATION_FEE], 1);
    fixture_done(&f);
}

static void test_the_check_at_the_end(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, two_items);
    add(&f, ORDO_OPERATION_DISCOUNT, 8949, 0);
    assert_int_equal(ordo_decision_finish(&f.decision, &f.err), ORDO_ESCRIPT);
    assert_string_equal(f.err.message,
                        "the total is -1 (subtotal 8948 - discount 8949 + fee 0 + tax 0); it must be in "
                        "0..9007199254740992");
    add(&f, ORDO_OPERATION_FEE, 1, 0); /* the total is checked once, at the end */
    assert_int_equal(ordo_decision_finish(&f.decision, &f.err), 0);
    add(&f, ORDO_OPERATION_PAY, 1, 0);
    assert_int_equal(ordo_decision_finish(&f.decision, &f.err), ORDO_ESCRIPT);
    assert_string_equal(f.err.message, "1 is paid, but the total is 0");
    fixture_done(&f);
}

static void test_withdrawn_amounts_leave_the_subtotal(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, two_items);
    add(&f, ORDO_OPERATION_DISCOUNT, 9000, 1);
    add(&f, ORDO_OPERATION_PAY, 10, 0);
    assert_int_equal(ordo_decision_cap(&f.decision, ORDO_STR("fee"), 3, ORDO_STR_NONE, place, &f.err), 0);
    add(&f, ORDO_OPERATION_FEE, 8, 0);
    assert_int_equal(item_net(&f, 1), 3998 - 9000 + 1);
    ordo_decision_withdraw(&f.decision);
    assert_true(f.decision.withdrawn);
    assert_int_equal(f.decision.count, 4);
    assert_int_equal(f.decision.operations[0].amount, 0);
    assert_int_equal(f.decision.operations[0].requested, 9000);
    assert_int_equal(f.decision.operations[1].amount, 0);
    assert_int_equal(f.decision.operations[2].amount, 3); /* the cap itself */
    assert_int_equal(f.decision.operations[3].requested, 8);
    assert_int_equal(ordo_decision_net(&f.decision), 8948);
    assert_int_equal(item_net(&f, 1), 3998);
    assert_int_equal(f.decision.sums[ORDO_OPERATION_PAY], 0);
    assert_int_equal(ordo_decision_finish(&f.decision, &f.err), 0);
    fixture_done(&f);
}

static void test_the_json(void **state)
{
    struct fixture f;
    struct ordo_buffer out = {0};
    uint32_t items[] = {1, 2};
    struct ordo_decision_facts facts = {.id = ORDO_STR("o-1001"),
                                        .revision = 1,
                                        .attempt = 2,
                                        .generation = 3,
                                        .priority = ORDO_PRIORITY_HIGH,
                                        .decided_ms = 1790000000123,
                                        .queue_us = 41,
                                        .processing_us = 96};

    (void)state;
    fixture_init(&f, two_items);
    ordo_decision_amount(&f.decision, ORDO_OPERATION_DISCOUNT, ORDO_STR("coupon:SPRING10"), 895, 0, false,
                         place, &f.err);
    ordo_decision_amount(&f.decision, ORDO_OPERATION_TAX, ORDO_STR("VAT 7 %"), 321, 2, true, place, &f.err);
    ordo_decision_cap(&f.decision, ORDO_STR("discount"), 500, ORDO_STR("most"), place, &f.err);
    ordo_decision_ship(&f.decision, ORDO_STR("north"), items, 2, place, &f.err);
    ordo_decision_add(&f.decision, ORDO_OPERATION_ROUTE, ORDO_STR("express"), ORDO_STR_NONE, 0, place,
                      &f.err);
    ordo_decision_add(&f.decision, ORDO_OPERATION_FLAG, ORDO_STR("review"), ORDO_STR("score 70"), 0, place,
                      &f.err);
    ordo_decision_add(&f.decision, ORDO_OPERATION_NOTE, ORDO_STR_NONE, ORDO_STR("seen"), 0, place, &f.err);
    ordo_decision_add(&f.decision, ORDO_OPERATION_SET, ORDO_STR("k"), ORDO_STR("1"), 0, place, &f.err);
    ordo_decision_add(&f.decision, ORDO_OPERATION_SET, ORDO_STR("k"), ORDO_STR("{\"x\":2}"), 0, place,
                      &f.err);
    ordo_decision_add(&f.decision, ORDO_OPERATION_COUNT, ORDO_STR("orders"), ORDO_STR_NONE, 1, place, &f.err);
    ordo_decision_write(&f.decision, &facts, &out);
    ordo_buffer_put(&out, '\0');
#define AT "\"rule\":\"coupon\",\"at\":\"rules/30_coupon.lua:10\"}"
    assert_string_equal(
        out.ptr, "{\"id\":\"o-1001\",\"revision\":1,\"status\":\"done\",\"decision\":\"accepted\","
                 "\"currency\":\"EUR\","
                 "\"priority\":\"high\",\"subtotal\":8948,\"discount\":500,\"fee\":0,\"tax\":0,\"total\":"
                 "8448,\"paid\":0,"
                 "\"due\":8448,\"route\":\"express\",\"shipments\":[{\"name\":\"north\",\"items\":[1,2]}],"
                 "\"flags\":[{\"kind\":\"review\",\"reason\":\"score "
                 "70\"}],\"attributes\":{\"k\":{\"x\":2}},\"generation\":3,"
                 "\"operations\":["
                 "{\"op\":\"discount\",\"label\":\"coupon:SPRING10\",\"amount\":500,\"requested\":895," AT ","
                 "{\"op\":\"tax\",\"label\":\"VAT 7 %\",\"amount\":321,\"item\":2,\"included\":true," AT ","
                 "{\"op\":\"cap\",\"label\":\"discount\",\"amount\":500,\"reason\":\"most\"," AT ","
                 "{\"op\":\"ship\",\"label\":\"north\",\"items\":[1,2]," AT ","
                 "{\"op\":\"route\",\"label\":\"express\"," AT ","
                 "{\"op\":\"flag\",\"label\":\"review\",\"reason\":\"score 70\"," AT ","
                 "{\"op\":\"note\",\"text\":\"seen\"," AT ","
                 "{\"op\":\"set\",\"label\":\"k\",\"value\":1," AT ","
                 "{\"op\":\"set\",\"label\":\"k\",\"value\":{\"x\":2}," AT ","
                 "{\"op\":\"count\",\"label\":\"orders\",\"amount\":1," AT "],"
                 "\"attempt\":2,\"decided_at\":\"2026-09-21T14:13:20.123Z\",\"timing\":{\"queue_us\":41,"
                 "\"processing_us\":96}}");
    fixture_done(&f);

    ordo_buffer_clear(&out);
    fixture_init(&f, two_items);
    ordo_decision_reject(&f.decision, ORDO_STR("fraud"), ORDO_STR("score \"90\""), place, &f.err);
    ordo_decision_write(&f.decision, &facts, &out);
    ordo_buffer_put(&out, '\0');
    assert_non_null(strstr(out.ptr, "\"status\":\"done\",\"decision\":\"rejected\",\"code\":\"fraud\","
                                    "\"reason\":\"score \\\"90\\\"\",\"currency\""));
    assert_non_null(strstr(out.ptr, "\"route\":null,\"shipments\":[],\"flags\":[],\"attributes\":{},"));
    fixture_done(&f);

    ordo_buffer_clear(&out);
    fixture_init(&f, two_items);
    ordo_decision_hold(&f.decision, ORDO_STR("look"), place, &f.err);
    ordo_decision_write(&f.decision, &facts, &out);
    ordo_buffer_put(&out, '\0');
    assert_non_null(strstr(out.ptr, "\"status\":\"held\",\"decision\":\"held\",\"reason\":\"look\","));
    fixture_done(&f);
    ordo_buffer_done(&out);
}

/* What the JSON writer makes of a string, the decision has too: at every length, with every kind of byte that needs
 * attention at every place. */
static void test_strings_are_written_as_the_writer_does(void **state)
{
    static const char *const specials[] = {"\"",   "\\", "\n", "\x01",     "\x1f",
                                           "\x7f", " ",  "~",  "\xc3\xa9", "\xff"};
    struct ordo_decision_facts facts = {.id = ORDO_STR("o-1")};

    (void)state;
    for (size_t len = 0; len <= 33; len++)
        for (size_t at = 0; at <= len; at++)
            for (size_t s = 0; s < sizeof(specials) / sizeof(*specials); s++) {
                struct ordo_buffer out = {0}, expected = {0};
                struct ordo_json_writer json = ordo_json_writer(&expected);
                size_t special = strlen(specials[s]);
                char text[64];
                struct fixture f;

                memset(text, 'a', len);
                memcpy(text + at, specials[s], special);
                memset(text + at + special, 'b', len - at);
                fixture_init(&f, two_items);
                ordo_decision_add(&f.decision, ORDO_OPERATION_NOTE, ORDO_STR_NONE,
                                  (ordo_str){text, len + special}, 0, place, &f.err);
                ordo_decision_write(&f.decision, &facts, &out);
                ordo_buffer_append(&expected, ORDO_STR("{\"op\":\"note\",\"text\":"));
                ordo_json_string(&json, (ordo_str){text, len + special});
                ordo_buffer_append(&expected, ORDO_STR(",\"rule\":\"coupon\""));
                if (memmem(out.ptr, out.len, expected.ptr, expected.len) == NULL)
                    fail_msg("length %zu, place %zu, special %zu: %.*s", len, at, s, (int)out.len, out.ptr);
                fixture_done(&f);
                ordo_buffer_done(&out);
                ordo_buffer_done(&expected);
            }
}

/* Writes what was decided into a new buffer, so that each part has to find its room, and reads it. */
static void assert_writes(struct fixture *f, size_t operations)
{
    struct ordo_decision_facts facts = {.id = ORDO_STR("o-1"), .queue_us = INT64_MAX};
    struct ordo_json_parser *parser = ordo_json_parser_new(8);
    struct ordo_buffer out = {0};
    struct ordo_json_value root, list;

    ordo_decision_write(&f->decision, &facts, &out);
    ordo_buffer_reserve(&out, ORDO_JSON_PADDING);
    assert_int_equal(ordo_json_parse(parser, out.ptr, out.len, &f->err), 0);
    root = list = ordo_json_root(parser);
    assert_true(ordo_json_get(root, ORDO_STR("operations"), &list));
    assert_int_equal(ordo_json_count(list), operations);
    ordo_json_parser_free(parser);
    ordo_buffer_done(&out);
}

/* Each kind alone, with strings far longer than a new buffer, as they are and with six bytes for each. */
static void test_large_parts_find_their_room(void **state)
{
    enum { LONG = 20000 };
    static const char bytes[] = {'a', '\x01'};
    char *text = malloc(LONG);

    (void)state;
    assert_non_null(text);
    for (size_t b = 0; b < sizeof(bytes); b++) {
        ordo_str string = {text, LONG};
        struct fixture f;

        memset(text, bytes[b], LONG);
        for (int kind = ORDO_OPERATION_ROUTE; kind <= ORDO_OPERATION_COUNT; kind++) {
            bool is_set = kind == ORDO_OPERATION_SET;

            fixture_init(&f, two_items);
            f.limits.attribute_bytes = LONG;
            if (is_set) { /* its text is JSON */
                text[0] = text[LONG - 1] = '"';
                memset(text + 1, 'b', LONG - 2);
            }
            assert_int_equal(ordo_decision_add(&f.decision, (enum ordo_operation_kind)kind,
                                               is_set ? ORDO_STR("key") : string, string, 1, place, &f.err),
                             0);
            assert_writes(&f, 1);
            fixture_done(&f);
            memset(text, bytes[b], LONG);
        }
        fixture_init(&f, two_items);
        assert_int_equal(ordo_decision_reject(&f.decision, string, string, place, &f.err), 0);
        assert_writes(&f, 1);
        fixture_done(&f);
    }
    free(text);
}

static void test_a_large_shipment_finds_its_room(void **state)
{
    enum { ITEMS = 10000 };
    uint32_t *items = calloc(ITEMS, sizeof(*items));
    struct ordo_buffer order = {0};
    struct fixture f;

    (void)state;
    assert_non_null(items);
    ordo_buffer_printf(&order, "{\"currency\":\"EUR\",\"items\":[");
    for (uint32_t i = 0; i < ITEMS; i++) {
        items[i] = ITEMS - i;
        ordo_buffer_printf(&order, "%s{\"sku\":\"A\",\"qty\":1,\"price\":1}", i > 0 ? "," : "");
    }
    ordo_buffer_append(&order, ORDO_STR("]}"));
    ordo_buffer_put(&order, '\0');
    fixture_init(&f, order.ptr);
    assert_int_equal(ordo_decision_ship(&f.decision, ORDO_STR("all"), items, ITEMS, place, &f.err), 0);
    assert_writes(&f, 1);
    fixture_done(&f);
    ordo_buffer_done(&order);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amounts_add_up),
        cmocka_unit_test(test_an_included_tax_is_reported_and_not_added),
        cmocka_unit_test(test_what_is_refused_and_changes_nothing),
        cmocka_unit_test(test_a_cap_cuts_what_comes_after),
        cmocka_unit_test(test_a_cap_cuts_the_newest_of_what_came_before),
        cmocka_unit_test(test_item_nets),
        cmocka_unit_test(test_no_cent_is_lost),
        cmocka_unit_test(test_an_order_worth_nothing_shares_evenly),
        cmocka_unit_test(test_item_nets_of_a_large_order_fit),
        cmocka_unit_test(test_the_rest_goes_to_the_largest_remainders),
        cmocka_unit_test(test_shares_of_huge_amounts_are_exact),
        cmocka_unit_test(test_reject_beats_retry_beats_hold),
        cmocka_unit_test(test_the_last_route_and_value_win),
        cmocka_unit_test(test_limits_at_their_edge),
        cmocka_unit_test(test_the_check_at_the_end),
        cmocka_unit_test(test_withdrawn_amounts_leave_the_subtotal),
        cmocka_unit_test(test_the_json),
        cmocka_unit_test(test_strings_are_written_as_the_writer_does),
        cmocka_unit_test(test_large_parts_find_their_room),
        cmocka_unit_test(test_a_large_shipment_finds_its_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
