/* SPDX-License-Identifier: MIT
 * leaks_write.c: what is told of leaks: JSON, text, metrics.
 */
#include <math.h>

#include "base/json_write.h"
#include "metrics/metrics.h"
#include "profile/leaks_impl.h"

enum { SHOWN = 32 };

static void write_site(struct ordo_json_writer *json, const struct ordo_leak_site *site)
{
    ordo_json_key_string(json, ORDO_STR("function"), site->function);
    ordo_json_key_string(json, ORDO_STR("file"), site->file);
    ordo_json_key_int(json, ORDO_STR("line"), site->line);
    if (site->module.len > 0)
        ordo_json_key_string(json, ORDO_STR("module"), site->module);
    if (site->rule.len > 0)
        ordo_json_key_string(json, ORDO_STR("rule"), site->rule);
}

void ordo_leaks_write_json(const struct ordo_leaks *leaks, struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);
    struct ordo_leak found[SHOWN];
    size_t count = ordo_leaks_find(leaks, found, SHOWN);

    ordo_json_object(&json);
    ordo_json_key_int(&json, ORDO_STR("windows"), (int64_t)leaks->windows);
    ordo_json_key_int(&json, ORDO_STR("windows_needed"), ORDO__LEAK_WARM_UP);
    ordo_json_key_int(&json, ORDO_STR("sites"), leaks->keys.count);
    ordo_json_key_int(&json, ORDO_STR("leaking"), (int64_t)count);
    ordo_json_key(&json, ORDO_STR("leaks"));
    ordo_json_array(&json);
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        ordo_json_object(&json);
        write_site(&json, &found[i].site);
        ordo_json_key_int(&json, ORDO_STR("live_bytes"), found[i].live_bytes);
        ordo_json_key_int(&json, ORDO_STR("bytes_per_window"), llround(found[i].bytes_per_window));
        ordo_json_key_int(&json, ORDO_STR("bytes_per_second"), llround(found[i].bytes_per_second));
        ordo_json_key(&json, ORDO_STR("bytes_per_order"));
        ordo_json_double(&json, round(found[i].bytes_per_order * 100) / 100);
        ordo_json_key_int(&json, ORDO_STR("windows"), found[i].windows);
        ordo_json_key_int(&json, ORDO_STR("seconds"), found[i].seconds);
        ordo_json_end_object(&json);
    }
    ordo_json_end_array(&json);
    ordo_json_end_object(&json);
}

/* "1.5 MiB" */
static void write_size(struct ordo_buffer *out, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;

    for (; bytes >= 1024 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
        bytes /= 1024;
    ordo_buffer_printf(out, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

static void write_leak(struct ordo_buffer *out, const struct ordo_leak *leak)
{
    ordo_buffer_append(out, leak->site.function);
    if (leak->site.file.len > 0)
        ordo_buffer_printf(out, " (" ORDO_STR_FMT ":%d)", ORDO_STR_ARG(leak->site.file), leak->site.line);
    if (leak->site.rule.len > 0)
        ordo_buffer_printf(out, " of rule " ORDO_STR_FMT, ORDO_STR_ARG(leak->site.rule));
    ordo_buffer_append(out, ORDO_STR(" holds "));
    write_size(out, (double)leak->live_bytes);
    ordo_buffer_append(out, ORDO_STR(" and grows by "));
    write_size(out, leak->bytes_per_second);
    ordo_buffer_append(out, ORDO_STR("/s, "));
    write_size(out, leak->bytes_per_window);
    ordo_buffer_append(out, ORDO_STR(" a window"));
    if (leak->bytes_per_order > 0)
        ordo_buffer_printf(out, ", %.1f B an order", leak->bytes_per_order);
    ordo_buffer_printf(out, " (over the last %u windows, %lld s)\n", leak->windows, (long long)leak->seconds);
}

void ordo_leaks_write_text(const struct ordo_leaks *leaks, struct ordo_buffer *out)
{
    struct ordo_leak found[SHOWN];
    size_t count = ordo_leaks_find(leaks, found, SHOWN);

    if (count == 0 && leaks->windows < ORDO__LEAK_WARM_UP)
        ordo_buffer_printf(out,
                           "too early to tell: %llu of the %d windows that it takes at least are there\n",
                           (unsigned long long)leaks->windows, ORDO__LEAK_WARM_UP);
    else if (count == 0)
        ordo_buffer_printf(out, "no leaks: none of %u sites grows steadily (%llu windows seen)\n",
                           leaks->keys.count, (unsigned long long)leaks->windows);
    for (size_t i = 0; i < count && i < SHOWN; i++)
        write_leak(out, &found[i]);
    if (count > SHOWN)
        ordo_buffer_printf(out, "... and %zu more\n", count - SHOWN);
}
