/* SPDX-License-Identifier: MIT
 * Which route a method and a path find, and what a listener offers.
 */
#include "http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static enum ordo__route_result find(const char *method, const char *path, unsigned scopes, int *ret_name,
                                    struct ordo__route_parts *ret_parts)
{
    const struct ordo__route *route = NULL;
    enum ordo__route_result result =
        ordo__route_find(ordo_str_from(method), ordo_str_from(path), scopes, &route, ret_parts);

    *ret_name = result == ORDO__ROUTE_FOUND ? (int)route->name : -1;
    return result;
}

static void expect_parts(const char *method, const char *path, unsigned scopes, int name, const char *id,
                         const char *rest)
{
    struct ordo__route_parts parts = {0};
    int found;

    assert_int_equal(find(method, path, scopes, &found, &parts), ORDO__ROUTE_FOUND);
    assert_int_equal(found, name);
    assert_true(ordo_str_equal(parts.id, ordo_str_from(id)));
    assert_true(ordo_str_equal(parts.path, ordo_str_from(rest)));
}

static void expect(const char *method, const char *path, unsigned scopes, int name, const char *id)
{
    expect_parts(method, path, scopes, name, id, "");
}

static void expect_none(const char *method, const char *path, unsigned scopes, enum ordo__route_result result)
{
    struct ordo__route_parts parts;
    int found;

    assert_int_equal(find(method, path, scopes, &found, &parts), result);
}

/* With something for the names in braces. */
static void fill(const char *pattern, struct ordo_buffer *out)
{
    while (*pattern != '\0') {
        if (*pattern != '{') {
            ordo_buffer_put(out, *pattern++);
            continue;
        }
        ordo_buffer_append(out,
                           strncmp(pattern, "{path}", 6) == 0 ? ORDO_STR("rules/x.lua") : ORDO_STR("o-1"));
        pattern = strchr(pattern, '}') + 1;
    }
    ordo_buffer_put(out, '\0');
}

static void test_every_route_is_found_by_its_own_pattern(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORDO__ROUTE_COUNT; i++) {
        const struct ordo__route *route = &ordo__routes[i];
        bool has_path = strstr(route->pattern, "{path}") != NULL;
        bool has_id =
            strstr(route->pattern, "{id}") != NULL || strstr(route->pattern, "{generation}") != NULL;
        struct ordo_buffer path = {0};

        fill(route->pattern, &path);
        expect_parts(route->method, path.ptr, ORDO__SCOPE_BOTH, (int)route->name, has_id ? "o-1" : "",
                     has_path ? "rules/x.lua" : "");
        ordo_buffer_done(&path);
    }
}

static void test_a_path_is_the_rest_with_its_slashes(void **state)
{
    (void)state;
    expect_parts("GET", "/rules/7/files/rules/10_a.lua", ORDO__SCOPE_BOTH, ORDO__ROUTE_RULES_FILE, "7",
                 "rules/10_a.lua");
    expect_parts("GET", "/rules/7/files/../x", ORDO__SCOPE_BOTH, ORDO__ROUTE_RULES_FILE, "7", "../x");
    expect_parts("PUT", "/rules/draft/files/a", ORDO__SCOPE_BOTH, ORDO__ROUTE_RULES_DRAFT_PUT, "", "a");
    expect_none("GET", "/rules/7/files/", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_PATH);
    expect_none("GET", "/rules/7/files", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_PATH);
    expect_none("PUT", "/rules/7/files/a", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_METHOD);
}

static void test_a_name_of_its_own_is_no_generation(void **state)
{
    (void)state;
    expect("GET", "/rules/7", ORDO__SCOPE_MAIN, ORDO__ROUTE_RULES_SHOW, "7");
    expect("GET", "/rules/draft", ORDO__SCOPE_BOTH, ORDO__ROUTE_RULES_DRAFT, "");
    expect_none("GET", "/rules/draft", ORDO__SCOPE_MAIN, ORDO__ROUTE_NO_PATH);
    expect_none("GET", "/rules/reload", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_METHOD);
    expect_none("GET", "/rules/rollback", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_METHOD);
}

static void test_routes_of_one_pattern_stand_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORDO__ROUTE_COUNT; i++)
        for (size_t j = i + 2; j < ORDO__ROUTE_COUNT; j++)
            if (strcmp(ordo__routes[i].pattern, ordo__routes[j].pattern) == 0)
                assert_string_equal(ordo__routes[i].pattern, ordo__routes[j - 1].pattern);
}

