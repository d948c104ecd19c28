/* SPDX-License-Identifier: MIT
 * test_decision_diff.c: what differs between two decisions, and what does not count.
 */
#include "core/decision_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ordo_json_parser *read(const char *text, struct ordo_buffer *bytes)
{
    struct ordo_json_parser *parser = ordo_json_parser_new(100);

    ordo_buffer_append(bytes, ordo_str_from(text));
    memset(ordo_buffer_reserve(bytes, ORDO_JSON_PADDING), 0, ORDO_JSON_PADDING);
    assert_int_equal(ordo_json_parse(parser, bytes->ptr, bytes->len, NULL), 0);
    return parser;
}

static void assert_diff(const char *recorded, const char *what_if, bool same, const char *expected)
{
    struct ordo_buffer a = {0}, b = {0}, out = {0};
    struct ordo_json_parser *in_a = read(recorded, &a), *in_b = read(what_if, &b);
    struct ordo_json_writer json = ordo_json_writer(&out);

    assert_int_equal(ordo_decision_diff(&json, ordo_json_root(in_a), ordo_json_root(in_b)), same);
    ordo_buffer_put(&out, '\0');
    assert_string_equal(out.ptr, expected);
    ordo_json_parser_free(in_a);
    ordo_json_parser_free(in_b);
    ordo_buffer_done(&a);
    ordo_buffer_done(&b);
    ordo_buffer_done(&out);
}

#define NONE "\"operations\":{\"only_recorded\":[],\"only_what_if\":[],\"both\":"

static void test_fields(void **state)
{
    (void)state;
    assert_diff("{\"status\":\"done\",\"total\":5,\"route\":null,\"timing\":1}",
                "{\"total\":5.0,\"status\":\"done\",\"timing\":2}", true, "{\"fields\":[]," NONE "0}}");
    assert_diff("{\"decision\":\"accepted\",\"total\":9583,\"route\":\"x\"}",
                "{\"decision\":null,\"total\":9000,\"code\":\"no\"}", false,
                "{\"fields\":[{\"field\":\"decision\",\"recorded\":\"accepted\",\"what_if\":null},"
                "{\"field\":\"code\",\"recorded\":null,\"what_if\":\"no\"},"
                "{\"field\":\"total\",\"recorded\":9583,\"what_if\":9000,\"change\":-583},"
                "{\"field\":\"route\",\"recorded\":\"x\",\"what_if\":null}]," NONE "0}}");
}

/* In another order, from another line: the same; of two equal ones one may be missing. */
static void test_operations(void **state)
{
#define OP(label, at) "{\"op\":\"flag\",\"label\":\"" label "\",\"at\":\"" at "\"}"
    (void)state;
    assert_diff("{\"operations\":[" OP("a", "x:1") "," OP("b", "x:2") "," OP("c", "x:3") "]}",
                "{\"operations\":[" OP("c", "x:7") "," OP("a", "x:8") "," OP("b", "x:9") "]}", true,
                "{\"fields\":[]," NONE "3}}");
    assert_diff("{\"operations\":[" OP("a", "x:1") "," OP("a", "x:1") "," OP("b", "x:2") "]}",
                "{\"operations\":[" OP("a", "x:1") "," OP("d", "x:9") "]}", false,
                "{\"fields\":[],\"operations\":{\"only_recorded\":[" OP("a", "x:1") "," OP(
                    "b", "x:2") "],"
                                "\"only_what_if\":[" OP("d", "x:9") "],\"both\":1}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_operations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
