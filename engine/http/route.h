/* SPDX-License-Identifier: MIT
 * route.h: finds the route for a method and a path. Reads one table (route_table.h) and keeps no state; any
 * thread.
 */
#pragma once

#include "base/buffer.h"

struct ordo__request;

enum {
    ORDO__SCOPE_MAIN = 1,  /* the listener of orders */
    ORDO__SCOPE_ADMIN = 2, /* the admin listener, when there is one */
    ORDO__SCOPE_BOTH = ORDO__SCOPE_MAIN | ORDO__SCOPE_ADMIN,
    ORDO__SCOPE_TOKENLESS = 4,
    ORDO__SCOPE_OPEN = ORDO__SCOPE_BOTH | ORDO__SCOPE_TOKENLESS, /* never needs a token */
};

enum ordo__route_name {
#define X(name, method, pattern, scope, handler, summary) ORDO__ROUTE_##name,
#include "http/route_table.h"
#undef X
    ORDO__ROUTE_COUNT,
};

struct ordo__route {
    enum ordo__route_name name;
    const char *method, *pattern;
    unsigned scope;
    void (*handle)(struct ordo__request *request);
    const char *summary;
};

extern const struct ordo__route ordo__routes[ORDO__ROUTE_COUNT];

/* How well a request fits. */
enum ordo__route_result {
    ORDO__ROUTE_FOUND = 0,
    ORDO__ROUTE_NO_PATH,   /* no route of `scopes` has this path */
    ORDO__ROUTE_NO_METHOD, /* one has, but not for this method; ordo__route_allow says which */
};

/* What stands for the names in braces, still encoded; empty when there is none. */
struct ordo__route_parts {
    ordo_str id;   /* one segment: {id}, {generation} */
    ordo_str path; /* {path}: the rest */
};

/* The path is without its query. `scopes`: bits that a route must share. */
enum ordo__route_result ordo__route_find(ordo_str method, ordo_str path, unsigned scopes,
                                         const struct ordo__route **ret_route,
                                         struct ordo__route_parts *ret_parts);

/* Appends "GET, HEAD, POST": what the routes of this path take. */
void ordo__route_allow(ordo_str path, unsigned scopes, struct ordo_buffer *out);
