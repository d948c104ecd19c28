/* SPDX-License-Identifier: MIT
 * timeline_impl.h: what the files of the timeline share.
 */
#pragma once

#include "profile/timeline.h"
#include "profile/timeline_orders.h"

/* Nothing but one order and its spans. */
struct ordo__timeline_only {
    uint64_t number;
    ordo_str id;
    const char *note; /* for whoever reads it; may be NULL */
};

/* Writes what lies between two times; `only` NULL: all. */
void ordo__timeline_write(const struct ordo_timeline_copies *copies, int64_t from_ns, int64_t to_ns,
                          const struct ordo__timeline_only *only, struct ordo_buffer *out);
