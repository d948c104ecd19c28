/* SPDX-License-Identifier: MIT
 * test_explain.c: what an explanation says, as a document and in sentences, of orders of every kind.
 */
#include "core/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/money.h"

#define ORDER                                                                                                \
    "\"order\":{\"id\":\"o-1\",\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"qty\":2,\"price\":1999},"    \
    "{\"sku\":\"B\",\"qty\":1,\"price\":4950}]}"
#define AT(line) "\"rule\":\"r\",\"at\":\"rules/10_r.lua:" #line "\"}"

struct explained {
    struct ordo_json_parser *parser;
    struct ordo_buffer record, json, text;
};

static struct ordo_json_value parse(struct explained *explained, struct ordo_buffer *bytes)
{
    memset(ordo_buffer_reserve(bytes, ORDO_JSON_PADDING), 0, ORDO_JSON_PADDING);
    assert_int_equal(ordo_json_parse(explained->parser, bytes->ptr, bytes->len, NULL), 0);
    return ordo_json_root(explained->parser);
}

static void explain(struct explained *explained, const char *record, const struct ordo_explain_again *again)
{
    *explained = (struct explained){.parser = ordo_json_parser_new(100)};
    ordo_buffer_append(&explained->record, ordo_str_from(record));
    ordo_explain_write(parse(explained, &explained->record), &ordo_limits_preset, again, &explained->json);
    ordo_explain_text(parse(explained, &explained->json), &explained->text);
    ordo_buffer_put(&explained->json, '\0');
    ordo_buffer_put(&explained->text, '\0');
}

static void explained_done(struct explained *explained)
{
    ordo_json_parser_free(explained->parser);
    ordo_buffer_done(&explained->record);
    ordo_buffer_done(&explained->json);
    ordo_buffer_done(&explained->text);
}

static const struct ordo_explain_again unknown = {.why_not = "other rules run now"};

static void assert_text(const char *record, const struct ordo_explain_again *again, const char *text)
{
    struct explained explained;

    explain(&explained, record, again);
    assert_string_equal(explained.text.ptr, text);
    explained_done(&explained);
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text);
}

/* Order-level amounts are split by line: 4.00 off 89.48 leaves 49.50 - 2.21 for the second item. */
static void test_amounts_before_and_after(void **state)
{
    struct explained explained;

    (void)state;
    explain(
        &explained,
        "{\"id\":\"o-1\",\"status\":\"done\"," ORDER
        ",\"decision\":{\"revision\":1,\"decision\":\"accepted\","
        "\"currency\":\"EUR\",\"subtotal\":8948,\"total\":9500,\"paid\":1000,\"due\":8500,\"operations\":["
        "{\"op\":\"discount\",\"label\":\"a\",\"amount\":400,\"requested\":900," AT(
            1) ","
               "{\"op\":\"discount\",\"label\":\"b\",\"amount\":100,\"item\":2," AT(
                   2) ","
                      "{\"op\":\"fee\",\"label\":\"c\",\"amount\":50,\"item\":2," AT(
                          3) ","
                             "{\"op\":\"fee\",\"label\":\"d\",\"amount\":2," AT(
                                 4) ","
                                    "{\"op\":\"tax\",\"label\":\"e\",\"amount\":300,\"included\":true," AT(
                                        5) ","
                                           "{\"op\":\"tax\",\"label\":\"f\",\"amount\":1000," AT(
                                               6) ","
                                                  "{\"op\":\"pay\",\"label\":\"gift "
                                                  "card\",\"amount\":1000," AT(7) "]}}",
        &unknown);
#define CHANGE(of, before, after) ",\"of\":\"" of "\",\"before\":" #before ",\"after\":" #after "}"
    assert_has(explained.json.ptr, "rules/10_r.lua:1\"" CHANGE("order", 8948, 8548));
    assert_has(explained.json.ptr, "rules/10_r.lua:2\"" CHANGE("item", 4729, 4629));
    assert_has(explained.json.ptr, "rules/10_r.lua:3\"" CHANGE("item", 4629, 4679));
    assert_has(explained.json.ptr, "rules/10_r.lua:4\"" CHANGE("order", 8498, 8500));
    assert_has(explained.json.ptr, "rules/10_r.lua:5\"}");
    assert_has(explained.json.ptr, "rules/10_r.lua:6\"" CHANGE("total", 8500, 9500));
    assert_has(explained.json.ptr, "rules/10_r.lua:7\"" CHANGE("due", 9500, 8500));
    assert_string_equal(
        explained.text.ptr,
        "Order o-1 was accepted.\n"
        "Subtotal 89.48 EUR.\n"
        "r (rules/10_r.lua:1) took 4.00 off: a, instead of the 9.00 that it asked for (89.48 to 85.48).\n"
        "r (rules/10_r.lua:2) took 1.00 off item 2: b (47.29 to 46.29).\n"
        "r (rules/10_r.lua:3) added a fee of 0.50 to item 2: c (46.29 to 46.79).\n"
        "r (rules/10_r.lua:4) added a fee of 0.02: d (84.98 to 85.00).\n"
        "r (rules/10_r.lua:5) found 3.00 of tax in the prices: e.\n"
        "r (rules/10_r.lua:6) added 10.00 of tax: f (total 85.00 to 95.00).\n"
        "r (rules/10_r.lua:7) paid 10.00: gift card (due 95.00 to 85.00).\n"
        "Which rules ran and did nothing is not known: other rules run now.\n"
        "The total is 95.00 EUR, of which 10.00 is paid and 85.00 due.\n");
    explained_done(&explained);
}

