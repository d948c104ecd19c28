/* SPDX-License-Identifier: MIT
 * export.c: from the profiler to the exporters. Each has a queue and a thread of its own, so a call takes no time and none of
 * them is in the way of another.
 */
#include "worker/export.h"

#include "base/log.h"
#include "worker/worker_impl.h"

static const struct ordo_exporter_ops *ops_of(const struct ordo_plugin_instance *exporter)
{
    return exporter->plugin->ops;
}

void ordo__export(void *context, const struct ordo_profile_capture *capture)
{
    const struct ordo_engine *engine = context;
    const struct ordo_exported_profile profile = {
        .size = sizeof(profile),
        .kind = capture->kind,
        .from_utc_ns = capture->from_utc_ns,
        .until_utc_ns = capture->until_utc_ns,
        .generation = capture->generation,
        .orders = capture->orders,
        .hz = capture->hz,
        .pprof = capture->pprof,
    };

    for (size_t i = 0; i < engine->options.exporter_count; i++) {
        const struct ordo_plugin_instance *exporter = engine->options.exporters[i];
        struct ordo_error err = {0};
        char text[1024];

        if (ops_of(exporter)->profile(exporter->self, &profile, &err) != 0)
            ordo_log_warn(exporter->tag, "a %s profile is lost: %s", capture->kind,
                          ordo_error_format(&err, text, sizeof(text)));
    }
}

void ordo_engine_stop_exporters(struct ordo_engine *engine, int64_t until_ns)
{
    for (size_t i = 0; i < engine->options.exporter_count; i++) {
        const struct ordo_plugin_instance *exporter = engine->options.exporters[i];

        ops_of(exporter)->stop(exporter->self, until_ns);
    }
}

void ordo_engine_each_exporter(struct ordo_engine *engine,
                               void (*visit)(void *context, const char *label,
                                             const struct ordo_exporter_stat *stat),
                               void *context)
{
    for (size_t i = 0; i < engine->options.exporter_count; i++) {
        const struct ordo_plugin_instance *exporter = engine->options.exporters[i];
        struct ordo_exporter_stat stat = {.size = sizeof(stat)};

        ops_of(exporter)->stat(exporter->self, &stat);
        visit(context, exporter->tag, &stat);
    }
}
