/* SPDX-License-Identifier: MIT
 * histogram.h: a log-linear histogram of durations: 16 steps to each power of two, so a value is known to
 * within 6.25 %.
 *
 * One writer, any readers: the writer adds with relaxed atomics and no lock; a reader copies and merges.
 * Values are nanoseconds, 0 to about 2^40 (18 minutes); larger ones count in the last bucket.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum { ORDO_HISTOGRAM_SUB_BITS = 4, ORDO_HISTOGRAM_MAX_BITS = 40 };
enum {
    ORDO_HISTOGRAM_BUCKETS = (ORDO_HISTOGRAM_MAX_BITS - ORDO_HISTOGRAM_SUB_BITS + 1)
                             << ORDO_HISTOGRAM_SUB_BITS
};

struct ordo_histogram {
    _Atomic uint64_t buckets[ORDO_HISTOGRAM_BUCKETS];
    _Atomic uint64_t sum, max;
};

/* A sum of histograms, for reading. */
struct ordo_histogram_view {
    uint64_t buckets[ORDO_HISTOGRAM_BUCKETS];
    uint64_t count, sum, max;
};

/* By the one writer. A negative value counts as 0. */
void ordo_histogram_add(struct ordo_histogram *histogram, int64_t value);
/* Adds what the histogram holds to the view, which starts zeroed. Any thread. */
void ordo_histogram_merge(struct ordo_histogram_view *view, const struct ordo_histogram *histogram);
/* Upper edge of the bucket in which the quantile (0..1) lies, at most max; 0 when empty. */
uint64_t ordo_histogram_quantile(const struct ordo_histogram_view *view, double quantile);
/* How many values are at most `value` (the bucket that holds it counts whole). */
uint64_t ordo_histogram_at_most(const struct ordo_histogram_view *view, uint64_t value);
