/* SPDX-License-Identifier: MIT
 * profile_query.h: the query string of a profile's route.
 */
#pragma once

#include "base/buffer.h"
#include "http/route.h"
#include "profile/profiler.h"

/* What a route of profiles takes and gives. */
struct ordo__profile_route {
    bool is_profile;
    enum ordo_profile_kind kind;
    enum ordo_profile_format format; /* unless `format` says another */
    unsigned formats;                /* bits of those that may be asked for; 0: there is no such parameter */
    unsigned parameters;             /* ORDO__TAKES_ bits */
    int64_t duration_ns;             /* unless asked for; 0: none is taken, the profile is of now */
    bool for_go;                     /* errors as `go tool pprof` and jeprof show them */
    bool collect, allocs;            /* of the heap; collect: unless gc=0 */
};

enum {
    ORDO__TAKES_DURATION = 1 << 0, /* duration=10s, seconds=10 */
    ORDO__TAKES_HZ = 1 << 1,
    ORDO__TAKES_MODE = 1 << 2,   /* mode=cpu|wall */
    ORDO__TAKES_FILTER = 1 << 3, /* rule=, priority=, min_ms= */
    ORDO__TAKES_BASE = 1 << 4,   /* base=ID */
    ORDO__TAKES_TO = 1 << 5,     /* to=ID */
    ORDO__TAKES_HEAP = 1 << 6,   /* gc=, peak= */
    ORDO__TAKES_TRACE = 1 << 7,  /* last=, slow= */
    ORDO__TAKES_RUN = 1 << 8,    /* run= */
    ORDO__TAKES_RATE = 1 << 9,   /* rate= */
    ORDO__TAKES_DEBUG = 1 << 10, /* debug= */
};

/* The formats in which a change can be given. */
#define ORDO__CHANGE_FORMATS (1u << ORDO_FORMAT_PPROF | 1u << ORDO_FORMAT_SVG | 1u << ORDO_FORMAT_TEXT)

/* profile_routes.c; NULL: the route is none of profiles. */
const struct ordo__profile_route *ordo__profile_route(enum ordo__route_name name);

/* ORDO_ECONFIG: err->message names the parameter and what it may be. */
int ordo__profile_query_parse(const struct ordo__profile_route *route, ordo_str text, int64_t max_duration_ns,
                              struct ordo_profile_request *ret_request, struct ordo_error *err);

/* Appends "parameters":[…] of an OpenAPI operation. */
void ordo__profile_query_describe(const struct ordo__profile_route *route, bool has_id,
                                  struct ordo_buffer *out);
