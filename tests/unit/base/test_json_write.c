/* SPDX-License-Identifier: MIT
 * test_json_write.c: commas, escapes and numbers are what RFC 8259 asks for, and what is written reads back
 * the same.
 */
#include "base/json_write.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ordo_buffer out;

static struct ordo_json_writer fresh(void)
{
    ordo_buffer_done(&out); /* starts small, so that every test grows it */
    return ordo_json_writer(&out);
}

#define assert_written(expected) assert_text(ordo_buffer_str(&out), ORDO_STR(expected), __FILE__, __LINE__)

static void assert_text(ordo_str got, ordo_str expected, const char *file, int line)
{
    if (ordo_str_equal(got, expected))
        return;
    print_error("wrote    " ORDO_STR_FMT "\nexpected " ORDO_STR_FMT "\n", ORDO_STR_ARG(got),
                ORDO_STR_ARG(expected));
    _fail(file, line);
}

static void test_commas(void **state)
{
    struct ordo_json_writer json = fresh();

    (void)state;
    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("id"), ORDO_STR("o-1"));
    ordo_json_key(&json, ORDO_STR("items"));
    ordo_json_array(&json);
    ordo_json_object(&json);
    ordo_json_end_object(&json);
    ordo_json_array(&json);
    ordo_json_end_array(&json);
    ordo_json_int(&json, 1);
    ordo_json_double(&json, 2.5);
    ordo_json_string(&json, ORDO_STR(""));
    ordo_json_bool(&json, true);
    ordo_json_bool(&json, false);
    ordo_json_null(&json);
    ordo_json_raw(&json, ORDO_STR("{\"a\":[1]}"));
    ordo_json_object(&json);
    ordo_json_key(&json, ORDO_STR(""));
    ordo_json_null(&json);
    ordo_json_key_escaped(&json, ORDO_STR("b"));
    ordo_json_null(&json);
    ordo_json_end_object(&json);
    ordo_json_end_array(&json);
    ordo_json_key_int(&json, ORDO_STR("n"), -5);
    ordo_json_key_escaped(&json, ORDO_STR("a \"key\"\n"));
    ordo_json_bool(&json, true);
    ordo_json_end_object(&json);
    assert_written(
        "{\"id\":\"o-1\",\"items\":[{},[],1,2.5,\"\",true,false,null,{\"a\":[1]},{\"\":null,\"b\":null}],"
        "\"n\":-5,\"a \\\"key\\\"\\n\":true}");
}

static void test_writes_behind_what_is_there(void **state)
{
    struct ordo_json_writer json = fresh();

    (void)state;
    ordo_buffer_append(&out, ORDO_STR("data: "));
    ordo_json_array(&json);
    ordo_json_end_array(&json);
    json = ordo_json_writer(&out);
    ordo_json_array(&json);
    ordo_json_end_array(&json);
    assert_written("data: [][]");
}

static void check_string(ordo_str text, ordo_str expected)
{
    struct ordo_json_writer json = fresh();

    ordo_json_string(&json, text);
    assert_text(ordo_buffer_str(&out), expected, __FILE__, __LINE__);
    assert_true(json.comma);
}

static void test_escapes(void **state)
{
    (void)state;
    check_string(ORDO_STR_NONE, ORDO_STR("\"\""));
    check_string(ORDO_STR("\"\\/"), ORDO_STR("\"\\\"\\\\/\""));
    check_string(ORDO_STR("\b\f\n\r\t"), ORDO_STR("\"\\b\\f\\n\\r\\t\""));
    check_string(ORDO_STR("\0\x01\x0b\x1f\x20\x7f"), ORDO_STR("\"\\u0000\\u0001\\u000b\\u001f \x7f\""));
}

/* What one byte or sequence becomes, at each place of a text of each length, so also at each place of a
 * word. */
static void check_everywhere(ordo_str piece, ordo_str becomes)
{
    char text[64], expected[128];

    for (size_t len = 0; len <= 24; len++) {
        for (size_t at = 0; at <= len; at++) {
            size_t n = 0;

            memset(text, 'a', sizeof(text));
            memcpy(text + at, piece.ptr, piece.len);
            expected[n++] = '"';
            memset(expected + n, 'a', len);
            memcpy(expected + n + at, becomes.ptr, becomes.len);
            memset(expected + n + at + becomes.len, 'a', len - at);
            n += len + becomes.len;
            expected[n++] = '"';
            check_string((ordo_str){text, len + piece.len}, (ordo_str){expected, n});
        }
    }
}

