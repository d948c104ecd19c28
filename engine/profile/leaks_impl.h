/* SPDX-License-Identifier: MIT
 * leaks_impl.h: what the files of the leak detector share.
 *
 *   leaks.c        windows and sites         leaks_test.c    does a series rise
 *   leaks_site.c   the site of a stack       leaks_write.c   what is told of it
 */
#pragma once

#include "profile/intern.h"
#include "profile/leaks.h"

enum {
    ORDO__LEAK_POINTS = 12,  /* in a series */
    ORDO__LEAK_LEVELS = 6,   /* a point of level k stands for 2^k windows */
    ORDO__LEAK_WARM_UP = 30, /* windows from the start, in which caches fill, and nothing is said */
    ORDO__LEAK_SITES = 4096,
};

/* The last points, oldest first. A point is the least of its windows: a collector's waves do not show in it. */
struct ordo__leak_series {
    double bytes[ORDO__LEAK_POINTS];
    double variance[ORDO__LEAK_POINTS]; /* of the point, from sampling */
    double open_bytes, open_variance;   /* of the point that is not complete */
    double past_peak;                   /* the highest of the points before these */
    uint32_t strikes;                   /* how many tests in a row it did not pass */
    bool leaks;
    double slope; /* bytes a point */
};

struct ordo__leak_times {
    double seconds[ORDO__LEAK_POINTS], orders[ORDO__LEAK_POINTS]; /* of each point */
    double open_seconds, open_orders;
    uint64_t points; /* complete, ever */
};

struct ordo__leak_entry {
    struct ordo_leak_site site;
    double bytes, variance; /* of the window that is open */
    struct ordo__leak_series series[ORDO__LEAK_LEVELS];
};

struct ordo__leak_allowance {
    uint32_t module; /* number in texts */
    int64_t bytes;
};

struct ordo_leaks {
    struct ordo_intern texts, keys; /* a key is a site's texts and line; its number is the entry's */
    struct ordo__leak_entry *entries;
    size_t entry_capacity;
    uint64_t windows, refused; /* refused: parts of sites that had no room */
    int64_t at_ns, before_ns;
    uint64_t orders;
    struct ordo__leak_times times[ORDO__LEAK_LEVELS];
    struct ordo__leak_allowance *allowances;
    size_t allowance_count;
};

/* leaks_test.c: looks at a series whose points are all there, after each new one. */
void ordo__leak_judge(struct ordo__leak_series *series, const struct ordo__leak_times *times);

/* leaks_site.c: false: nothing to name it by. */
bool ordo__leak_site_of(const struct ordo_profile *profile, const struct ordo_profile_sample *sample,
                        struct ordo_symbols *symbols, struct ordo_leak_site *ret_site);
