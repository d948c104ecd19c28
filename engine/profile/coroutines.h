/* SPDX-License-Identifier: MIT
 * coroutines.h: coroutines that wait, as the workers that own them list them: records in a row, each with its stack.
 *
 * A list belongs to one thread at a time.
 */
#pragma once

#include "base/buffer.h"

enum { ORDO_COROUTINE_ORDER_MAX = 128, ORDO_COROUTINE_DEPTH = 64 };

struct ordo_coroutine {
    bool is_missing; /* the worker did not come to list what waits in it: worker is all that is known */
    uint16_t worker; /* from 0 */
    uint8_t priority, order_len;
    char order[ORDO_COROUTINE_ORDER_MAX];
    const char *waits_for;      /* "sleep"; lives as long as the process */
    int64_t since_ns, until_ns; /* monotonic */
    uint64_t generation, attempt;
    size_t frame_count; /* of its Lua stack, innermost first */
};

struct ordo_coroutines {
    struct ordo_buffer records;
    size_t count;
};

/* At most ORDO_COROUTINE_DEPTH frames. */
void ordo_coroutines_add(struct ordo_coroutines *coroutines, const struct ordo_coroutine *coroutine,
                         const uint64_t *frames);
/* Takes all of `from` over. */
void ordo_coroutines_join(struct ordo_coroutines *coroutines, struct ordo_coroutines *from);
/* *at: 0 at first. False: there is none any more. Valid until the list changes. */
bool ordo_coroutines_next(const struct ordo_coroutines *coroutines, size_t *at,
                          const struct ordo_coroutine **ret_coroutine, const uint64_t **ret_frames);
void ordo_coroutines_done(struct ordo_coroutines *coroutines);