static void test_every_byte_everywhere(void **state)
{
    static const char shorts[][2] = {{'\b', 'b'}, {'\f', 'f'}, {'\n', 'n'}, {'\r', 'r'},
                                     {'\t', 't'}, {'"', '"'},  {'\\', '\\'}};
    char becomes[8], byte;

    (void)state;
    for (int value = 0; value < 256; value++) {
        byte = (char)value;
        snprintf(becomes, sizeof(becomes), value < 0x20 ? "\\u%04x" : "%c", value);
        if (value >= 0x80)
            snprintf(becomes, sizeof(becomes), "\xef\xbf\xbd");
        for (size_t i = 0; i < sizeof(shorts) / sizeof(shorts[0]); i++) {
            if (byte == shorts[i][0])
                snprintf(becomes, sizeof(becomes), "\\%c", shorts[i][1]);
        }
        check_everywhere((ordo_str){&byte, 1}, ordo_str_from(becomes));
    }
}

static void test_characters_stay(void **state)
{
    /* The first and last of each length, and those beside the surrogates. */
    static const char *const characters[] = {
        "\xc2\x80",         "\xc3\xbc",         "\xdf\xbf",         "\xe0\xa0\x80", "\xe2\x82\xac",
        "\xed\x9f\xbf",     "\xee\x80\x80",     "\xef\xbf\xbd",     "\xef\xbf\xbf", "\xf0\x90\x80\x80",
        "\xf0\x9f\x9a\x9a", "\xf3\xbf\xbf\xbf", "\xf4\x8f\xbf\xbf",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++)
        check_everywhere(ordo_str_from(characters[i]), ordo_str_from(characters[i]));
}

#define R "\xef\xbf\xbd"

