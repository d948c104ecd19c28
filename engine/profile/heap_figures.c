/* SPDX-License-Identifier: MIT
 * heap_figures.c: jemalloc's statistics, and the dump at the high water.
 */
#include "profile/heap_figures.h"

#include "base/clock.h"
#include "base/json_write.h"
#include "base/mallctl.h"

enum { PEAK_SHARE = 10 }; /* a dump is taken when the heap has grown by one in so many parts */

static uint64_t figure(const char *name)
{
    size_t value = 0;

    return ordo_mallctl_read(name, &value, sizeof(value)) == 0 ? value : 0;
}

int ordo_heap_figures_read(struct ordo_heap_figures *ret_figures, struct ordo_error *err)
{
    uint64_t epoch = 1;
    bool sampling = false;

    /* Statistics are a copy, which this renews. */
    if (ordo_mallctl_write("epoch", &epoch, sizeof(epoch)) != 0)
        return ordo_fail(
            err, ORDO_ENOTFOUND, NULL,
            "there are no figures: this program is built without jemalloc, as sanitizers need it");
    ordo_mallctl_read("prof.active", &sampling, sizeof(sampling));
    *ret_figures = (struct ordo_heap_figures){
        .allocated = figure("stats.allocated"),
        .active = figure("stats.active"),
        .metadata = figure("stats.metadata"),
        .resident = figure("stats.resident"),
        .mapped = figure("stats.mapped"),
        .retained = figure("stats.retained"),
        .sampling = sampling,
        .sample_bytes = sampling ? (uint64_t)1 << figure("prof.lg_sample") : 0,
    };
    return 0;
}

void ordo_heap_figures_write(struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);
    struct ordo_heap_figures figures;
    struct ordo_error err;

    ordo_json_object(&json);
    if (ordo_heap_figures_read(&figures, &err) != 0) {
        ordo_json_key_string(&json, ORDO_STR("unavailable"), ordo_str_from(err.message));
        ordo_json_end_object(&json);
        return;
    }
    ordo_json_key_int(&json, ORDO_STR("allocated"), (int64_t)figures.allocated);
    ordo_json_key_int(&json, ORDO_STR("active"), (int64_t)figures.active);
    ordo_json_key_int(&json, ORDO_STR("metadata"), (int64_t)figures.metadata);
    ordo_json_key_int(&json, ORDO_STR("resident"), (int64_t)figures.resident);
    ordo_json_key_int(&json, ORDO_STR("mapped"), (int64_t)figures.mapped);
    ordo_json_key_int(&json, ORDO_STR("retained"), (int64_t)figures.retained);
    ordo_json_key(&json, ORDO_STR("fragmentation"));
    ordo_json_double(&json,
                     figures.allocated == 0 ? 1 : (double)(figures.active * 1000 / figures.allocated) / 1000);
    ordo_json_key(&json, ORDO_STR("sampling"));
    ordo_json_bool(&json, figures.sampling);
    ordo_json_key_int(&json, ORDO_STR("sample_bytes"), (int64_t)figures.sample_bytes);
    ordo_json_end_object(&json);
}

void ordo_heap_peak_look(struct ordo_heap_peak *peak)
{
    int64_t started_ns = ordo_clock_ns();
    struct ordo_heap_figures figures;
    struct ordo_heap_dump *dump;

    if (ordo_heap_figures_read(&figures, NULL) == 0 && figures.sampling &&
        figures.active > peak->active + peak->active / PEAK_SHARE &&
        (dump = ordo_heap_dump_take(NULL)) != NULL) {
        ordo_heap_dump_free(peak->dump);
        peak->dump = dump;
        peak->active = figures.active;
        peak->taken++;
    }
    peak->spent_ns += ordo_clock_ns() - started_ns;
}

void ordo_heap_peak_done(struct ordo_heap_peak *peak)
{
    ordo_heap_dump_free(peak->dump);
    peak->dump = NULL;
}
