/* SPDX-License-Identifier: MIT
 * frame_text.c: values with the unit that leaves one to three digits before the point.
 */
#include "profile/frame_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/json_time.h"

static const char *leaf_of(ordo_str path)
{
    const char *slash = path.len == 0 ? NULL : memrchr(path.ptr, '/', path.len);

    return slash == NULL ? path.ptr : slash + 1;
}

ordo_str ordo_frame_name(const struct ordo_frame *frame, char *out)
{
    int len;

    if (frame->function.len > 0)
        return frame->function;
    if (frame->file.len > 0)
        len = snprintf(out, ORDO_FRAME_TEXT, "%s:%d", leaf_of(frame->file), frame->line);
    else if (frame->module.len > 0)
        len = snprintf(out, ORDO_FRAME_TEXT, "%s+0x%" PRIx64, leaf_of(frame->module), frame->address);
    else
        len = snprintf(out, ORDO_FRAME_TEXT, "0x%" PRIx64, frame->address);
    return (ordo_str){out, ordo_text_cut(out, (size_t)len, ORDO_FRAME_TEXT - 1)};
}

const char *ordo_frame_kind_word(enum ordo_frame_kind kind)
{
    static const char *const words[] = {
        [ORDO_FRAME_LUA] = "lua",         [ORDO_FRAME_ENGINE] = "engine",   [ORDO_FRAME_PLUGIN] = "plugin",
        [ORDO_FRAME_RUNTIME] = "runtime", [ORDO_FRAME_LIBRARY] = "library", [ORDO_FRAME_KERNEL] = "kernel",
        [ORDO_FRAME_NOTE] = "note",
    };

    return words[kind];
}

/* Three digits that count, without zeros at the end. */
static void print_number(double value, const char *unit, char *out)
{
    double size = fabs(value);
    int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
    int len = snprintf(out, ORDO_VALUE_TEXT, size < 0.1 ? "%.*g" : "%.*f", decimals, value);

    if (size >= 0.1 && decimals > 0) {
        while (out[len - 1] == '0')
            len--;
        if (out[len - 1] == '.')
            len--;
    }
    snprintf(out + len, (size_t)(ORDO_VALUE_TEXT - len), "%s%s", unit[0] == '\0' ? "" : " ", unit);
}

const char *ordo_value_text(double value, const char *unit, char *out)
{
    static const char *const times[] = {"ns", "\xc2\xb5s", "ms", "s"};
    static const char *const sizes[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t step = 0;

    if (value == 0) {
        snprintf(out, ORDO_VALUE_TEXT, "0");
    } else if (strcmp(unit, "nanoseconds") == 0) {
        for (; step + 1 < sizeof(times) / sizeof(*times) && fabs(value) >= 999.5; step++)
            value /= 1000;
        print_number(value, times[step], out);
    } else if (strcmp(unit, "bytes") == 0) {
        for (; step + 1 < sizeof(sizes) / sizeof(*sizes) && fabs(value) >= 1023.5; step++)
            value /= 1024;
        print_number(value, sizes[step], out);
    } else {
        print_number(value, strcmp(unit, "count") == 0 ? "" : unit, out);
    }
    return out;
}

double ordo_percent(double part, double whole)
{
    return whole == 0 ? 0 : 100 * part / whole;
}

void ordo_profile_summary(const struct ordo_profile *profile, struct ordo_buffer *out)
{
    const struct ordo_profile_meaning *meaning = ordo_profile_meaning(profile);
    const struct ordo_value_type *shown = &meaning->values[meaning->shown];
    char text[ORDO_VALUE_TEXT], time[ORDO_TIME_TEXT];

    ordo_buffer_printf(
        out, "%s: %s", shown->type,
        ordo_value_text((double)ordo_profile_total(profile, meaning->shown), shown->unit, text));
    if (ordo_profile_duration_ns(profile) > 0)
        ordo_buffer_printf(out, " in %s",
                           ordo_value_text((double)ordo_profile_duration_ns(profile), "nanoseconds", text));
    if (ordo_profile_utc_ns(profile) > 0) {
        ordo_time_format(ordo_profile_utc_ns(profile) / 1000000, time);
        ordo_buffer_printf(out, ", %.*s", ORDO_TIME_TEXT, time);
    }
}
