/* SPDX-License-Identifier: MIT
 * profile_routes.c: what each route of profiles takes and gives.
 */
#include "http/profile_query.h"

#define FORMAT(name) (1u << ORDO_FORMAT_##name)
#define STACKS (FORMAT(PPROF) | FORMAT(COLLAPSED) | FORMAT(SPEEDSCOPE) | FORMAT(SVG) | FORMAT(TEXT))
#define OF_TIME (ORDO__TAKES_DURATION | ORDO__TAKES_HZ | ORDO__TAKES_MODE | ORDO__TAKES_FILTER)
#define OF_HEAP (ORDO__TAKES_DURATION | ORDO__TAKES_HEAP)
#define OF_WAITS (ORDO__TAKES_DURATION | ORDO__TAKES_RATE | ORDO__TAKES_DEBUG)
#define WAITS (STACKS | FORMAT(RAW) | FORMAT(SYMBOLIZED))
#define DEFAULT_NS ((int64_t)30 * 1000000000)

/* clang-format off */
static const struct ordo__profile_route routes[ORDO__ROUTE_COUNT] = {
    [ORDO__ROUTE_PROFILE_CPU] = {.is_profile = true, .kind = ORDO_PROFILE_CPU, .formats = STACKS,
        .parameters = OF_TIME | ORDO__TAKES_BASE, .duration_ns = DEFAULT_NS},
    [ORDO__ROUTE_DEBUG_PROFILE] = {.is_profile = true, .kind = ORDO_PROFILE_CPU, .parameters = OF_TIME,
        .duration_ns = DEFAULT_NS, .for_go = true},
    [ORDO__ROUTE_PPROF_PROFILE] = {.is_profile = true, .kind = ORDO_PROFILE_CPU, .format = ORDO_FORMAT_GPERFTOOLS,
        .parameters = OF_TIME, .duration_ns = DEFAULT_NS, .for_go = true},

    [ORDO__ROUTE_PROFILE_MEMORY] = {.is_profile = true, .kind = ORDO_PROFILE_HEAP, .format = ORDO_FORMAT_SYMBOLIZED,
        .formats = STACKS | FORMAT(RAW) | FORMAT(SYMBOLIZED), .parameters = OF_HEAP | ORDO__TAKES_BASE, .collect = true},
    [ORDO__ROUTE_PROFILE_ALLOCS] = {.is_profile = true, .kind = ORDO_PROFILE_HEAP, .formats = STACKS,
        .parameters = OF_HEAP | ORDO__TAKES_BASE, .allocs = true},
    [ORDO__ROUTE_DEBUG_HEAP] = {.is_profile = true, .kind = ORDO_PROFILE_HEAP, .parameters = OF_HEAP, .for_go = true},
    [ORDO__ROUTE_DEBUG_ALLOCS] = {.is_profile = true, .kind = ORDO_PROFILE_HEAP, .parameters = OF_HEAP, .for_go = true,
        .allocs = true},
    [ORDO__ROUTE_PPROF_HEAP] = {.is_profile = true, .kind = ORDO_PROFILE_HEAP, .format = ORDO_FORMAT_RAW,
        .parameters = OF_HEAP, .for_go = true},

    [ORDO__ROUTE_PROFILE_TRACE] = {.is_profile = true, .kind = ORDO_PROFILE_TRACE, .format = ORDO_FORMAT_JSON,
        .parameters = ORDO__TAKES_DURATION | ORDO__TAKES_TRACE, .duration_ns = (int64_t)1000000000},
    [ORDO__ROUTE_PROFILE_GC] = {.is_profile = true, .kind = ORDO_PROFILE_GC, .format = ORDO_FORMAT_JSON,
        .parameters = ORDO__TAKES_RUN},
    [ORDO__ROUTE_PROFILE_JIT] = {.is_profile = true, .kind = ORDO_PROFILE_JIT, .format = ORDO_FORMAT_JSON,
        .formats = FORMAT(JSON) | FORMAT(PERF_MAP)},
    [ORDO__ROUTE_PROFILE_LEAKS] = {.is_profile = true, .kind = ORDO_PROFILE_LEAKS, .format = ORDO_FORMAT_JSON,
        .formats = FORMAT(JSON) | FORMAT(TEXT)},

    [ORDO__ROUTE_PROFILE_BLOCK] = {.is_profile = true, .kind = ORDO_PROFILE_BLOCK, .formats = WAITS,
        .parameters = OF_WAITS | ORDO__TAKES_BASE},
    [ORDO__ROUTE_PROFILE_MUTEX] = {.is_profile = true, .kind = ORDO_PROFILE_MUTEX, .formats = WAITS,
        .parameters = OF_WAITS | ORDO__TAKES_BASE},
    [ORDO__ROUTE_PROFILE_GOROUTINES] = {.is_profile = true, .kind = ORDO_PROFILE_COROUTINES, .formats = STACKS,
        .parameters = ORDO__TAKES_DEBUG},
    [ORDO__ROUTE_DEBUG_BLOCK] = {.is_profile = true, .kind = ORDO_PROFILE_BLOCK, .parameters = OF_WAITS, .for_go = true},
    [ORDO__ROUTE_DEBUG_MUTEX] = {.is_profile = true, .kind = ORDO_PROFILE_MUTEX, .parameters = OF_WAITS, .for_go = true},
    [ORDO__ROUTE_DEBUG_GOROUTINE] = {.is_profile = true, .kind = ORDO_PROFILE_COROUTINES,
        .parameters = ORDO__TAKES_DEBUG, .for_go = true},
    [ORDO__ROUTE_PPROF_CONTENTION] = {.is_profile = true, .kind = ORDO_PROFILE_MUTEX, .format = ORDO_FORMAT_RAW,
        .parameters = OF_WAITS, .for_go = true},

    [ORDO__ROUTE_PROFILE_HISTORY] = {.is_profile = true, .kind = ORDO_PROFILE_LIST, .format = ORDO_FORMAT_JSON},
    [ORDO__ROUTE_PROFILE_KEPT] = {.is_profile = true, .kind = ORDO_PROFILE_KEPT, .formats = STACKS},
    [ORDO__ROUTE_PROFILE_FORGET] = {.is_profile = true, .kind = ORDO_PROFILE_FORGET, .format = ORDO_FORMAT_JSON},
    [ORDO__ROUTE_PROFILE_DIFF] = {.is_profile = true, .kind = ORDO_PROFILE_DIFF, .format = ORDO_FORMAT_SVG,
        .formats = ORDO__CHANGE_FORMATS, .parameters = ORDO__TAKES_BASE | ORDO__TAKES_TO},
    [ORDO__ROUTE_PROFILE_STATUS] = {.is_profile = true, .kind = ORDO_PROFILE_STATUS, .format = ORDO_FORMAT_JSON},
};
/* clang-format on */

const struct ordo__profile_route *ordo__profile_route(enum ordo__route_name name)
{
    return routes[name].is_profile ? &routes[name] : NULL;
}
