/* SPDX-License-Identifier: MIT
 * route.c: the route table and the search in it. A handful of short patterns: comparing them in turn beats
 * any index.
 */
#include "http/http_impl.h"

const struct ordo__route ordo__routes[ORDO__ROUTE_COUNT] = {
#define X(name, method, pattern, scope, handler, summary)                                                    \
    {ORDO__ROUTE_##name, method, pattern, ORDO__SCOPE_##scope, handler, summary},
#include "http/route_table.h"
#undef X
};

/* True when the path fits; the part for {id} is not empty and has no slash. */
static bool matches(const char *pattern, ordo_str path, ordo_str *ret_id)
{
    size_t at = 0;

    *ret_id = ORDO_STR_NONE;
    while (*pattern != '\0' && at < path.len) {
        if (*pattern == '{') {
            size_t start = at;

            while (at < path.len && path.ptr[at] != '/')
                at++;
            if (at == start)
                return false;
            *ret_id = (ordo_str){path.ptr + start, at - start};
            while (*pattern++ != '}')
                continue;
        } else if (*pattern++ != path.ptr[at++]) {
            return false;
        }
    }
    return *pattern == '\0' && at == path.len;
}

static bool method_fits(const struct ordo__route *route, ordo_str method)
{
    if (ordo_str_equal(method, ordo_str_from(route->method)))
        return true;
    return ordo_str_equal(method, ORDO_STR("HEAD")) && strcmp(route->method, "GET") == 0;
}

enum ordo__route_result ordo__route_find(ordo_str method, ordo_str path, unsigned scopes,
                                         const struct ordo__route **ret_route, ordo_str *ret_id)
{
    enum ordo__route_result result = ORDO__ROUTE_NO_PATH;
    ordo_str id;

    for (size_t i = 0; i < ORDO__ROUTE_COUNT; i++) {
        const struct ordo__route *route = &ordo__routes[i];

        if ((route->scope & scopes) == 0 || !matches(route->pattern, path, &id))
            continue;
        result = ORDO__ROUTE_NO_METHOD;
        if (method_fits(route, method)) {
            *ret_route = route;
            *ret_id = id;
            return ORDO__ROUTE_FOUND;
        }
    }
    return result;
}

void ordo__route_allow(ordo_str path, unsigned scopes, struct ordo_buffer *out)
{
    const char *comma = "";
    ordo_str id;

    for (size_t i = 0; i < ORDO__ROUTE_COUNT; i++) {
        const struct ordo__route *route = &ordo__routes[i];

        if ((route->scope & scopes) == 0 || !matches(route->pattern, path, &id))
            continue;
        ordo_buffer_append(out, ordo_str_from(comma));
        ordo_buffer_append(out, ordo_str_from(route->method));
        if (strcmp(route->method, "GET") == 0)
            ordo_buffer_append(out, ORDO_STR(", HEAD"));
        comma = ", ";
    }
}
