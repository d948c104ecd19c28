/* SPDX-License-Identifier: MIT
 * Query strings, and every parameter of GET /orders at its edges.
 */
#include "http/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void expect_decoded(const char *text, bool plus, const char *expected)
{
    char out[16];
    size_t len;

    assert_true(ordo__percent_decode(ordo_str_from(text), plus, out, sizeof(out), &len));
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
}

static void expect_not_decoded(const char *text)
{
    char out[16];
    size_t len;

    assert_false(ordo__percent_decode(ordo_str_from(text), true, out, sizeof(out), &len));
}

static void test_percent_escapes_are_decoded(void **state)
{
    (void)state;
    expect_decoded("", true, "");
    expect_decoded("a%20b+c", true, "a b c");
    expect_decoded("a+b", false, "a+b");
    expect_decoded("%41%7e%7E", true, "A~~");
    expect_decoded("1234567890123456", true, "1234567890123456");
}

static void test_broken_escapes_are_refused(void **state)
{
    (void)state;
    expect_not_decoded("%");
    expect_not_decoded("a%4");
    expect_not_decoded("%4g");
    expect_not_decoded("%g4");
    expect_not_decoded("a%00b");
    expect_not_decoded("12345678901234567");
}

static void test_pairs_come_in_turn(void **state)
{
    ordo_str rest = ORDO_STR("a=1&&b&c=&=d&e=f=g"), name, value;
    const char *expected[][2] = {{"a", "1"}, {"b", ""}, {"c", ""}, {"", "d"}, {"e", "f=g"}};

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        assert_true(ordo__query_next(&rest, &name, &value));
        assert_true(ordo_str_equal(name, ordo_str_from(expected[i][0])));
        assert_true(ordo_str_equal(value, ordo_str_from(expected[i][1])));
    }
    assert_false(ordo__query_next(&rest, &name, &value));
}

static struct ordo__list_query parse(const char *text)
{
    struct ordo__list_query list;
    struct ordo_error err = {0};

    if (ordo__list_query_parse(ordo_str_from(text), &list, &err) != 0)
        fail_msg("'%s' was refused: %s", text, err.message);
    return list;
}

static void expect_refused(const char *text, const char *message)
{
    struct ordo__list_query list;
    struct ordo_error err = {0};

    assert_int_equal(ordo__list_query_parse(ordo_str_from(text), &list, &err), ORDO_ECONFIG);
    assert_string_equal(err.message, message);
}

static void test_without_parameters_everything_is_listed(void **state)
{
    struct ordo__list_query list = parse("");

    (void)state;
    assert_int_equal(list.query.size, sizeof(list.query));
    assert_int_equal(list.query.statuses, 0);
    assert_int_equal(list.query.priority, -1);
    assert_int_equal(list.query.customer.len, 0);
    assert_true(list.query.after.high == 0 && list.query.after.low == 0);
    assert_true(list.query.since_ms == 0 && list.query.until_ms == 0);
    assert_int_equal(list.query.limit, 50);
    assert_false(list.with_order);
}

static void test_every_parameter_is_read(void **state)
{
    char text[256];
    struct ordo__list_query list;
    struct ordo_error err = {0};

    (void)state;
    snprintf(text, sizeof(text),
             "status=done,held&status=dead&customer=c%%2042&priority=low&after=17-18446744073709551615&"
             "since=1970-01-01T00:00:01Z&until=1970-01-01T00:00:02%%2B00:00&"
             "limit=1000&detail=full");
    assert_int_equal(ordo__list_query_parse(ordo_str_from(text), &list, &err), 0);
    assert_int_equal(list.query.statuses, ORDO_STATUS_BIT(ORDO_STATUS_DONE) |
                                              ORDO_STATUS_BIT(ORDO_STATUS_HELD) |
                                              ORDO_STATUS_BIT(ORDO_STATUS_DEAD));
    assert_int_equal(list.query.priority, ORDO_PRIORITY_LOW);
    assert_true(list.query.after.high == 17 && list.query.after.low == UINT64_MAX);
    assert_true(list.query.since_ms == 1000 && list.query.until_ms == 2000);
    assert_int_equal(list.query.limit, 1000);
    assert_true(list.with_order);
    assert_true(ordo_str_equal(list.query.customer, ORDO_STR("c 42")));
}