static void test_what_is_not_utf8_is_replaced(void **state)
{
    static const struct {
        const char *bytes, *becomes;
    } cases[] = {
        {"\xc0\x80", R R},             /* overlong NUL */
        {"\xc1\xbf", R R},             /* overlong */
        {"\xe0\x9f\xbf", R R R},       /* overlong */
        {"\xf0\x8f\xbf\xbf", R R R R}, /* overlong */
        {"\xed\xa0\x80", R R R},       /* a surrogate */
        {"\xed\xbf\xbf", R R R},       /* a surrogate */
        {"\xf4\x90\x80\x80", R R R R}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", R R R R}, /* never a first byte */
        {"\xff\xfe", R R},
        {"\xc3", R},     /* cut short */
        {"\xe2\x82", R}, /* cut short: one character's worth */
        {"\xf0\x9f\x9a", R},
        {"\xf0\x9f\"", R "\\\""},       /* the quote is not swallowed */
        {"\xe2\xc3\xbc", R "\xc3\xbc"}, /* nor the next character */
        {"\x80\xbf", R R},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_everywhere(ordo_str_from(cases[i].bytes), ordo_str_from(cases[i].becomes));
}

static void test_cut_sequence_does_not_read_on(void **state)
{
    /* The character's rest stands behind the text's end and is not part of it. */
    (void)state;
    check_string((ordo_str){"\xe2\x82\xac", 2}, ORDO_STR("\"" R "\""));
    check_string((ordo_str){"\xf0\x9f\x9a\x9a", 1}, ORDO_STR("\"" R "\""));
}

static void test_long_string_of_the_worst_kind(void **state)
{
    enum { COUNT = 10000 };
    struct ordo_json_writer json = fresh();
    char *text = malloc(COUNT);

    (void)state;
    assert_non_null(text);
    memset(text, 1, COUNT);
    ordo_json_string(&json, (ordo_str){text, COUNT});
    assert_int_equal(out.len, COUNT * 6 + 2);
    for (size_t i = 0; i < COUNT; i++)
        assert_memory_equal(out.ptr + 1 + i * 6, "\\u0001", 6);
    free(text);
}

static void test_fills_whatever_room_is_left(void **state)
{
    static const char worst[] = "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01";

    (void)state;
    for (size_t len = 1; len < sizeof(worst); len++) {
        for (size_t room = 1; room <= 100; room++) {
            struct ordo_json_writer json = fresh();

            ordo_buffer_reserve(&out, 1);
            out.len = out.capacity - room;
            memset(out.ptr, ' ', out.len);
            ordo_json_string(&json, (ordo_str){worst, len});
            assert_true(out.len <= out.capacity);
            assert_memory_equal(out.ptr + out.len - 7, "\\u0001\"", 7);

            out.len = out.capacity - room;
            ordo_json_key_escaped(&json, (ordo_str){worst, len});
            assert_true(out.len <= out.capacity);
            assert_memory_equal(out.ptr + out.len - 8, "\\u0001\":", 8);

            out.len = out.capacity - room;
            ordo_json_int(&json, INT64_MIN);
            assert_true(out.len <= out.capacity);
        }
    }
}

static void test_warm_buffer_is_not_grown_for_plain_text(void **state)
{
    struct ordo_json_writer json = fresh();
    char text[200];
    size_t capacity;

    (void)state;
    memset(text, 'x', sizeof(text));
    ordo_json_string(&json, (ordo_str){text, sizeof(text)});
    capacity = out.capacity;
    for (int i = 0; i < 10; i++) {
        ordo_buffer_clear(&out);
        json = ordo_json_writer(&out);
        ordo_json_string(&json, (ordo_str){text, sizeof(text)});
    }
    assert_int_equal(out.capacity, capacity);
}

static void check_int(int64_t number)
{
    struct ordo_json_writer json = fresh();
    char expected[64];

    snprintf(expected, sizeof(expected), "%lld", (long long)number);
    ordo_json_int(&json, number);
    assert_text(ordo_buffer_str(&out), ordo_str_from(expected), __FILE__, __LINE__);
    ordo_json_int(&json, number);
    snprintf(expected, sizeof(expected), "%lld,%lld", (long long)number, (long long)number);
    assert_text(ordo_buffer_str(&out), ordo_str_from(expected), __FILE__, __LINE__);
}

static void test_ints(void **state)
{
    uint64_t seed = 88172645463325252u;
    int64_t power = 1;

    (void)state;
    for (int64_t number = -10001; number <= 10001; number++)
        check_int(number);
    for (int digits = 1; digits <= 19; digits++) {
        check_int(power - 1);
        check_int(power);
        check_int(power + 1);
        check_int(-power);
        if (digits < 19)
            power *= 10;
    }
    for (int bit = 0; bit < 63; bit++) {
        check_int(INT64_C(1) << bit);
        check_int((INT64_C(1) << bit) - 1);
        check_int(-(INT64_C(1) << bit));
    }
    for (int i = 0; i < 10000; i++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        check_int((int64_t)(seed >> (seed & 63)));
        check_int((int64_t)seed);
    }
    check_int(INT64_MAX);
    check_int(INT64_MIN);
}

static void check_double(double number, const char *expected)
{
    struct ordo_json_writer json = fresh();

    ordo_json_double(&json, number);
    assert_text(ordo_buffer_str(&out), ordo_str_from(expected), __FILE__, __LINE__);
    assert_true(json.comma);
}

static void test_doubles(void **state)
{
    (void)state;
    check_double(0, "0");
    check_double(-0.0, "0");
    check_double(2, "2");
    check_double(-17, "-17");
    check_double(2.5, "2.5");
    check_double(0.1, "0.1");
    check_double(0.1 + 0.2, "0.30000000000000004");
    check_double(1.0 / 3, "0.3333333333333333");
    check_double(-1e-7, "-1e-07");
    check_double(123456789012345, "123456789012345");
    check_double(9007199254740992, "9007199254740992");
    check_double(-9007199254740992, "-9007199254740992");
    check_double(1e300, "1e+300");
    check_double(DBL_MAX, "1.7976931348623157e+308");
    check_double(-DBL_MIN, "-2.2250738585072014e-308");
    check_double(5e-324, "5e-324");
    check_double((double)NAN, "null");
    check_double((double)INFINITY, "null");
    check_double(-(double)INFINITY, "null");
}

static void test_doubles_read_back(void **state)
{
    uint64_t seed = 88172645463325252u;
    struct ordo_json_writer json;
    double number;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        memcpy(&number, &seed, sizeof(number));
        if (!isfinite(number))
            continue;
        json = fresh();
        ordo_json_double(&json, number);
        ordo_buffer_put(&out, '\0');
        assert_true(strtod(out.ptr, NULL) == number);
    }
}

static int teardown(void **state)
{
    (void)state;
    ordo_buffer_done(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commas),
        cmocka_unit_test(test_writes_behind_what_is_there),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_every_byte_everywhere),
        cmocka_unit_test(test_characters_stay),
        cmocka_unit_test(test_what_is_not_utf8_is_replaced),
        cmocka_unit_test(test_cut_sequence_does_not_read_on),
        cmocka_unit_test(test_long_string_of_the_worst_kind),
        cmocka_unit_test(test_fills_whatever_room_is_left),
        cmocka_unit_test(test_warm_buffer_is_not_grown_for_plain_text),
        cmocka_unit_test(test_ints),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_doubles_read_back),
    };

    return cmocka_run_group_tests_name("json_write", tests, NULL, teardown);
}
