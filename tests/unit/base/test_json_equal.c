/* SPDX-License-Identifier: MIT
 * test_json_equal.c: other spellings of a document are equal to it, other values are not.
 */
#include "base/json_equal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"

/* Both ways round. */
static bool are_equal(const char *a, const char *b)
{
    bool equal = ordo_json_text_equal(ordo_str_from(a), ordo_str_from(b));

    assert_int_equal(ordo_json_text_equal(ordo_str_from(b), ordo_str_from(a)), equal);
    return equal;
}

static void test_other_spellings_are_equal(void **state)
{
    static const char *const rows[][2] = {
        {"null", " null\n"},
        {"true", "true"},
        {"[1,2,{}]", " [ 1 , 2 ,\t{ } ]\r\n"},
        {"{}", "{ }"},
        {"[]", "[ ]"},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}"},
        {"{\"a\":1,\"aa\":2,\"\":3}", "{\"\":3,\"aa\":2,\"a\":1}"},
        {"{\"a\":{\"b\":[{\"c\":1,\"d\":2}],\"e\":3}}", "{\"a\":{\"e\":3,\"b\":[{\"d\":2,\"c\":1}]}}"},
        {"\"\xc3\xa9\xf0\x9f\x98\x80/\\n\"", "\"\\u00e9\\uD83D\\ude00\\/\\u000a\""},
        {"{\"\\u0061\":1}", "{\"a\":1}"},
        {"\"\\u0000\"", "\"\\u0000\""},
        {"2", "2.0"},
        {"2", "20e-1"},
        {"100", "1e2"},
        {"100", "1E+2"},
        {"0.1", "0.10"},
        {"0.1", "1e-1"},
        {"0", "-0"},
        {"0", "-0.0"},
        {"0.0", "-0.0"},
        {"-7", "-7.0"},
        {"9007199254740992", "9007199254740992.0"},
        {"-9223372036854775808", "-9223372036854775808.0"},
        {"9223372036854775808", "9223372036854775808.0"},
        {"9223372036854775808", "9.223372036854775808e18"},
        {"18446744073709551615", "18446744073709551615"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (!are_equal(rows[i][0], rows[i][1]))
            fail_msg("%s should equal %s", rows[i][0], rows[i][1]);
}

static void test_other_values_differ(void **state)
{
    static const char *const rows[][2] = {
        {"null", "false"},
        {"null", "0"},
        {"true", "false"},
        {"true", "1"},
        {"\"1\"", "1"},
        {"\"\"", "null"},
        {"\"a\"", "\"A\""},
        {"\"a\"", "\"ab\""},
        {"\"a\\u0000b\"", "\"a\\u0000c\""},
        {"\"\xc3\xa9\"", "\"e\xcc\x81\""}, /* the same letter, another text */
        {"[]", "{}"},
        {"[]", "[null]"},
        {"[1,2]", "[2,1]"},
        {"[1,2]", "[1,2,3]"},
        {"[1]", "[[1]]"},
        {"{\"a\":1}", "{}"},
        {"{\"a\":1}", "{\"a\":2}"},
        {"{\"a\":1}", "{\"b\":1}"},
        {"{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}"},
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}"},
        {"{\"a\":null}", "{}"},
        {"{\"a\":{\"b\":[1,{\"c\":1}]}}", "{\"a\":{\"b\":[1,{\"c\":2}]}}"},
        {"2", "2.5"},
        {"1", "-1"},
        {"0.1", "0.2"},
        {"9007199254740993", "9007199254740992"},
        {"9007199254740993", "9007199254740993.0"}, /* this double is ...992 */
        {"9223372036854775807", "9223372036854775807.0"},
        {"9223372036854775807", "9223372036854775808"},
        {"18446744073709551615", "18446744073709551615.0"}, /* this double is 2^64 */
        {"18446744073709551615", "-1"},
        {"9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "-9223372036854775808.0"},
        {"1e300", "9223372036854775807"},
        {"-1e300", "-9223372036854775808"},
        {"1e300", "18446744073709551615"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (are_equal(rows[i][0], rows[i][1]))
            fail_msg("%s should not equal %s", rows[i][0], rows[i][1]);
}

static void test_what_is_not_json_equals_nothing(void **state)
{
    (void)state;
    assert_false(are_equal("", ""));
    assert_false(are_equal("{", "{"));
    assert_false(are_equal("[1]", "[1"));
    assert_false(are_equal("{\"a\":1,\"\\u0061\":1}", "{\"a\":1}"));
    assert_false(ordo_json_text_equal(ORDO_STR_NONE, ORDO_STR("1")));
}

/* depth times `open`, then the value, then depth times `close`. */
static char *nested(size_t depth, const char *open, const char *value, const char *close)
{
    struct ordo_buffer out = {0};

    for (size_t i = 0; i < depth; i++)
        ordo_buffer_append(&out, ordo_str_from(open));
    ordo_buffer_append(&out, ordo_str_from(value));
    for (size_t i = 0; i < depth; i++)
        ordo_buffer_append(&out, ordo_str_from(close));
    ordo_buffer_put(&out, '\0');
    return out.ptr;
}

static void test_depth_is_bounded_as_the_parser_is(void **state)
{
    static const struct {
        size_t depth;
        bool equal;
    } rows[] = {{1, true}, {64, true}, {1024, true}, {1025, false}, {100000, false}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char *array = nested(rows[i].depth, "[", "1", "]"), *other = nested(rows[i].depth, " [", "1.0", "] ");
        char *object = nested(rows[i].depth, "{\"a\":1,\"b\":", "1", "}");
        char *turned = nested(rows[i].depth, "{\"b\":", "1", ",\"a\":1}");
        char *wrong = nested(rows[i].depth, "{\"b\":", "2", ",\"a\":1}");

        assert_int_equal(are_equal(array, other), rows[i].equal);
        assert_int_equal(are_equal(object, turned), rows[i].equal);
        assert_false(are_equal(object, wrong));
        free(array);
        free(other);
        free(object);
        free(turned);
        free(wrong);
    }
}

/* Members in the opposite order: comparing each with each would take 10^10 steps, far beyond the test's time. */
static void test_a_large_object_takes_no_quadratic_time(void **state)
{
    enum { COUNT = 100000 };
    struct ordo_buffer rising = {0}, falling = {0};

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        ordo_buffer_printf(&rising, "%c\"k%d\":%d", i == 0 ? '{' : ',', i, i);
        ordo_buffer_printf(&falling, "%c\"k%d\":%d", i == 0 ? '{' : ',', COUNT - 1 - i, COUNT - 1 - i);
    }
    ordo_buffer_put(&rising, '}');
    ordo_buffer_put(&falling, '}');
    assert_true(ordo_json_text_equal(ordo_buffer_str(&rising), ordo_buffer_str(&falling)));
    falling.ptr[falling.len - 2] = '1'; /* "k0":0 */
    assert_false(ordo_json_text_equal(ordo_buffer_str(&rising), ordo_buffer_str(&falling)));
    ordo_buffer_done(&rising);
    ordo_buffer_done(&falling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_spellings_are_equal),
        cmocka_unit_test(test_other_values_differ),
        cmocka_unit_test(test_what_is_not_json_equals_nothing),
        cmocka_unit_test(test_depth_is_bounded_as_the_parser_is),
        cmocka_unit_test(test_a_large_object_takes_no_quadratic_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
