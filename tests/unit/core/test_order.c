/* SPDX-License-Identifier: MIT
 * test_order.c: the envelope, ids, and every structural check with its words.
 */
#include "core/order.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core_test.h"

#define ITEM "{\"sku\":\"A\",\"qty\":1,\"price\":100}"
#define ORDER(members) "{" members "\"currency\":\"EUR\",\"items\":[" ITEM "]}"

/* The problems as lines "field: message". */
static void assert_problems(const char *order, const char *expected)
{
    struct parsed parsed;
    struct ordo_buffer found = {0};

    parsed_init(&parsed, order, &ordo_limits_preset);
    for (const struct ordo_problem *at = parsed.problems.first; at != NULL; at = at->next) {
        assert_true(ordo_str_equal(at->rule, ORDO_STR("engine")));
        ordo_buffer_printf(&found, ORDO_STR_FMT ": " ORDO_STR_FMT "\n", ORDO_STR_ARG(at->field),
                           ORDO_STR_ARG(at->message));
    }
    ordo_buffer_put(&found, '\0');
    if (strcmp(found.ptr, expected) != 0)
        fail_msg("%s has\n%s", order, found.ptr);
    assert_int_equal(parsed.result, 0);
    ordo_buffer_done(&found);
    parsed_done(&parsed);
}

static void test_every_structural_check(void **state)
{
#define QTY(not ) "must be a whole number from 1 to 9007199254740992, not " not
#define PRICE(not )                                                                                          \
    "must be a whole number of minor units from 0 to 9007199254740992 (1999 for 19.99), not " not
    static const struct {
        const char *item, *field, *message;
    } items[] = {
        {"{\"sku\":\"A\",\"qty\":0,\"price\":1}", "qty", QTY("0")},
        {"{\"sku\":\"A\",\"qty\":-1,\"price\":1}", "qty", QTY("-1")},
        {"{\"sku\":\"A\",\"qty\":1.5,\"price\":1}", "qty", QTY("1.5")},
        {"{\"sku\":\"A\",\"qty\":\"1\",\"price\":1}", "qty", QTY("text")},
        {"{\"sku\":\"A\",\"qty\":9007199254740993,\"price\":1}", "qty", QTY("9007199254740993")},
        {"{\"sku\":\"A\",\"qty\":18446744073709551615,\"price\":1}", "qty", QTY("18446744073709551615")},
        {"{\"sku\":\"A\",\"price\":1}", "qty", "is required"},
        {"{\"sku\":\"A\",\"qty\":1,\"price\":19.99}", "price", PRICE("19.99")},
        {"{\"sku\":\"A\",\"qty\":1,\"price\":-1}", "price", PRICE("-1")},
        {"{\"sku\":\"A\",\"qty\":1,\"price\":9007199254740993}", "price", PRICE("9007199254740993")},
        {"{\"sku\":\"A\",\"qty\":1,\"price\":1e300}", "price", PRICE("1e+300")},
        {"{\"sku\":\"A\",\"qty\":1,\"price\":true}", "price", PRICE("true or false")},
        {"{\"sku\":\"A\",\"qty\":1,\"price\":[]}", "price", PRICE("an array")},
        {"{\"sku\":\"A\",\"qty\":1,\"price\":{}}", "price", PRICE("an object")},
        {"{\"sku\":\"A\",\"qty\":1,\"price\":9007199254740993.0}", "price", PRICE("9007199254740992")},
        {"{\"sku\":\"A\",\"qty\":1,\"price\":null}", "price", "is required"},
        {"{\"sku\":\"\",\"qty\":1,\"price\":1}", "sku", "must be text that is not empty"},
        {"{\"sku\":7,\"qty\":1,\"price\":1}", "sku", "must be text that is not empty"},
        {"{\"qty\":1,\"price\":1}", "sku", "is required"},
    };
    char order[512], expected[512];

    (void)state;
    for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++) {
        snprintf(order, sizeof(order), "{\"currency\":\"EUR\",\"items\":[" ITEM ",%s]}", items[i].item);
        snprintf(expected, sizeof(expected), "items[2].%s: %s\n", items[i].field, items[i].message);
        assert_problems(order, expected);
    }
    assert_problems("[]", ": an order must be a JSON object\n");
    assert_problems("{}", "currency: is required\nitems: is required\n");
    assert_problems("{\"currency\":null,\"items\":null}", "currency: is required\nitems: is required\n");
    assert_problems("{\"currency\":\"eur\",\"items\":[]}",
                    "currency: must be three capital letters (ISO 4217)\n"
                    "items: must be an array of at least one item\n");
    assert_problems("{\"currency\":\"EURO\",\"items\":{}}",
                    "currency: must be three capital letters (ISO 4217)\n"
                    "items: must be an array of at least one item\n");
    assert_problems("{\"currency\":\"EUR\",\"items\":[7]}",
                    "items[1]: must be an object with sku, qty and price\n");
    assert_problems(ORDER("\"id\":\"a b\","), "id: must be text of 1 to 128 of A-Z a-z 0-9 . _ ~ : -\n");
    assert_problems(ORDER("\"id\":7,"), "id: must be text of 1 to 128 of A-Z a-z 0-9 . _ ~ : -\n");
    assert_problems(ORDER("\"priority\":4,"), "priority: must be high, medium or low, or 1, 2 or 3\n");
    assert_problems(ORDER("\"priority\":\"urgent\","),
                    "priority: must be high, medium or low, or 1, 2 or 3\n");
    assert_problems(ORDER("\"customer\":\"c\","), "customer: must be an object\n");
    assert_problems(ORDER("\"customer\":{\"id\":\"\"},"), "customer.id: must be text of 1 to 128 bytes\n");
    assert_problems(ORDER("\"customer\":{\"id\":7},"), "customer.id: must be text of 1 to 128 bytes\n");
    assert_problems(ORDER("\"customer\":{\"name\":\"x\"},\"id\":null,\"priority\":null,"), "");
}

