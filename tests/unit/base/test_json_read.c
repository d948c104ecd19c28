/* SPDX-License-Identifier: MIT
 * test_json_read.c: what is JSON and what is not, with the place that is told; values; copies.
 */
#include "base/json_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json_copy.h"

enum { DEPTH = 64 };

/* Parses a copy that ends where its padding begins, so that a sanitizer sees any step beyond it. */
static int parse(struct ordo_json_parser *parser, const char *text, size_t len, char **ret_padded,
                 struct ordo_error *err)
{
    *ret_padded = calloc(1, len + ORDO_JSON_PADDING);
    assert_non_null(*ret_padded);
    memcpy(*ret_padded, text, len);
    return ordo_json_parse(parser, *ret_padded, len, err);
}

/* Parses and writes again: what was understood. NULL when refused; the caller frees. */
static char *understand(const char *text)
{
    struct ordo_json_parser *parser = ordo_json_parser_new(DEPTH);
    struct ordo_buffer out = {0};
    struct ordo_json_writer json = ordo_json_writer(&out);
    char *padded;
    int result = parse(parser, text, strlen(text), &padded, NULL);

    if (result == 0) {
        ordo_json_copy(&json, ordo_json_root(parser));
        ordo_buffer_put(&out, '\0');
    }
    free(padded);
    ordo_json_parser_free(parser);
    return out.ptr;
}

static void test_what_is_understood(void **state)
{
    static const char *const rows[][2] = {
        {" 1 ", "1"},
        {"-0", "0"},
        {"9007199254740993", "9007199254740993"},
        {"9223372036854775807", "9223372036854775807"},
        {"9223372036854775808", "9223372036854775808"},
        {"18446744073709551615", "18446744073709551615"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"2.0", "2"},
        {"2.5e-1", "0.25"},
        {"true", "true"},
        {"null", "null"},
        {"\"\\u00e9\\ud83d\\ude00\\n\\/\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\n/\""},
        {"[1,[],{},\"\"]", "[1,[],{},\"\"]"},
        {"{\"a\":{\"a\":1},\"b\":{\"a\":2}}", "{\"a\":{\"a\":1},\"b\":{\"a\":2}}"},
        {"{\"\\u0061b\":1}", "{\"ab\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char *found = understand(rows[i][0]);

        if (found == NULL || strcmp(found, rows[i][1]) != 0)
            fail_msg("%s became %s", rows[i][0], found == NULL ? "an error" : found);
        free(found);
    }
}

static void test_what_is_refused_and_where(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "there is no text; expected a JSON value"},
        {"  \n ", "there is no text; expected a JSON value"},
        {"{\"a\":1,}", "1:8: expected a key in quotes"},
        {"{\"a\" 1}", "1:6: expected ':' after the key"},
        {"{\"a\":1 \"b\":2}", "1:8: expected ',' or '}'"},
        {"{\"a\":", "1:6: the text ends where a value is expected"},
        {"{\n  \"a\": [1 2]\n}", "2:11: expected ',' or ']'"},
        {"[1,]", "1:4: expected a value: a string, number, object, array, true, false or null"},
        {"[01]", "1:2: a number must not start with 0"},
        {"[1.]", "1:4: expected a digit after '.'"},
        {"[1e]", "1:4: expected a digit in the exponent"},
        {"[-]", "1:2: expected a digit after '-'"},
        {"[+1]", "1:2: expected a value: a string, number, object, array, true, false or null"},
        {"[.5]", "1:2: expected a value: a string, number, object, array, true, false or null"},
        {"[NaN]", "1:2: expected a value: a string, number, object, array, true, false or null"},
        {"[1] 2", "1:5: expected the end of the text"},
        {"[\"abc]", "1:2: a string is not closed"},
        {"[\"a\tb\"]", "1:4: a tab in a string; write it as \\t"},
        {"[\"\\x\"]", "1:3: unknown escape in a string; write \\\\ for a backslash"},
        {"[\"\\u12\"]", "1:3: expected four hex digits after \\u"},
        {"[\"\\ud800\"]", "1:3: a surrogate without its other half"},
        {"[\"\xff\"]", "1:3: not valid UTF-8"},
        {"[\"\xc0\x80\"]", "1:3: not valid UTF-8"},
        {"[\"\xed\xa0\x80\"]", "1:3: not valid UTF-8"},
        {"\xef\xbb\xbf{}", "1:1: a byte order mark; send the text without it"},
        {"18446744073709551616", "1:1: a number is out of range; integers go from -2^63 to 2^64 - 1"},
        {"-9223372036854775809", "1:1: a number is out of range; integers go from -2^63 to 2^64 - 1"},
        {"{\"a\":1,\"b\":{\"k\":1,\"k\":2}}", "1:19: the key \"k\" stands twice in one object"},
        {"{\"ab\":1,\"\\u0061b\":2}", "1:9: the key \"ab\" stands twice in one object"},
    };
    struct ordo_json_parser *parser = ordo_json_parser_new(DEPTH);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct ordo_error err = {0};
        char found[1024], *padded;

        assert_int_equal(parse(parser, rows[i].text, strlen(rows[i].text), &padded, &err), ORDO_EJSON);
        assert_string_equal(ordo_error_format(&err, found, sizeof(found)), rows[i].message);
        free(padded);
    }
    ordo_json_parser_free(parser);
}

