/* SPDX-License-Identifier: MIT
 * ordo/exporter.h: what an exporter plugin does: it pushes profiles to where they are kept and looked at.
 *
 * It gets every profile that profiling.continuous takes, as it is taken. The profiler goes on only when `profile` has
 * returned, so an exporter copies what it gets into a bounded queue of its own and sends it from a thread of its own, which
 * `open` starts: a receiver that is away or slow costs profiles, and never a request or the profiler's time.
 */
#pragma once

#include <ordo/plugin.h>

struct ordo_exported_profile {
    uint32_t size;
    const char *kind; /* "cpu", "memory"; more may come, so one that is not known is taken as it is */

    /* The time that it tells of. Those of a kind follow each other: the next one begins where this one ends, unless the
     * system's clock was set meanwhile. */
    int64_t from_utc_ns, until_utc_ns;
    uint64_t generation; /* of the rules at its end */
    uint64_t orders;     /* decided meanwhile */
    uint32_t hz;         /* samples a second of CPU time; 0: it is not sampled by time */

    /* pprof's protobuf, gzipped. "cpu" has samples/count and cpu/nanoseconds; "memory" has alloc_objects/count and
     * alloc_space/bytes, of what was allocated in that time, and inuse_objects/count and inuse_space/bytes, of what was
     * live at its end. */
    ordo_str pprof;
};

struct ordo_exporter_stat {
    uint32_t size;
    uint64_t pushed, failed,
        dropped;      /* failed: attempts; the others: profiles. dropped: they will not be pushed */
    uint64_t waiting; /* profiles in the queue */
};

struct ordo_exporter_ops {
    uint32_t size;
    /* Takes a profile to be pushed. The profiler's thread, one call at a time; must not wait for a disk, a network or a
     * lock that is held meanwhile. Everything in *profile is valid during the call only. A full queue is no error: it makes
     * room by dropping the oldest, and counts. 0, or a code with *err, which the engine logs: this profile is lost. */
    int (*profile)(void *self, const struct ordo_exported_profile *profile, struct ordo_error *err);
    /* No profile will come any more: pushes what waits as long as that goes well, until the monotonic time at most, drops the
     * rest, and returns when its threads have ended. Main thread, at most once, before close; a start that fails closes
     * without it. */
    void (*stop)(void *self, int64_t until_ns);
    void (*stat)(void *self,
                 struct ordo_exporter_stat *ret_stat); /* any thread, at any time; must not block */
};