static void test_every_other_operation_has_a_sentence(void **state)
{
    (void)state;
    assert_text(
        "{\"id\":\"o-1\",\"status\":\"done\"," ORDER ",\"decision\":{\"decision\":\"rejected\","
        "\"code\":\"fraud\",\"reason\":\"score 90\",\"currency\":\"EUR\",\"subtotal\":8948,\"total\":8948,"
        "\"operations\":["
        "{\"op\":\"cap\",\"label\":\"discount\",\"amount\":500,\"reason\":\"enough\"," AT(
            1) ","
               "{\"op\":\"ship\",\"label\":\"north\",\"items\":[1,2]," AT(
                   2) ","
                      "{\"op\":\"route\",\"label\":\"express\"," AT(
                          3) ","
                             "{\"op\":\"flag\",\"label\":\"review\",\"reason\":\"score\\u001b 70\"," AT(
                                 4) ","
                                    "{\"op\":\"note\",\"text\":\"seen\"," AT(
                                        5) ","
                                           "{\"op\":\"set\",\"label\":\"k\",\"value\":{\"x\":2}," AT(
                                               6) ","
                                                  "{\"op\":\"count\",\"label\":\"orders\",\"amount\":3," AT(
                                                      7) ","
                                                         "{\"op\":\"retry\",\"after_ms\":50,\"reason\":"
                                                         "\"away\"," AT(
                                                             8) ","
                                                                "{\"op\":\"reject\",\"label\":\"fraud\","
                                                                "\"reason\":\"score 90\"," AT(9) "]}}",
        &unknown,
        "Order o-1 was rejected (fraud): score 90.\n"
        "Subtotal 89.48 EUR.\n"
        "r (rules/10_r.lua:1) limited the sum of discount to 5.00: enough.\n"
        "r (rules/10_r.lua:2) put item 1, 2 into the shipment north.\n"
        "r (rules/10_r.lua:3) chose the route express.\n"
        "r (rules/10_r.lua:4) flagged it review: score? 70.\n"
        "r (rules/10_r.lua:5) noted: seen.\n"
        "r (rules/10_r.lua:6) set k to {\"x\":2}.\n"
        "r (rules/10_r.lua:7) counted 3 for orders.\n"
        "r (rules/10_r.lua:8) asked for another try in 50 ms: away.\n"
        "r (rules/10_r.lua:9) rejected it (fraud): score 90.\n"
        "Which rules ran and did nothing is not known: other rules run now.\n"
        "The total is 89.48 EUR.\n");
}

