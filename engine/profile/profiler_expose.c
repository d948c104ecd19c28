/* SPDX-License-Identifier: MIT
 * profiler_expose.c: what the profiler puts into /metrics: copies that its thread makes, so that nobody waits for it.
 */
#include "base/clock.h"
#include "metrics/metrics.h"
#include "profile/profiler_impl.h"

enum { SUMMED_MOST = 64 };

static void store(_Atomic uint64_t *to, uint64_t value)
{
    atomic_store_explicit(to, value, memory_order_relaxed);
}

void ordo__profiler_publish(struct ordo_profiler *profiler)
{
    struct ordo_leak leaks[SUMMED_MOST];
    uint64_t kept_bytes;
    size_t kept = ordo_history_count(profiler->history, &kept_bytes), leak_count;
    double rate = 0;

    leak_count = ordo_leaks_find(profiler->leaks, leaks, SUMMED_MOST);
    for (size_t i = 0; i < leak_count && i < SUMMED_MOST; i++)
        rate += leaks[i].bytes_per_second;
    store(&profiler->seen_kept, kept);
    store(&profiler->seen_kept_bytes, kept_bytes);
    store(&profiler->seen_leaks, leak_count);
    store(&profiler->seen_leak_rate, (uint64_t)rate);
    atomic_store_explicit(&profiler->seen_cpu_ns, ordo_clock_of_ns(CLOCK_THREAD_CPUTIME_ID),
                          memory_order_relaxed);
}

static double load(_Atomic uint64_t *from)
{
    return (double)atomic_load_explicit(from, memory_order_relaxed);
}

void ordo_profiler_expose(struct ordo_profiler *profiler, struct ordo_buffer *out)
{
    int64_t cpu_ns = atomic_load_explicit(&profiler->seen_cpu_ns, memory_order_relaxed);
    struct ordo_sampler_figures figures;

    ordo_sampler_figures(profiler->sampler, &figures);
    ordo_metrics_expose_value(out, "ordo_profiler_samples_total", "", "counter",
                              "Samples that the profiler took.", (double)figures.samples);
    ordo_metrics_expose_value(out, "ordo_profiler_samples_dropped_total", "", "counter",
                              "Samples that were lost.", (double)figures.dropped);
    ordo_metrics_expose_value(out, "ordo_profiler_seconds_total", "part=\"handlers\"", "counter",
                              "CPU time that profiling itself took.",
                              (double)(figures.handler_ns / 1000) / 1e6);
    ordo_metrics_expose_value(out, "ordo_profiler_seconds_total", "part=\"thread\"", "counter", NULL,
                              (double)(cpu_ns / 1000) / 1e6);
    ordo_metrics_expose_value(out, "ordo_profiles_kept", "", "gauge", "Profiles in the history.",
                              load(&profiler->seen_kept));
    ordo_metrics_expose_value(out, "ordo_profiles_kept_bytes", "", "gauge", "Bytes of these.",
                              load(&profiler->seen_kept_bytes));
    ordo_metrics_expose_value(out, "ordo_heap_leaking_sites", "", "gauge",
                              "Lines whose live memory rises steadily; /profile/leaks names them.",
                              load(&profiler->seen_leaks));
    ordo_metrics_expose_value(out, "ordo_heap_leaking_bytes_per_second", "", "gauge",
                              "How fast these rise together.", load(&profiler->seen_leak_rate));
}