static void test_depth_at_its_edge(void **state)
{
    struct ordo_json_parser *parser = ordo_json_parser_new(DEPTH);
    struct ordo_error err = {0};
    char text[2 * (DEPTH + 1)], *padded;

    (void)state;
    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    assert_int_equal(parse(parser, text, (size_t)2 * DEPTH, &padded, &err), 0);
    free(padded);
    memset(text, '[', DEPTH + 1);
    memset(text + DEPTH + 1, ']', DEPTH + 1);
    assert_int_equal(parse(parser, text, sizeof(text), &padded, &err), ORDO_ELIMIT);
    assert_string_equal(err.message, "nested more than 64 levels deep (limits.depth)");
    free(padded);
    ordo_json_parser_free(parser);
}

/* Objects with few keys are compared by their marks, larger ones hashed: both sides of the edge, and far
 * beyond. */
static void test_duplicate_keys_among_many(void **state)
{
    static const int counts[] = {2, 23, 24, 25, 26, 5000};
    struct ordo_json_parser *parser = ordo_json_parser_new(DEPTH);

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        for (int twice = 0; twice < 2; twice++) {
            struct ordo_buffer text = {0};
            struct ordo_error err = {0};
            char *padded;

            ordo_buffer_put(&text, '{');
            for (int key = 0; key < counts[i]; key++)
                ordo_buffer_printf(&text, "%s\"key%d\":%d", key > 0 ? "," : "",
                                   twice && key == counts[i] - 1 ? counts[i] / 2 - 1 : key, key);
            ordo_buffer_put(&text, '}');
            assert_int_equal(parse(parser, text.ptr, text.len, &padded, &err), twice ? ORDO_EJSON : 0);
            if (!twice)
                assert_int_equal(ordo_json_count(ordo_json_root(parser)), counts[i]);
            free(padded);
            ordo_buffer_done(&text);
        }
    ordo_json_parser_free(parser);
}

/* Short keys share their mark with the bytes that follow, and long ones with all that begin alike. */
static void test_keys_that_look_alike(void **state)
{
    static const struct {
        const char *text;
        bool twice;
    } rows[] = {
        {"{\"\":1,\"a\":2,\"ab\":3,\"abc\":4,\"abcd\":5,\"abcde\":6,\"abcdf\":7}", false},
        {"{\"\":1,\"a\":2,\"\":3}", true},
        {"{\"a\":\"xyz\",\"b\":0,\"a\":[]}", true},
        {"{\"ab\":\"q\",\"c\":\"ab\",\"ab\":\"\"}", true},
        {"{\"abc\":{\"abc\":1},\"d\":{},\"abc\":2}", true},
        {"{\"abcd\":1,\"abcd\":1}", true},
        {"{\"warehouse_a\":1,\"warehouse_b\":2,\"warehouse_c\":3}", false},
        {"{\"warehouse_a\":1,\"warehouse_b\":2,\"warehouse_a\":3}", true},
        {"[[{\"a\":[{\"b\":1,\"c\":{\"d\":1,\"e\":2,\"d\":3}}]}]]", true},
        {"[{\"a\":1},{\"a\":1},[{\"a\":1}]]", false},
        {"{\"a\\u0000b\":1,\"a\\u0000c\":2}", false},
        {"{\"a\\u0000b\":1,\"a\\u0000b\":2}", true},
    };
    struct ordo_json_parser *parser = ordo_json_parser_new(DEPTH);
    char *padded;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (parse(parser, rows[i].text, strlen(rows[i].text), &padded, NULL) !=
            (rows[i].twice ? ORDO_EJSON : 0))
            fail_msg("%s", rows[i].text);
        free(padded);
    }
    ordo_json_parser_free(parser);
}

/* An object whose keys all begin alike and fill a whole order; the last one stands twice, and is found by its
 * place among strings with escapes and brackets. */