static void test_limits_at_their_edges(void **state)
{
    (void)state;
    assert_int_equal(parse("limit=1").query.limit, 1);
    expect_refused("limit=0", "limit: a number from 1 to 1000, not '0'");
    expect_refused("limit=1001", "limit: a number from 1 to 1000, not '1001'");
    expect_refused("limit=-1", "limit: a number from 1 to 1000, not '-1'");
    expect_refused("limit=", "limit: a number from 1 to 1000, not ''");
    expect_refused("limit=18446744073709551617",
                   "limit: a number from 1 to 1000, not '18446744073709551617'");
    expect_refused("after=0-0", "after: the `next` of the page before, not '0-0'");
    expect_refused("after=1-18446744073709551616",
                   "after: the `next` of the page before, not '1-18446744073709551616'");
    expect_refused("after=7", "after: the `next` of the page before, not '7'");
    expect_refused(
        "since=yesterday",
        "since: a time like 2026-11-23T06:27:05.123Z or a day like 2026-11-23, from 1970 to 9999, not "
        "'yesterday'");
    expect_refused(
        "until=",
        "until: a time like 2026-11-23T06:27:05.123Z or a day like 2026-11-23, from 1970 to 9999, not ''");
    expect_refused(
        "since=2026-11-23T06:27:05+01:00",
        "since: a time like 2026-11-23T06:27:05.123Z or a day like 2026-11-23, from 1970 to 9999, not "
        "'2026-11-23T06:27:05 01:00'; in an address a + stands for a space, so write the + of an offset as "
        "%2B");
    assert_int_equal(parse("since=1970-01-02").query.since_ms, 86400000);
    expect_refused("after=x", "after: the `next` of the page before, not 'x'");
}

static void test_customers_have_at_most_128_bytes(void **state)
{
    char text[160] = "customer=";

    (void)state;
    expect_refused("customer=", "customer: 1 to 128 bytes, not 0");
    memset(text + 9, 'c', 128);
    assert_int_equal(parse(text).query.customer.len, 128);
    memset(text + 9, 'c', 129);
    expect_refused(text, "customer: 1 to 128 bytes, not 129");
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    expect_refused("limt=3", "there is no parameter 'limt'; did you mean 'limit'?");
    expect_refused("zzz=3",
                   "there is no parameter 'zzz'; there are after, customer, detail, limit, priority, since, "
                   "status and until");
    expect_refused("limit=3&limit=4", "limit: given twice");
    expect_refused("detail=all", "detail: full, or leave it out, not 'all'");
    expect_refused("customer=%zz", "customer: a bad %-escape, or too long");
    expect_refused("priority=1", "priority: high, medium or low, not '1'");
    expect_refused("status=done,",
                   "status: one or more of queued, done, held, invalid, dead with commas between, not ''");
    expect_refused(
        "status=runing",
        "status: one or more of queued, done, held, invalid, dead with commas between, not 'runing'");
}

static void test_where_an_order_is_just_now_cannot_be_listed(void **state)
{
    static const char *const moments[] = {"running", "waiting", "recording"};
    char text[64], message[160];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), "status=done,%s", moments[i]);
        snprintf(message, sizeof(message),
                 "status: orders cannot be listed by '%s', which is only what one on its way does just now; "
                 "ask for queued",
                 moments[i]);
        expect_refused(text, message);
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_percent_escapes_are_decoded),
        cmocka_unit_test(test_broken_escapes_are_refused),
        cmocka_unit_test(test_pairs_come_in_turn),
        cmocka_unit_test(test_without_parameters_everything_is_listed),
        cmocka_unit_test(test_every_parameter_is_read),
        cmocka_unit_test(test_limits_at_their_edges),
        cmocka_unit_test(test_customers_have_at_most_128_bytes),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_where_an_order_is_just_now_cannot_be_listed),
    };

    return cmocka_run_group_tests(cases, NULL, NULL);
}
