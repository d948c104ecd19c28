/* SPDX-License-Identifier: MIT
 * leaks.c: windows go into the series of every site, one for each level.
 *
 * A site that is not in a window has nothing live, which is a point too, so sites are never taken away; there are as
 * many as there are lines that allocate.
 */
#include "profile/leaks_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct key {
    uint32_t function, file, module, rule;
    int32_t line;
};

struct ordo_leaks *ordo_leaks_new(void)
{
    struct ordo_leaks *leaks = calloc(1, sizeof(*leaks));

    ORDO_REQUIRE(leaks != NULL);
    return leaks;
}

void ordo_leaks_free(struct ordo_leaks *leaks)
{
    if (leaks == NULL)
        return;
    ordo_intern_done(&leaks->texts);
    ordo_intern_done(&leaks->keys);
    free(leaks->entries);
    free(leaks->allowances);
    free(leaks);
}

void ordo_leaks_allow(struct ordo_leaks *leaks, ordo_str module, int64_t bytes)
{
    size_t count = leaks->allowance_count + 1;
    struct ordo__leak_allowance *all = realloc(leaks->allowances, count * sizeof(*all));

    ORDO_REQUIRE(all != NULL);
    all[count - 1] = (struct ordo__leak_allowance){ordo_intern(&leaks->texts, module), bytes};
    leaks->allowances = all;
    leaks->allowance_count = count;
}

/* A site's module is a path where the symbols know one. */
static ordo_str name_of_module(ordo_str module)
{
    const char *slash = module.len > 0 ? memrchr(module.ptr, '/', module.len) : NULL;
    size_t skipped = slash != NULL ? (size_t)(slash + 1 - module.ptr) : 0;

    return (ordo_str){module.ptr + skipped, module.len - skipped};
}

static bool is_allowed(const struct ordo_leaks *leaks, const struct ordo__leak_entry *entry)
{
    for (size_t i = 0; i < leaks->allowance_count; i++)
        if (ordo_str_equal(name_of_module(entry->site.module),
                           ordo_intern_at(&leaks->texts, leaks->allowances[i].module)) &&
            entry->bytes <= (double)leaks->allowances[i].bytes)
            return true;
    return false;
}

void ordo_leaks_begin(struct ordo_leaks *leaks, int64_t at_ns, uint64_t orders)
{
    leaks->before_ns = leaks->windows == 0 ? at_ns : leaks->at_ns;
    leaks->at_ns = at_ns;
    leaks->orders = orders;
    for (uint32_t i = 0; i < leaks->keys.count; i++)
        leaks->entries[i].bytes = leaks->entries[i].variance = 0;
}

static struct ordo__leak_entry *add_entry(struct ordo_leaks *leaks, const struct key *key)
{
    struct ordo__leak_entry *entry;

    leaks->entries = ordo_array_grow(leaks->entries, leaks->keys.count - 1, &leaks->entry_capacity,
                                     sizeof(*leaks->entries));
    entry = &leaks->entries[leaks->keys.count - 1];
    *entry = (struct ordo__leak_entry){
        .site = {.function = ordo_intern_at(&leaks->texts, key->function),
                 .file = ordo_intern_at(&leaks->texts, key->file),
                 .module = ordo_intern_at(&leaks->texts, key->module),
                 .rule = ordo_intern_at(&leaks->texts, key->rule),
                 .line = key->line},
    };
    return entry;
}

static struct ordo__leak_entry *entry_of(struct ordo_leaks *leaks, const struct ordo_leak_site *site)
{
    struct key key = {ordo_intern(&leaks->texts, site->function), ordo_intern(&leaks->texts, site->file),
                      ordo_intern(&leaks->texts, site->module), ordo_intern(&leaks->texts, site->rule),
                      site->line};
    bool is_new;
    uint32_t number;

    if (leaks->keys.count >= ORDO__LEAK_SITES) {
        leaks->refused++;
        return NULL;
    }
    number = ordo_intern_is_new(&leaks->keys, (ordo_str){(const char *)&key, sizeof(key)}, &is_new);
    return is_new ? add_entry(leaks, &key) : &leaks->entries[number];
}

void ordo_leaks_add(struct ordo_leaks *leaks, const struct ordo_leak_site *site, int64_t objects,
                    int64_t bytes, int64_t rate)
{
    struct ordo__leak_entry *entry = entry_of(leaks, site);
    double mean, seen;

    if (entry == NULL || objects <= 0 || bytes <= 0)
        return;
    /* Each object was seen with probability `seen`, and stands for 1 / seen: the variance of such a sum. */
    mean = (double)bytes / (double)objects;
    seen = rate > 0 ? -expm1(-mean / (double)rate) : 1;
    entry->bytes += (double)bytes;
    entry->variance += (double)objects * mean * mean * (1 - seen) / seen;
}