static void test_outcomes(void **state)
{
#define HELD "\"operations\":[{\"op\":\"hold\",\"reason\":\"look\"," AT(1) "]"
    (void)state;
    assert_text(
        "{\"id\":\"o-1\",\"status\":\"held\"," ORDER
        ",\"decision\":{\"decision\":\"held\",\"reason\":\"look\","
        "\"currency\":\"JPY\",\"subtotal\":8948,\"total\":8948," HELD "}}",
        &unknown,
        "Order o-1 is held until a person decides it: look.\nSubtotal 8948 JPY.\n"
        "r (rules/10_r.lua:1) held it: look.\n"
        "Which rules ran and did nothing is not known: other rules run now.\nThe total is 8948 JPY.\n");
    assert_text(
        "{\"id\":\"o-1\",\"status\":\"done\"," ORDER
        ",\"decision\":{\"revision\":2,\"decision\":\"accepted\","
        "\"reason\":\"known\",\"currency\":\"KWD\",\"subtotal\":8948,\"total\":8948," HELD
        ",\"resolved\":{\"by\":\"ann\",\"at\":\"2026-11-23T06:27:05.123Z\"}}}",
        &unknown,
        "Order o-1 was accepted by a person, ann, at 2026-11-23T06:27:05.123Z (revision 2): known.\n"
        "What its rules had said before:\nSubtotal 8.948 KWD.\nr (rules/10_r.lua:1) held it: look.\n"
        "Which rules ran and did nothing is not known: other rules run now.\nThe total is 8.948 KWD.\n");
    assert_text(
        "{\"id\":\"o-1\",\"status\":\"held\"," ORDER ",\"decision\":{\"decision\":\"held\","
        "\"reason\":\"rule error: rules/10_r.lua:4: boom\",\"currency\":\"EUR\",\"subtotal\":5,\"total\":5,"
        "\"operations\":[{\"op\":\"hold\",\"reason\":\"rule error: boom\"," AT(4) "]}}",
        &unknown,
        "Order o-1 is held until a person decides it: rule error: rules/10_r.lua:4: boom.\n"
        "Subtotal 0.05 EUR.\n"
        "r (rules/10_r.lua:4) broke: boom; so the order was held, as rules.on_error wants.\n"
        "Which rules ran and did nothing is not known: other rules run now.\nThe total is 0.05 EUR.\n");
    assert_text("{\"id\":\"o-1\",\"status\":\"dead\"," ORDER
                ",\"decision\":{\"decision\":null,\"code\":\"order_dead\","
                "\"reason\":\"the warehouse is "
                "away\",\"attempts\":[{\"attempt\":1,\"at\":\"2026-11-23T06:27:05.123Z\","
                "\"reason\":\"away\"}]}}",
                &unknown,
                "Order o-1 is dead, nobody decided it: the warehouse is away.\n"
                "Attempt 1 at 2026-11-23T06:27:05.123Z ended so: away.\n");
    assert_text("{\"id\":\"o-1\",\"status\":\"invalid\"," ORDER ",\"problem\":{\"status\":422,\"problems\":["
                "{\"field\":\"currency\",\"message\":\"must be one of EUR\",\"rule\":\"currency\","
                "\"at\":\"validation/20_currency.lua:16\"}]}}",
                &unknown,
                "Order o-1 is not valid, so it was not decided.\n"
                "currency must be one of EUR, says currency (validation/20_currency.lua:16).\n");
}