static void test_everything_that_is_wrong_is_told_at_once(void **state)
{
    (void)state;
    assert_problems("{\"id\":\"\",\"priority\":0,\"items\":[{\"qty\":1},{}]}",
                    "id: must be text of 1 to 128 of A-Z a-z 0-9 . _ ~ : -\n"
                    "priority: must be high, medium or low, or 1, 2 or 3\n"
                    "currency: is required\n"
                    "items[1].sku: is required\n"
                    "items[1].price: is required\n"
                    "items[2].sku: is required\n"
                    "items[2].qty: is required\n"
                    "items[2].price: is required\n");
}

static void test_the_cart(void **state)
{
    struct parsed parsed;

    (void)state;
    parsed_init(&parsed,
                "{\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":2.0,\"price\":1999},"
                "{\"sku\":\"B\",\"qty\":1,\"price\":4950e0}]}",
                &ordo_limits_preset);
    assert_int_equal(parsed.problems.count, 0);
    assert_int_equal(parsed.cart.count, 2);
    assert_int_equal(parsed.cart.items[0].quantity, 2);
    assert_int_equal(parsed.cart.items[1].price, 4950);
    assert_int_equal(parsed.cart.subtotal, 8948);
    assert_true(ordo_str_equal(parsed.cart.currency, ORDO_STR("EUR")));
    /* the currency outlives the document: runs wait while their worker parses other orders */
    memset(parsed.bytes, ' ', 8);
    assert_int_equal(ordo_json_parse(parsed.parser, parsed.bytes, 8, NULL), ORDO_EJSON);
    assert_true(ordo_str_equal(parsed.cart.currency, ORDO_STR("EUR")));
    parsed_done(&parsed);
}

static void test_the_subtotal_at_its_edge(void **state)
{
    struct parsed parsed;

    (void)state;
    parsed_init(&parsed,
                "{\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":1,\"price\":9007199254740992}]}",
                &ordo_limits_preset);
    assert_int_equal(parsed.problems.count, 0);
    assert_true(parsed.cart.subtotal == ORDO_AMOUNT_MAX);
    parsed_done(&parsed);
    assert_problems(
        "{\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":1,\"price\":9007199254740992}," ITEM "]}",
        "items: the subtotal is over 9007199254740992 minor units\n");
    assert_problems("{\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":9007199254740992,"
                    "\"price\":9007199254740992}]}",
                    "items: the subtotal is over 9007199254740992 minor units\n");
}

static void test_the_number_of_items_at_its_edge(void **state)
{
    struct ordo_limits limits = ordo_limits_preset;
    struct parsed parsed;

    (void)state;
    limits.items = 2;
    parsed_init(&parsed, "{\"currency\":\"EUR\",\"items\":[" ITEM "," ITEM "]}", &limits);
    assert_int_equal(parsed.problems.count, 0);
    parsed_done(&parsed);
    parsed_init(&parsed, "{\"currency\":\"EUR\",\"items\":[" ITEM "," ITEM "," ITEM "]}", &limits);
    assert_int_equal(parsed.problems.count, 1);
    assert_true(ordo_str_equal(parsed.problems.first->message,
                               ORDO_STR("at most 2 items are allowed, there are 3 (limits.items)")));
    parsed_done(&parsed);
}

/* An order of nothing but mistakes: the list is long, and has an end. */
static void test_many_problems_have_an_end(void **state)
{
    enum { ITEMS = 10000 };
    struct ordo_buffer order = {0};
    struct parsed parsed;
    const struct ordo_problem *last;

    (void)state;
    ordo_buffer_printf(&order, "{\"currency\":\"EUR\",\"items\":[{}");
    for (int i = 1; i < ITEMS; i++)
        ordo_buffer_append(&order, ORDO_STR(",{}"));
    ordo_buffer_append(&order, ORDO_STR("]}"));
    ordo_buffer_put(&order, '\0');
    parsed_init(&parsed, order.ptr, &ordo_limits_preset);
    assert_int_equal(parsed.result, 0);
    assert_int_equal(parsed.problems.count, 1003);
    for (last = parsed.problems.first; last->next != NULL;)
        last = last->next;
    assert_true(ordo_str_equal(last->field, ORDO_STR("items")));
    assert_true(ordo_str_equal(last->message, ORDO_STR("there are more problems, in the items that follow")));
    parsed_done(&parsed);
    ordo_buffer_done(&order);
}

