/* SPDX-License-Identifier: MIT
 * host.c: what a plugin may call. Each instance has a table of its own, whose `engine` leads back to the
 * instance: so the log knows who speaks, and a source's orders go where its instance was connected to.
 */
#include "plugin/plugin_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "base/timeline.h"

static void host_log(void *engine, enum ordo_log_level level, const char *message)
{
    const struct ordo_plugin_instance *instance = engine;

    if ((int)level < ORDO_LOG_DEBUG || level > ORDO_LOG_ERROR)
        level = ORDO_LOG_ERROR;
    ordo_log_write(level, instance->tag, "%s", message);
}

static int64_t host_monotonic_ns(void *engine)
{
    (void)engine;
    return ordo_clock_ns();
}

static int64_t host_utc_ms(void *engine)
{
    (void)engine;
    return ordo_clock_utc_ms();
}

static int host_submit(void *engine, ordo_str order, ordo_outcome_fn decided, void *context,
                       struct ordo_error *err)
{
    const struct ordo_plugin_instance *instance = engine;

    if (instance->submit == NULL)
        return ordo_fail(err, ORDO_ESTOPPED, instance->plugin->name,
                         "orders can be submitted by a source, between its start and stop");
    return instance->submit(instance->submit_context, order, decided, context, err);
}

static const char *host_data_dir(void *engine)
{
    const struct ordo_plugin_instance *instance = engine;

    return instance->data_dir;
}

static void host_failed(void *engine, const char *message)
{
    const struct ordo_plugin_instance *instance = engine;

    ordo_log_error(instance->tag, "%s", message);
    if (instance->failed != NULL)
        instance->failed(instance->failed_context, message);
}

/* A thread that the plugin made has its ring from its first span on. */
static void host_span(void *engine, const char *name, int64_t began_ns, int64_t ended_ns)
{
    char thread[16] = "";

    (void)engine;
    if (ordo_timeline_own == NULL) {
        if (!ordo_timeline_is_on() || pthread_getname_np(pthread_self(), thread, sizeof(thread)) != 0 ||
            !ordo_timeline_enter(thread))
            return;
    }
    ordo_timeline_span_between(ordo_timeline_intern(ordo_str_from(name)), began_ns, ended_ns);
}

void ordo__plugin_host_init(struct ordo_plugin_instance *instance)
{
    instance->host = (struct ordo_host){
        .size = sizeof(struct ordo_host),
        .abi_major = ORDO_ABI_MAJOR,
        .abi_minor = ORDO_ABI_MINOR,
        .engine = instance,
        .log = host_log,
        .monotonic_ns = host_monotonic_ns,
        .utc_ms = host_utc_ms,
        .fail = ordo_fail,
        .option_bool = ordo_options_bool,
        .option_int = ordo_options_int,
        .option_string = ordo_options_string,
        .submit = host_submit,
        .data_dir = host_data_dir,
        .failed = host_failed,
        .span = host_span,
    };
}
