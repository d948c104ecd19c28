/* SPDX-License-Identifier: MIT
 * timeline_read.h: copies of all rings, taken while they are written.
 */
#pragma once

#include "base/timeline.h"

/* What one thread did. */
struct ordo_timeline_copy {
    char thread[16];
    int tid;
    unsigned ring; /* its id, below ORDO_TIMELINE_RINGS */
    bool ended;
    struct ordo_timeline_event *events; /* in the order in which they were written */
    size_t count;
    uint64_t first;                   /* how many this ring has had before events[0] */
    bool is_cut;                      /* earlier ones of this thread were overwritten */
    uint64_t turn_at;                 /* the turn that went on; 0: none */
    struct ordo_timeline_event turns; /* short ones that were not written yet; kind EMPTY: none */
    struct ordo_timeline_event share; /* what no SHARE event tells yet */
};

struct ordo_timeline_copies {
    struct ordo_timeline_copy *items;
    size_t count, room;
    uint64_t ticks;                   /* when the copying began */
    struct ordo_timeline_clock clock; /* for what is in it */
};

/* Any thread; takes about a millisecond for 2 MiB. Threads that start or end meanwhile wait. */
void ordo_timeline_copy(struct ordo_timeline_copies *ret_copies);
void ordo_timeline_copy_done(struct ordo_timeline_copies *copies);

/* When the event began and ended, in monotonic nanoseconds; the same but for spans. */
int64_t ordo_timeline_began_ns(const struct ordo_timeline_copies *copies,
                               const struct ordo_timeline_event *event);
int64_t ordo_timeline_ended_ns(const struct ordo_timeline_copies *copies,
                               const struct ordo_timeline_event *event);