static void test_a_full_arena_is_told(void **state)
{
    struct ordo_limits limits = ordo_limits_preset;
    struct parsed parsed;

    (void)state;
    limits.decision_bytes = 8;
    parsed_init(&parsed, ORDER(""), &limits);
    assert_int_equal(parsed.result, ORDO_ENOMEM);
    parsed_done(&parsed);
}

static void read_envelope(const char *order, struct parsed *parsed, struct ordo_envelope *envelope)
{
    parsed_init(parsed, order, &ordo_limits_preset);
    ordo_envelope_read(ordo_json_root(parsed->parser), envelope);
}

static void test_the_envelope(void **state)
{
    struct ordo_envelope envelope;
    struct parsed parsed;

    (void)state;
    read_envelope("{\"id\":\"o-1\",\"priority\":1,\"customer\":{\"id\":\"c-1\"}}", &parsed, &envelope);
    assert_true(envelope.id_present && envelope.id_valid && envelope.priority_valid);
    assert_true(ordo_str_equal(envelope.id, ORDO_STR("o-1")));
    assert_true(ordo_str_equal(envelope.customer, ORDO_STR("c-1")));
    assert_int_equal(envelope.priority, ORDO_PRIORITY_HIGH);
    parsed_done(&parsed);

    read_envelope("{\"priority\":\"low\",\"customer\":7}", &parsed, &envelope);
    assert_false(envelope.id_present);
    assert_int_equal(envelope.customer.len, 0);
    assert_int_equal(envelope.priority, ORDO_PRIORITY_LOW);
    parsed_done(&parsed);

    read_envelope("{\"id\":\"no spaces\",\"priority\":\"soon\"}", &parsed, &envelope);
    assert_true(envelope.id_present && !envelope.id_valid && !envelope.priority_valid);
    assert_int_equal(envelope.id.len, 0);
    assert_int_equal(envelope.priority, ORDO_PRIORITY_MEDIUM);
    parsed_done(&parsed);

    read_envelope("7", &parsed, &envelope);
    assert_false(envelope.id_present);
    assert_true(envelope.priority_valid);
    parsed_done(&parsed);
}

static void test_ids(void **state)
{
    char longest[ORDO_ID_MAX + 1], last[26] = {0}, made[26];

    (void)state;
    memset(longest, 'x', sizeof(longest));
    assert_true(ordo_id_is_valid(ORDO_STR("aZ09._~:-")));
    assert_false(ordo_id_is_valid(ORDO_STR("")));
    assert_false(ordo_id_is_valid(ORDO_STR("a/b")));
    assert_false(ordo_id_is_valid(ORDO_STR("a@b")));
    assert_false(ordo_id_is_valid(ORDO_STR("a[b")));
    assert_true(ordo_id_is_valid((ordo_str){longest, ORDO_ID_MAX}));
    assert_false(ordo_id_is_valid((ordo_str){longest, ORDO_ID_MAX + 1}));
    for (int byte = 0; byte < 256; byte++) {
        char id[2] = {'a', (char)byte};
        bool allowed = isalnum(byte) || (byte != 0 && strchr("._~:-", byte) != NULL);

        assert_int_equal(ordo_id_is_valid((ordo_str){id, sizeof(id)}), allowed);
    }
    for (int i = 0; i < 10000; i++) {
        ordo_id_make(made);
        assert_true(ordo_id_is_valid((ordo_str){made, sizeof(made)}));
        assert_true(memcmp(made, last, sizeof(made)) > 0); /* they rise */
        memcpy(last, made, sizeof(made));
    }
}

static void test_names(void **state)
{
    enum ordo_priority priority;
    enum ordo_status status;

    (void)state;
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++) {
        assert_true(ordo_priority_parse(ordo_str_from(ordo_priority_name((enum ordo_priority)i)), &priority));
        assert_int_equal(priority, i);
    }
    for (int i = 0; i < ORDO_STATUS_COUNT; i++) {
        assert_true(ordo_status_parse(ordo_str_from(ordo_status_name((enum ordo_status)i)), &status));
        assert_int_equal(status, i);
    }
    assert_false(ordo_priority_parse(ORDO_STR("1"), &priority));
    assert_false(ordo_status_parse(ORDO_STR("lost"), &status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_structural_check),
        cmocka_unit_test(test_everything_that_is_wrong_is_told_at_once),
        cmocka_unit_test(test_the_cart),
        cmocka_unit_test(test_the_subtotal_at_its_edge),
        cmocka_unit_test(test_the_number_of_items_at_its_edge),
        cmocka_unit_test(test_many_problems_have_an_end),
        cmocka_unit_test(test_a_full_arena_is_told),
        cmocka_unit_test(test_the_envelope),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
