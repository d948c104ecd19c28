/* SPDX-License-Identifier: MIT
 * /openapi.json holds every route and nothing else, every reference in it leads somewhere, and every problem
 * is in it.
 */
#include "http/http_impl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct document {
    struct ordo_buffer text;
    struct ordo_json_parser *parser;
    struct ordo_json_value root;
};

static int setup(void **state)
{
    struct document *document = calloc(1, sizeof(*document));
    struct ordo_error err = {0};

    assert_non_null(document);
    ordo__openapi_write(&document->text);
    ordo_buffer_reserve(&document->text, ORDO_JSON_PADDING);
    document->parser = ordo_json_parser_new(64);
    if (ordo_json_parse(document->parser, document->text.ptr, document->text.len, &err) != 0)
        fail_msg("%d:%d: %s", err.line, err.column, err.message);
    document->root = ordo_json_root(document->parser);
    *state = document;
    return 0;
}

static int teardown(void **state)
{
    struct document *document = *state;

    ordo_json_parser_free(document->parser);
    ordo_buffer_done(&document->text);
    free(document);
    return 0;
}

static struct ordo_json_value get(struct ordo_json_value object, const char *key)
{
    struct ordo_json_value value;

    if (!ordo_json_get(object, ordo_str_from(key), &value))
        fail_msg("there is no '%s'", key);
    return value;
}

static void test_every_route_is_described(void **state)
{
    struct document *document = *state;
    struct ordo_json_value paths = get(document->root, "paths");

    for (size_t i = 0; i < ORDO__ROUTE_COUNT; i++) {
        const struct ordo__route *route = &ordo__routes[i];
        const char *method = strcmp(route->method, "GET") == 0      ? "get"
                             : strcmp(route->method, "DELETE") == 0 ? "delete"
                             : strcmp(route->method, "PUT") == 0    ? "put"
                                                                    : "post";
        struct ordo_json_value operation = get(get(paths, route->pattern), method);

        assert_true(
            ordo_str_equal(ordo_json_as_str(get(operation, "summary")), ordo_str_from(route->summary)));
        assert_true(ordo_json_count(get(operation, "responses")) > 0);
    }
}

static void test_nothing_else_is_described(void **state)
{
    struct document *document = *state;
    struct ordo_json_value path, operation;
    size_t operations = 0;
    ordo_str name, method;

    for (struct ordo_json_iter paths = ordo_json_iter_of(get(document->root, "paths"));
         ordo_json_next(&paths, &name, &path);)
        for (struct ordo_json_iter methods = ordo_json_iter_of(path);
             ordo_json_next(&methods, &method, &operation);)
            operations++;
    assert_int_equal(operations, ORDO__ROUTE_COUNT);
}

static void check_references(struct ordo_json_value value, struct ordo_json_value schemas)
{
    static const char prefix[] = "#/components/schemas/";
    struct ordo_json_value member;
    ordo_str key = ORDO_STR_NONE;

    for (struct ordo_json_iter iter = ordo_json_iter_of(value); ordo_json_next(&iter, &key, &member);) {
        if (ordo_str_equal(key, ORDO_STR("$ref"))) {
            ordo_str target = ordo_json_as_str(member);
            struct ordo_json_value found;

            assert_true(target.len > sizeof(prefix) - 1);
            assert_memory_equal(target.ptr, prefix, sizeof(prefix) - 1);
            target.ptr += sizeof(prefix) - 1;
            target.len -= sizeof(prefix) - 1;
            assert_true(ordo_json_get(schemas, target, &found));
        }
        check_references(member, schemas);
        key = ORDO_STR_NONE;
    }
}

static void test_references_lead_somewhere(void **state)
{
    struct document *document = *state;

    check_references(document->root, get(get(document->root, "components"), "schemas"));
}

static void test_every_problem_is_listed(void **state)
{
    struct document *document = *state;
    struct ordo_json_value problem = get(get(get(document->root, "components"), "schemas"), "Problem");

    assert_int_equal(ordo_json_count(get(get(get(problem, "properties"), "code"), "enum")),
                     ORDO_PROBLEM_COUNT);
}

static void test_it_is_openapi_3_1(void **state)
{
    struct document *document = *state;

    assert_true(ordo_str_equal(ordo_json_as_str(get(document->root, "openapi")), ORDO_STR("3.1.0")));
    assert_true(ordo_str_equal(ordo_json_as_str(get(get(document->root, "info"), "version")),
                               ORDO_STR(ORDO_VERSION)));
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_every_route_is_described),  cmocka_unit_test(test_nothing_else_is_described),
        cmocka_unit_test(test_references_lead_somewhere), cmocka_unit_test(test_every_problem_is_listed),
        cmocka_unit_test(test_it_is_openapi_3_1),
    };

    return cmocka_run_group_tests(cases, setup, teardown);
}