static void test_what_deciding_again_shows(void **state)
{
    const struct ordo_explain_rule rules[] = {
        {ORDO_STR("form"), ORDO_STR("validation/10_form.lua"), 3, true, true, 1000, 10},
        {ORDO_STR("r"), ORDO_STR("rules/10_r.lua"), 1, false, true, 3500, 100},
        {ORDO_STR("a"), ORDO_STR("rules/20_a.lua"), 5, false, true, 200, 0},
        {ORDO_STR("b"), ORDO_STR("rules/30_b.lua"), 5, false, true, 200, 0},
        {ORDO_STR("c"), ORDO_STR("rules/40_c.lua"), 5, false, false, 0, 0},
    };
    struct ordo_explain_again again = {.rules = rules, .count = 5, .same = true, .runs = 200};
    struct explained explained;
    static const char record[] =
        "{\"id\":\"o-1\",\"status\":\"done\"," ORDER
        ",\"decision\":{\"decision\":\"rejected\",\"code\":\"no\","
        "\"currency\":\"EUR\",\"subtotal\":8948,\"total\":8948,\"operations\":["
        "{\"op\":\"reject\",\"label\":\"no\",\"reason\":\"because\"," AT(
            1) "],\"ctx\":["
               "{\"call\":\"now\",\"answer\":1764138511000," AT(
                   2) ",{\"call\":\"random\",\"answer\":0.25," AT(3) ","
                                                                     "{\"call\":\"sleep\",\"answer\":20," AT(
                                                                         4) "],\"ctx_more\":7}}";

    (void)state;
    explain(&explained, record, &again);
    assert_string_equal(
        explained.text.ptr,
        "Order o-1 was rejected (no).\nSubtotal 89.48 EUR.\n"
        "r (rules/10_r.lua:1) rejected it (no): because.\n"
        "r (rules/10_r.lua:2) asked for the time: 2025-11-26T06:28:31.000Z.\n"
        "r (rules/10_r.lua:3) asked ctx.random, which answered 0.25.\n"
        "r (rules/10_r.lua:4) waited 20 ms.\n"
        "ctx was asked 7 more times.\n"
        "1 check found nothing wrong: form.\n"
        "2 rules ran and did nothing: a, b.\n"
        "1 rule did not run any more: c.\n"
        "Measured just now, as the least of 200 times: checks and rules take 4.9 us, and they "
        "allocate 110 bytes; r takes the most, 3.5 us.\n"
        "The total is 89.48 EUR.\n");
    assert_has(explained.json.ptr,
               "\"again\":{\"same\":true,\"measured\":200,\"rules\":[{\"check\":\"form\","
               "\"at\":\"validation/10_form.lua:3\",\"ran\":true,\"ns\":1000,\"bytes\":10},"
               "{\"rule\":\"r\",\"at\":\"rules/"
               "10_r.lua:1\",\"ran\":true,\"operations\":1,\"ns\":3500,\"bytes\":100},");
    assert_has(explained.json.ptr,
               "{\"rule\":\"c\",\"at\":\"rules/40_c.lua:5\",\"ran\":false,\"operations\":0}]}}");
    explained_done(&explained);
    again.same = false;
    explain(&explained, record, &again);
    assert_has(explained.text.ptr, "Decided again just now it comes out otherwise");
    assert_has(explained.json.ptr, "\"again\":{\"same\":false}}");
    explained_done(&explained);
}

/* Records that are damaged or of other limits: less is said, and nothing breaks. */
static void test_odd_records(void **state)
{
    struct explained explained;

    (void)state;
    explain(
        &explained,
        "{\"id\":\"o-1\",\"status\":\"done\",\"order\":7,\"decision\":{\"subtotal\":100,\"currency\":\"X\","
        "\"operations\":[{\"op\":\"discount\",\"amount\":10,\"item\":3},{\"op\":\"fee\",\"amount\":-5},"
        "{\"op\":\"what\"},{\"op\":\"discount\",\"amount\":10}]}}",
        &unknown);
    assert_has(explained.json.ptr,
               "{\"op\":\"discount\",\"amount\":10,\"item\":3},{\"op\":\"fee\",\"amount\":-5},"
               "{\"op\":\"what\"},{\"op\":\"discount\",\"amount\":10,\"of\":\"order\",\"before\":90,"
               "\"after\":80}]");
    explained_done(&explained);
}

static void test_money(void **state)
{
    static const struct {
        int64_t amount;
        const char *currency, *text;
    } rows[] = {
        {8948, "EUR", "89.48"},     {5, "EUR", "0.05"},    {-1163, "EUR", "-11.63"},
        {0, "EUR", "0.00"},         {8948, "JPY", "8948"}, {5, "KWD", "0.005"},
        {123456, "CLF", "12.3456"}, {1, "E", "0.01"},      {9007199254740992, "EUR", "90071992547409.92"}};
    struct ordo_buffer out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        ordo_buffer_clear(&out);
        ordo_money_put(&out, rows[i].amount, ordo_money_decimals(ordo_str_from(rows[i].currency)));
        ordo_buffer_put(&out, '\0');
        assert_string_equal(out.ptr, rows[i].text);
    }
    ordo_buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amounts_before_and_after),
        cmocka_unit_test(test_every_other_operation_has_a_sentence),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_what_deciding_again_shows),
        cmocka_unit_test(test_odd_records),
        cmocka_unit_test(test_money),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
