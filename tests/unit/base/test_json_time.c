/* SPDX-License-Identifier: MIT
 * test_json_time.c: moments as text, against the C library's calendar.
 */
#include "base/json_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static void assert_time(int64_t utc_ms, const char *expected)
{
    char text[ORDO_TIME_TEXT + 1] = {0};

    ordo_time_format(utc_ms, text);
    assert_string_equal(text, expected);
}

static void test_moments(void **state)
{
    (void)state;
    assert_time(0, "1970-01-01T00:00:00.000Z");
    assert_time(951782399999, "2000-02-28T23:59:59.999Z");
    assert_time(951782400000, "2000-02-29T00:00:00.000Z");
    assert_time(1790000000123, "2026-09-21T14:13:20.123Z");
    assert_time(4107542399000, "2100-02-28T23:59:59.000Z");
    assert_time(4107542400000, "2100-03-01T00:00:00.000Z"); /* 2100 is no leap year */
    assert_time(253402300799999, "9999-12-31T23:59:59.999Z");
    assert_time(253402300800000, "9999-12-31T23:59:59.999Z");
    assert_time(INT64_MAX, "9999-12-31T23:59:59.999Z");
    assert_time(-1, "1970-01-01T00:00:00.000Z");
}

static void assert_parsed(const char *text, int64_t expected_ms)
{
    int64_t ms = -1;

    assert_true(ordo_time_parse(ordo_str_from(text), &ms));
    assert_int_equal(ms, expected_ms);
}

static void test_text_is_read(void **state)
{
    (void)state;
    assert_parsed("1970-01-01T00:00:00Z", 0);
    assert_parsed("2000-02-29T00:00:00.000Z", 951782400000);
    assert_parsed("2026-09-21T14:13:20.123Z", 1790000000123);
    assert_parsed("2026-09-21T14:13:20.123999999Z", 1790000000123);
    assert_parsed("2026-09-21T14:13:20.1Z", 1790000000100);
    assert_parsed("2026-09-21T16:13:20.123+02:00", 1790000000123);
    assert_parsed("2026-09-21T08:43:20.123-05:30", 1790000000123);
    assert_parsed("9999-12-31T23:59:59.999Z", 253402300799999);
    assert_parsed("2026-09-21", 1789948800000);
    assert_parsed("1970-01-01", 0);
}

static void test_wrong_text_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "2026",
        "2026-09-21T",
        "2026-02-29",
        "2026-09-21 ",
        "2026-09-21T14:13:20",
        "2026-09-21 14:13:20Z",
        "2026-09-21T14:13:20Zx",
        "2026-13-21T14:13:20Z",
        "2026-00-21T14:13:20Z",
        "2026-02-29T14:13:20Z",
        "2100-02-29T00:00:00Z",
        "2026-09-31T14:13:20Z",
        "2026-09-21T24:13:20Z",
        "2026-09-21T14:60:20Z",
        "2026-09-21T14:13:60Z",
        "2026-09-21T14:13:20.Z",
        "2026-09-21T14:13:20.1234567890Z",
        "2026-09-21T14:13:20+24:00",
        "2026-09-21T14:13:20+0200",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "-026-09-21T14:13:20Z",
    };
    int64_t ms = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        if (ordo_time_parse(ordo_str_from(wrong[i]), &ms))
            fail_msg("'%s' was read", wrong[i]);
    assert_int_equal(ms, 7);
}

static void test_every_day_of_200_years(void **state)
{
    char expected[96];
    struct tm utc;

    (void)state;
    for (time_t day = 0; day < 366 * 200; day++) {
        time_t seconds = day * 86400 + day % 86400;

        gmtime_r(&seconds, &utc);
        snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.007Z", utc.tm_year + 1900,
                 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
        assert_time((int64_t)seconds * 1000 + 7, expected);
    }
}

static void test_as_json(void **state)
{
    struct ordo_buffer out = {0};
    struct ordo_json_writer json = ordo_json_writer(&out);

    (void)state;
    ordo_json_array(&json);
    ordo_json_time(&json, 0);
    ordo_json_time(&json, 1);
    ordo_json_end_array(&json);
    assert_true(ordo_str_equal(ordo_buffer_str(&out),
                               ORDO_STR("[\"1970-01-01T00:00:00.000Z\",\"1970-01-01T00:00:00.001Z\"]")));
    ordo_buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_text_is_read),
        cmocka_unit_test(test_wrong_text_is_refused),
        cmocka_unit_test(test_every_day_of_200_years),
        cmocka_unit_test(test_as_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
