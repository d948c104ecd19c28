/* SPDX-License-Identifier: MIT
 * test_json_merge.c: the examples of RFC 7396, and what they leave out.
 */
#include "base/json_merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct text {
    struct ordo_json_parser *parser;
    struct ordo_buffer bytes;
};

static struct ordo_json_value read(struct text *text, ordo_str json)
{
    text->parser = ordo_json_parser_new(100);
    ordo_buffer_append(&text->bytes, json);
    memset(ordo_buffer_reserve(&text->bytes, ORDO_JSON_PADDING), 0, ORDO_JSON_PADDING);
    assert_int_equal(ordo_json_parse(text->parser, text->bytes.ptr, json.len, NULL), 0);
    return ordo_json_root(text->parser);
}

static void done(struct text *text)
{
    ordo_json_parser_free(text->parser);
    ordo_buffer_done(&text->bytes);
}

static bool merge(ordo_str target, ordo_str patch, struct ordo_buffer *out)
{
    struct text target_text = {0}, patch_text = {0};
    struct ordo_json_writer json = ordo_json_writer(out);
    bool merged = ordo_json_merge(&json, read(&target_text, target), read(&patch_text, patch));

    done(&target_text);
    done(&patch_text);
    return merged;
}

static void test_the_examples(void **state)
{
    static const char *const rows[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        /* members keep their order; keys that need escapes; numbers stay exact */
        {"{\"z\":1,\"y\":{\"x\":9007199254740993},\"w\":3}", "{\"w\":4,\"z\":null,\"\\\"\":0}",
         "{\"y\":{\"x\":9007199254740993},\"w\":4,\"\\\"\":0}"},
    };
    struct ordo_buffer out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        ordo_buffer_clear(&out);
        assert_true(merge(ordo_str_from(rows[i][0]), ordo_str_from(rows[i][1]), &out));
        ordo_buffer_put(&out, '\0');
        assert_string_equal(out.ptr, rows[i][2]);
    }
    ordo_buffer_done(&out);
}

/* Each member is looked for in the target: so many are not taken. */
static void test_a_patch_has_a_bound(void **state)
{
    struct ordo_buffer patch = {0}, out = {0};

    (void)state;
    for (int members = ORDO_JSON_MERGE_MEMBERS; members <= ORDO_JSON_MERGE_MEMBERS + 1; members++) {
        ordo_buffer_clear(&patch);
        ordo_buffer_append(&patch, ORDO_STR("{\"inner\":{"));
        for (int i = 0; i < members; i++)
            ordo_buffer_printf(&patch, "%s\"%d\":null", i == 0 ? "" : ",", i);
        ordo_buffer_append(&patch, ORDO_STR("}}"));
        assert_int_equal(merge(ORDO_STR("{}"), ordo_buffer_str(&patch), &out),
                         members <= ORDO_JSON_MERGE_MEMBERS);
    }
    ordo_buffer_done(&patch);
    ordo_buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_examples),
        cmocka_unit_test(test_a_patch_has_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