static void test_an_id_is_one_segment_and_not_empty(void **state)
{
    (void)state;
    expect("GET", "/orders/a%2Fb", ORDO__SCOPE_BOTH, ORDO__ROUTE_ORDER_GET, "a%2Fb");
    expect("POST", "/orders/x/retry", ORDO__SCOPE_BOTH, ORDO__ROUTE_ORDER_RETRY, "x");
    expect_none("GET", "/orders/", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_PATH);
    expect_none("GET", "/orders/a/b", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_PATH);
    expect_none("POST", "/orders//retry", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_PATH);
    expect_none("GET", "/orders/a/", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_PATH);
}

static void test_near_misses_are_no_routes(void **state)
{
    (void)state;
    expect_none("GET", "", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_PATH);
    expect_none("GET", "/order", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_PATH);
    expect_none("GET", "/orderss", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_PATH);
    expect_none("GET", "/ORDERS", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_PATH);
    expect_none("GET", "//orders", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_PATH);
    expect_none("get", "/orders", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_METHOD);
}

static void test_head_is_answered_where_get_is(void **state)
{
    (void)state;
    expect("HEAD", "/stats", ORDO__SCOPE_BOTH, ORDO__ROUTE_STATS, "");
    expect("HEAD", "/orders", ORDO__SCOPE_BOTH, ORDO__ROUTE_ORDERS_LIST, "");
    expect_none("HEAD", "/rules/reload", ORDO__SCOPE_BOTH, ORDO__ROUTE_NO_METHOD);
}

static void test_listeners_offer_their_scopes_only(void **state)
{
    (void)state;
    expect_none("POST", "/orders", ORDO__SCOPE_ADMIN, ORDO__ROUTE_NO_METHOD);
    expect("GET", "/orders", ORDO__SCOPE_ADMIN, ORDO__ROUTE_ORDERS_LIST, "");
    expect("GET", "/orders/a", ORDO__SCOPE_ADMIN, ORDO__ROUTE_ORDER_GET, "a");
    expect_none("GET", "/metrics", ORDO__SCOPE_MAIN, ORDO__ROUTE_NO_PATH);
    expect_none("POST", "/orders/a/resolve", ORDO__SCOPE_MAIN, ORDO__ROUTE_NO_PATH);
    expect_none("POST", "/rules/reload", ORDO__SCOPE_MAIN, ORDO__ROUTE_NO_PATH);
    expect("GET", "/metrics", ORDO__SCOPE_ADMIN, ORDO__ROUTE_METRICS, "");
    expect("GET", "/healthz", ORDO__SCOPE_ADMIN, ORDO__ROUTE_HEALTHZ, "");
    expect("GET", "/healthz", ORDO__SCOPE_MAIN, ORDO__ROUTE_HEALTHZ, "");
    expect("GET", "/rules", ORDO__SCOPE_MAIN, ORDO__ROUTE_RULES, "");
}

static void expect_allow(const char *path, unsigned scopes, const char *allow)
{
    struct ordo_buffer out = {0};

    ordo__route_allow(ordo_str_from(path), scopes, &out);
    assert_int_equal(out.len, strlen(allow));
    assert_memory_equal(out.ptr, allow, out.len);
    ordo_buffer_done(&out);
}

static void test_allow_lists_the_methods_of_a_path(void **state)
{
    (void)state;
    expect_allow("/orders", ORDO__SCOPE_BOTH, "POST, GET, HEAD");
    expect_allow("/orders/a", ORDO__SCOPE_BOTH, "GET, HEAD");
    expect_allow("/rules/reload", ORDO__SCOPE_BOTH, "POST");
    expect_allow("/rules/draft", ORDO__SCOPE_BOTH, "GET, HEAD, DELETE");
    expect_allow("/rules/draft/files/lib/a.lua", ORDO__SCOPE_BOTH, "PUT, DELETE, GET, HEAD");
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_every_route_is_found_by_its_own_pattern),
        cmocka_unit_test(test_routes_of_one_pattern_stand_together),
        cmocka_unit_test(test_an_id_is_one_segment_and_not_empty),
        cmocka_unit_test(test_a_path_is_the_rest_with_its_slashes),
        cmocka_unit_test(test_a_name_of_its_own_is_no_generation),
        cmocka_unit_test(test_near_misses_are_no_routes),
        cmocka_unit_test(test_head_is_answered_where_get_is),
        cmocka_unit_test(test_listeners_offer_their_scopes_only),
        cmocka_unit_test(test_allow_lists_the_methods_of_a_path),
    };

    return cmocka_run_group_tests(cases, NULL, NULL);
}
