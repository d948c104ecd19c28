/* SPDX-License-Identifier: MIT
 * histogram.c: which bucket a value counts in, and what the buckets say together.
 *
 * Values below 2^SUB_BITS have a bucket each; above, the top bit chooses a group and the SUB_BITS bits behind
 * it the bucket in the group. A writer stores the bucket last and with release, a reader loads it first and
 * with acquire, so a view's max and sum cover at least the values that it counts.
 */
#include "metrics/histogram.h"

enum { GROUP = 1 << ORDO_HISTOGRAM_SUB_BITS, LAST = ORDO_HISTOGRAM_BUCKETS - 1 };

static unsigned bucket_of(uint64_t value)
{
    unsigned shift;

    if (value < GROUP)
        return (unsigned)value;
    if (value >> ORDO_HISTOGRAM_MAX_BITS != 0)
        return LAST;
    shift = 63 - (unsigned)__builtin_clzll(value) - ORDO_HISTOGRAM_SUB_BITS;
    return (shift << ORDO_HISTOGRAM_SUB_BITS) + (unsigned)(value >> shift);
}

/* The largest value that counts in the bucket. */
static uint64_t edge_of(unsigned bucket)
{
    unsigned shift;

    if (bucket < GROUP)
        return bucket;
    if (bucket == LAST)
        return UINT64_MAX;
    shift = (bucket >> ORDO_HISTOGRAM_SUB_BITS) - 1;
    return ((uint64_t)(GROUP + bucket % GROUP + 1) << shift) - 1;
}

void ordo_histogram_add(struct ordo_histogram *histogram, int64_t value)
{
    uint64_t amount = value < 0 ? 0 : (uint64_t)value;
    _Atomic uint64_t *bucket = &histogram->buckets[bucket_of(amount)];
    uint64_t sum = atomic_load_explicit(&histogram->sum, memory_order_relaxed);
    uint64_t count = atomic_load_explicit(bucket, memory_order_relaxed);

    if (amount > atomic_load_explicit(&histogram->max, memory_order_relaxed))
        atomic_store_explicit(&histogram->max, amount, memory_order_relaxed);
    atomic_store_explicit(&histogram->sum, sum + amount, memory_order_relaxed);
    atomic_store_explicit(bucket, count + 1, memory_order_release);
}

void ordo_histogram_merge(struct ordo_histogram_view *view, const struct ordo_histogram *histogram)
{
    uint64_t count, max;

    for (unsigned i = 0; i < ORDO_HISTOGRAM_BUCKETS; i++) {
        count = atomic_load_explicit(&histogram->buckets[i], memory_order_acquire);
        view->buckets[i] += count;
        view->count += count;
    }
    view->sum += atomic_load_explicit(&histogram->sum, memory_order_relaxed);
    max = atomic_load_explicit(&histogram->max, memory_order_relaxed);
    if (max > view->max)
        view->max = max;
}

uint64_t ordo_histogram_quantile(const struct ordo_histogram_view *view, double quantile)
{
    double exact = quantile * (double)view->count;
    uint64_t rank = exact > 0 ? (uint64_t)exact : 0, seen = 0;

    if (view->count == 0)
        return 0;
    /* The rank is the least number of values that is at least this share of them: 1 to count. */
    if ((double)rank < exact || rank == 0)
        rank++;
    for (unsigned i = 0; i < LAST; i++) {
        seen += view->buckets[i];
        if (seen >= rank)
            return edge_of(i) < view->max ? edge_of(i) : view->max;
    }
    return view->max;
}

uint64_t ordo_histogram_at_most(const struct ordo_histogram_view *view, uint64_t value)
{
    uint64_t seen = 0;

    for (unsigned i = 0, end = bucket_of(value); i <= end; i++)
        seen += view->buckets[i];
    return seen;
}
