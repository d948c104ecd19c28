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

/* True when the path fits. The part for {path} is the rest, slashes and all; that for another name has none. No part is
 * empty. */
static bool matches(const char *pattern, ordo_str path, struct ordo__route_parts *ret_parts)
{
    size_t at = 0;

    *ret_parts = (struct ordo__route_parts){0};
    while (*pattern != '\0' && at < path.len) {
        if (*pattern == '{') {
            bool is_rest = strncmp(pattern, "{path}", 6) == 0;
            size_t start = at;

            while (at < path.len && (is_rest || path.ptr[at] != '/'))
                at++;
            if (at == start)
                return false;
            *(is_rest ? &ret_parts->path : &ret_parts->id) = (ordo_str){path.ptr + start, at - start};
            while (*pattern++ != '}')
                continue;
        } else if (*pattern++ != path.ptr[at++]) {
            return false;
        }
    }
    return *pattern == '\0' && at == path.len;
}

/* Whether a route has just this path. Then no other one is meant, on whichever listener: /rules/reload is no generation. */
static bool is_exact(ordo_str path)
{
    for (size_t i = 0; i < ORDO__ROUTE_COUNT; i++)
        if (ordo_str_equal(path, ordo_str_from(ordo__routes[i].pattern)))
            return true;
    return false;
}

static bool fits(const struct ordo__route *route, ordo_str path, unsigned scopes,
                 struct ordo__route_parts *ret_parts)
{
    return (route->scope & scopes) != 0 && matches(route->pattern, path, ret_parts) &&
           (strchr(route->pattern, '{') == NULL || !is_exact(path));
}

static bool method_fits(const struct ordo__route *route, ordo_str method)
{
    if (ordo_str_equal(method, ordo_str_from(route->method)))
        return true;
    return ordo_str_equal(method, ORDO_STR("HEAD")) && strcmp(route->method, "GET") == 0;
}

enum ordo__route_result ordo__route_find(ordo_str method, ordo_str path, unsigned scopes,
                                         const struct ordo__route **ret_route,
                                         struct ordo__route_parts *ret_parts)
{
    enum ordo__route_result result = ORDO__ROUTE_NO_PATH;

    for (size_t i = 0; i < ORDO__ROUTE_COUNT; i++) {
        if (!fits(&ordo__routes[i], path, scopes, ret_parts))
            continue;
        result = ORDO__ROUTE_NO_METHOD;
        if (method_fits(&ordo__routes[i], method)) {
            *ret_route = &ordo__routes[i];
            return ORDO__ROUTE_FOUND;
        }
    }
    return result;
}

void ordo__route_allow(ordo_str path, unsigned scopes, struct ordo_buffer *out)
{
    struct ordo__route_parts parts;
    const char *comma = "";

    for (size_t i = 0; i < ORDO__ROUTE_COUNT; i++) {
        if (!fits(&ordo__routes[i], path, scopes, &parts))
            continue;
        ordo_buffer_append(out, ordo_str_from(comma));
        ordo_buffer_append(out, ordo_str_from(ordo__routes[i].method));
        if (strcmp(ordo__routes[i].method, "GET") == 0)
            ordo_buffer_append(out, ORDO_STR(", HEAD"));
        comma = ", ";
    }
}