static void test_a_large_object_of_keys(void **state)
{
    enum { KEYS = 60000 };
    struct ordo_json_parser *parser = ordo_json_parser_new(DEPTH);
    struct ordo_buffer text = {0};
    struct ordo_error err = {0};
    char *padded;

    (void)state;
    ordo_buffer_append(&text, ORDO_STR("{\"\\\"}{\":\"[\\\\\",\n"));
    for (int i = 0; i < KEYS; i++)
        ordo_buffer_printf(&text, "\"key-%08d\":%d,", i, i);
    ordo_buffer_append(&text, ORDO_STR("\n \"key-00000007\":0}"));
    assert_int_equal(parse(parser, text.ptr, text.len, &padded, &err), ORDO_EJSON);
    assert_string_equal(err.message, "the key \"key-00000007\" stands twice in one object");
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 2);
    free(padded);
    ordo_buffer_done(&text);
    ordo_json_parser_free(parser);
}

/* The deepest container may be empty or not, an array or an object: it counts the same. */
static void test_depth_counts_empty_containers(void **state)
{
    struct ordo_json_parser *parser = ordo_json_parser_new(2);
    char *padded;
    static const struct {
        const char *text;
        int result;
    } rows[] = {
        {"1", 0},
        {"[[]]", 0},
        {"[[1]]", 0},
        {"{\"a\":{}}", 0},
        {"[[[]]]", ORDO_ELIMIT},
        {"[[[1]]]", ORDO_ELIMIT},
        {"[[{}]]", ORDO_ELIMIT},
        {"[1,[[[[]]]]]", ORDO_ELIMIT},
        {"[[1],[2],{}]", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(parse(parser, rows[i].text, strlen(rows[i].text), &padded, NULL), rows[i].result);
        free(padded);
    }
    ordo_json_parser_free(parser);
}

static void test_reading_values(void **state)
{
    struct ordo_json_parser *parser = ordo_json_parser_new(DEPTH);
    struct ordo_json_value root, value;
    struct ordo_json_iter iter;
    ordo_str key;
    char *padded;
    static const char text[] =
        "{\"a\":[1,2.5,\"x\\u0000y\",true,null,{\"z\":18446744073709551615}],\"b\":-7}";

    (void)state;
    assert_int_equal(parse(parser, text, strlen(text), &padded, NULL), 0);
    root = ordo_json_root(parser);
    assert_int_equal(ordo_json_type(root), ORDO_JSON_OBJECT);
    assert_true(ordo_json_get(root, ORDO_STR("b"), &value));
    assert_int_equal(ordo_json_as_int(value), -7);
    assert_false(ordo_json_get(root, ORDO_STR("c"), &value));
    assert_true(ordo_json_get(root, ORDO_STR("a"), &value));
    assert_int_equal(ordo_json_count(value), 6);
    assert_false(ordo_json_get(value, ORDO_STR("a"), &value)); /* an array has no keys */

    iter = ordo_json_iter_of(value);
    assert_true(ordo_json_next(&iter, NULL, &value));
    assert_int_equal(ordo_json_as_int(value), 1);
    assert_true(ordo_json_next(&iter, NULL, &value));
    assert_true(ordo_json_as_double(value) == 2.5);
    assert_true(ordo_json_next(&iter, NULL, &value));
    assert_int_equal(ordo_json_as_str(value).len, 3);
    assert_memory_equal(ordo_json_as_str(value).ptr, "x\0y", 3);
    assert_true(ordo_json_next(&iter, NULL, &value));
    assert_true(ordo_json_as_bool(value));
    assert_true(ordo_json_next(&iter, NULL, &value));
    assert_int_equal(ordo_json_type(value), ORDO_JSON_NULL);
    assert_true(ordo_json_next(&iter, NULL, &value));
    assert_true(ordo_json_get(value, ORDO_STR("z"), &value));
    assert_int_equal(ordo_json_type(value), ORDO_JSON_UINT);
    assert_true(ordo_json_as_uint(value) == UINT64_MAX);
    assert_false(ordo_json_next(&iter, NULL, &value));
    iter = ordo_json_iter_of(value); /* a number has no members */
    assert_false(ordo_json_next(&iter, &key, &value));
    free(padded);
    ordo_json_parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_understood),
        cmocka_unit_test(test_what_is_refused_and_where),
        cmocka_unit_test(test_depth_at_its_edge),
        cmocka_unit_test(test_duplicate_keys_among_many),
        cmocka_unit_test(test_keys_that_look_alike),
        cmocka_unit_test(test_a_large_object_of_keys),
        cmocka_unit_test(test_depth_counts_empty_containers),
        cmocka_unit_test(test_reading_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