static void push(double *points, double value)
{
    memmove(points, points + 1, (ORDO__LEAK_POINTS - 1) * sizeof(*points));
    points[ORDO__LEAK_POINTS - 1] = value;
}

/* Puts the window into the open point of a level; true: that completes it. */
static bool add_to_level(struct ordo_leaks *leaks, int level)
{
    uint64_t width = (uint64_t)1 << level;
    bool first = leaks->windows % width == 0, last = (leaks->windows + 1) % width == 0;

    for (uint32_t i = 0; i < leaks->keys.count; i++) {
        struct ordo__leak_entry *entry = &leaks->entries[i];
        struct ordo__leak_series *series = &entry->series[level];

        if (first || entry->bytes < series->open_bytes) {
            series->open_bytes = entry->bytes;
            series->open_variance = entry->variance;
        }
        if (last) {
            if (series->bytes[0] > series->past_peak)
                series->past_peak = series->bytes[0];
            push(series->bytes, series->open_bytes);
            push(series->variance, series->open_variance);
        }
    }
    return last;
}

void ordo_leaks_end(struct ordo_leaks *leaks)
{
    for (int level = 0; level < ORDO__LEAK_LEVELS; level++) {
        struct ordo__leak_times *times = &leaks->times[level];

        times->open_seconds += (double)(leaks->at_ns - leaks->before_ns) / 1e9;
        times->open_orders += (double)leaks->orders;
        if (!add_to_level(leaks, level))
            continue;
        push(times->seconds, times->open_seconds);
        push(times->orders, times->open_orders);
        times->open_seconds = times->open_orders = 0;
        times->points++;
        if (times->points < ORDO__LEAK_POINTS)
            continue;
        for (uint32_t i = 0; i < leaks->keys.count; i++) {
            struct ordo__leak_series *series = &leaks->entries[i].series[level];

            if (is_allowed(leaks, &leaks->entries[i]))
                series->strikes = series->leaks = 0;
            else
                ordo__leak_judge(series, times);
        }
    }
    leaks->windows++;
}

uint64_t ordo_leaks_windows(const struct ordo_leaks *leaks)
{
    return leaks->windows;
}

static double sum_of(const double *values)
{
    double sum = 0;

    for (int i = 0; i < ORDO__LEAK_POINTS; i++)
        sum += values[i];
    return sum;
}

/* By the finest level that sees it, which is the newest. */
static bool leak_of(const struct ordo_leaks *leaks, const struct ordo__leak_entry *entry,
                    struct ordo_leak *ret_leak)
{
    int level = 0;
    const struct ordo__leak_times *times;
    double windows, growth, seconds, orders;

    while (level < ORDO__LEAK_LEVELS && !entry->series[level].leaks)
        level++;
    if (level == ORDO__LEAK_LEVELS)
        return false;
    times = &leaks->times[level];
    windows = ORDO__LEAK_POINTS * (double)(1 << level);
    growth = entry->series[level].slope * ORDO__LEAK_POINTS;
    seconds = sum_of(times->seconds);
    orders = sum_of(times->orders);
    *ret_leak = (struct ordo_leak){
        .site = entry->site,
        .live_bytes = llround(entry->bytes),
        .bytes_per_window = growth / windows,
        .bytes_per_second = seconds > 0 ? growth / seconds : 0,
        .bytes_per_order = orders > 0 ? growth / orders : 0,
        .windows = (uint32_t)windows,
        .seconds = llround(seconds),
    };
    return true;
}

size_t ordo_leaks_find(const struct ordo_leaks *leaks, struct ordo_leak *ret_leaks, size_t most)
{
    struct ordo_leak leak;
    size_t found = 0, kept = 0;

    if (leaks->windows < ORDO__LEAK_WARM_UP)
        return 0;
    for (uint32_t i = 0; i < leaks->keys.count; i++) {
        size_t at;

        if (!leak_of(leaks, &leaks->entries[i], &leak))
            continue;
        found++;
        for (at = kept; at > 0 && ret_leaks[at - 1].bytes_per_window < leak.bytes_per_window; at--)
            if (at < most)
                ret_leaks[at] = ret_leaks[at - 1];
        if (at < most) {
            ret_leaks[at] = leak;
            kept += kept < most;
        }
    }
    return found;
}
