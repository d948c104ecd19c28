/* SPDX-License-Identifier: MIT
 * health.c: whether the process lives, takes orders, and what it thinks of itself.
 */
#include "http/http_impl.h"

static bool is_draining(const struct ordo__request *request)
{
    const struct ordo_http *http = request->loop->http;

    return atomic_load(&http->closing) || ordo_engine_is_draining(http->engine);
}

void ordo__livez_get(struct ordo__request *request)
{
    ordo__reply(request, 200, "text/plain; charset=utf-8", ORDO_STR("ok\n"));
}

void ordo__readyz_get(struct ordo__request *request)
{
    ordo_str reason = is_draining(request) ? ORDO_STR("stopping\n")
                      : ordo_engine_is_store_full(request->loop->engine)
                          ? ORDO_STR("the store has no room for new orders; the log says why\n")
                          : ORDO_STR_NONE;

    ordo__reply(request, reason.len > 0 ? 503 : 200, "text/plain; charset=utf-8",
                reason.len > 0 ? reason : ORDO_STR("ready\n"));
}

static void write_check(struct ordo_json_writer *json, const char *name, bool good, const char *bad)
{
    ordo_json_key_string(json, ordo_str_from(name), good ? ORDO_STR("ok") : ordo_str_from(bad));
}

/* "degraded": it works, but an operator should look. */
void ordo__health_get(struct ordo__request *request)
{
    struct ordo_buffer out = {0};
    struct ordo_json_writer json = ordo_json_writer(&out);
    struct ordo_engine_figures figures;
    bool room = true, draining = is_draining(request), rules, full;

    ordo_engine_figures(request->loop->engine, &figures);
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++)
        room = room && figures.queue.depth[i] < figures.queue.capacity[i];
    rules = figures.generation > 0;
    full = figures.store.is_full;
    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("status"),
                         draining                 ? ORDO_STR("stopping")
                         : room && rules && !full ? ORDO_STR("ok")
                                                  : ORDO_STR("degraded"));
    ordo_json_key(&json, ORDO_STR("checks"));
    ordo_json_object(&json);
    write_check(&json, "queue", room, "full");
    write_check(&json, "rules", rules, "none");
    write_check(&json, "store", !full, "full");
    write_check(&json, "accepting", !draining, "stopping");
    ordo_json_end_object(&json);
    ordo_json_key_string(&json, ORDO_STR("version"), ORDO_STR(ORDO_VERSION));
    ordo_json_key_int(&json, ORDO_STR("generation"), (int64_t)figures.generation);
    ordo_json_key(&json, ORDO_STR("uptime_s"));
    ordo_json_double(&json, (double)(figures.uptime_ns / 1000000) / 1000);
    ordo_json_end_object(&json);
    ordo__reply_json(request, 200, ordo_buffer_str(&out));
    ordo_buffer_done(&out);
}
