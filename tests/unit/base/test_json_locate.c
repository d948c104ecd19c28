/* SPDX-License-Identifier: MIT
 * test_json_locate.c: the slow reader that explains a refusal agrees with the fast one that refuses: on every
 * text that small changes make of good ones, and whatever stands behind the text.
 */
#include "base/json_locate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/json_read.h"

enum { DEPTH = 64, MUTATIONS = 40000 };

#define NOTHING_WRONG "this is not JSON" /* what is said when the slow reader finds nothing */

static const char *const seeds[] = {
    "{\"id\":\"o-1\",\"items\":[{\"sku\":\"A\",\"qty\":2}],\"note\":\"a\\u00e9\\ud83d\\ude00\\n\"}",
    "[1,-0,2.5,1e3,-1.25E-7,0.0,18446744073709551615,-9223372036854775808,true,false,null]",
    "{\"a\":{\"b\":{\"c\":[[],[{}],\"\"]}},\"\xc3\xa9\":\"\xe2\x82\xac\xf0\x9f\x98\x80\"}",
    "  [ 1 , { \"x\" : [ true , null ] } ]\r\n\t",
    "18446744073709551616",
    "1.7976931348623157e308",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Parses, with `behind` in every byte of the padding. */
static int parse(struct ordo_json_parser *parser, ordo_str text, char behind, struct ordo_error *err)
{
    char *padded = malloc(text.len + ORDO_JSON_PADDING);
    int result;

    assert_non_null(padded);
    memcpy(padded, text.ptr, text.len);
    memset(padded + text.len, behind, ORDO_JSON_PADDING);
    result = ordo_json_parse(parser, padded, text.len, err);
    free(padded);
    return result;
}

static size_t mutate(char *text, size_t len, uint64_t *random)
{
    static const char bytes[] = "{}[]\",:\\u0019-+.eE tfn\n\x01\xff\xc3\xa9\xed\xa0\x80/";
    size_t at = len > 0 ? next_random(random) % len : 0;
    char byte = bytes[next_random(random) % (sizeof(bytes) - 1)];

    switch (next_random(random) % 4) {
    case 0: /* cut off */
        return at;
    case 1: /* take one out */
        if (len == 0)
            return 0;
        memmove(text + at, text + at + 1, len - at - 1);
        return len - 1;
    case 2: /* put one in */
        memmove(text + at + 1, text + at, len - at);
        text[at] = byte;
        return len + 1;
    default:
        if (len > 0)
            text[at] = byte;
        return len;
    }
}

static void assert_agreement(struct ordo_json_parser *parser, ordo_str text)
{
    static const char behind[] = {'\0', '7', '"', '}', ' ', '\\', '\xff'};
    struct ordo_error parsed = {0}, located = {0};
    int first = parse(parser, text, behind[0], &parsed);

    for (size_t i = 1; i < sizeof(behind); i++)
        if (parse(parser, text, behind[i], NULL) != first)
            fail_msg("what stands behind it decides: %.*s", (int)text.len, text.ptr);
    assert_int_equal(ordo_json_locate(text.ptr, text.len, &located), ORDO_EJSON);
    if (first != 0 && strstr(parsed.message, "stands twice") != NULL)
        first = 0; /* well-formed */
    if ((first == 0) != (strcmp(located.message, NOTHING_WRONG) == 0))
        fail_msg("the parser says %d, the locator \"%s\": %.*s", first, located.message, (int)text.len,
                 text.ptr);
}

static void test_mutations_are_judged_alike(void **state)
{
    struct ordo_json_parser *parser = ordo_json_parser_new(DEPTH);
    uint64_t random = 42;
    char text[512];

    (void)state;
    for (int i = 0; i < MUTATIONS; i++) {
        const char *seed = seeds[next_random(&random) % (sizeof(seeds) / sizeof(*seeds))];
        size_t len = strlen(seed);

        memcpy(text, seed, len);
        for (uint64_t changes = 1 + next_random(&random) % 3; changes > 0; changes--)
            len = mutate(text, len, &random);
        assert_agreement(parser, (ordo_str){text, len});
    }
    ordo_json_parser_free(parser);
}

static void assert_located(ordo_str text, const char *expected)
{
    struct ordo_error err = {0};
    char found[1024];

    assert_int_equal(ordo_json_locate(text.ptr, text.len, &err), ORDO_EJSON);
    assert_string_equal(ordo_error_format(&err, found, sizeof(found)), expected);
}

static void test_columns_count_characters(void **state)
{
    (void)state;
    assert_located(ORDO_STR("[\"\xc3\xa9\xe2\x82\xac\" x]"), "1:7: expected ',' or ']'");
    assert_located(ORDO_STR("[1,\r\n \"\xf0\x9f\x98\x80\" 2]"), "2:6: expected ',' or ']'");
}

static void test_control_characters_are_named(void **state)
{
    (void)state;
    assert_located(ORDO_STR("\"a\nb\""), "1:3: a line break in a string; write it as \\n");
    assert_located(ORDO_STR("\"a\rb\""), "1:3: a carriage return in a string; write it as \\r");
    assert_located(ORDO_STR("\"a\0b\""), "1:3: a NUL byte in a string; write it as \\u0000");
    assert_located(ORDO_STR("\"a\x1f\""), "1:3: a control character in a string; write it as \\u00XX");
}

static void test_numbers_out_of_range_have_a_place(void **state)
{
    (void)state;
    assert_located(ORDO_STR("[1, 99999999999999999999]"),
                   "1:5: a number is out of range; integers go from -2^63 to 2^64 - 1");
    assert_located(ORDO_STR("{\"a\":1e400}"), "1:6: a number is out of range; its exponent is too large");
    assert_located(ORDO_STR("[-1e309]"), "1:2: a number is out of range; its exponent is too large");
}

/* Deeper than any parser allows, with an error inside: the answer comes without a deep recursion. */
static void test_depth_is_bounded(void **state)
{
    enum { MANY = 200000 };
    char *text = malloc(MANY);
    struct ordo_error err = {0};

    (void)state;
    assert_non_null(text);
    memset(text, '[', MANY);
    assert_int_equal(ordo_json_locate(text, MANY, &err), ORDO_EJSON);
    assert_string_equal(err.message, "nested too deeply");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutations_are_judged_alike),
        cmocka_unit_test(test_columns_count_characters),
        cmocka_unit_test(test_control_characters_are_named),
        cmocka_unit_test(test_numbers_out_of_range_have_a_place),
        cmocka_unit_test(test_depth_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
