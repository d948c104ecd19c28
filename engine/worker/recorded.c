/* SPDX-License-Identifier: MIT
 * recorded.c: see recorded.h.
 */
#include "worker/recorded.h"

#include "base/json_time.h"

static bool read_time(struct ordo_json_value object, ordo_str key, int64_t *ret_ms)
{
    return ordo_time_parse(ordo_json_text(object, key), ret_ms);
}

bool ordo_recorded_read(struct ordo_json_value record, struct ordo_recorded *ret_recorded)
{
    struct ordo_recorded recorded = {.record = record, .id = ordo_json_text(record, ORDO_STR("id"))};

    recorded.status = ordo_json_text(record, ORDO_STR("status"));
    recorded.is_invalid = ordo_str_equal(recorded.status, ORDO_STR("invalid"));
    recorded.is_dead = ordo_str_equal(recorded.status, ORDO_STR("dead"));
    if (!ordo_json_get(record, ORDO_STR("order"), &recorded.order) ||
        !ordo_json_get(record, recorded.is_invalid ? ORDO_STR("problem") : ORDO_STR("decision"),
                       &recorded.answer))
        return false;
    recorded.generation = (uint64_t)ordo_json_number(recorded.answer, ORDO_STR("generation"), 0);
    recorded.attempt = (uint32_t)ordo_json_number(record, ORDO_STR("attempt"), 1);
    if (!read_time(recorded.answer, ORDO_STR("decided_at"), &recorded.decided_ms))
        read_time(record, ORDO_STR("updated_at"), &recorded.decided_ms);
    *ret_recorded = recorded;
    return true;
}

struct ordo_script_order ordo_recorded_order(const struct ordo_recorded *recorded,
                                             struct ordo_json_value root)
{
    struct ordo_envelope envelope;

    ordo_envelope_read(root, &envelope);
    return (struct ordo_script_order){
        .root = root,
        .id = recorded->id,
        .priority = envelope.priority,
        .attempt = recorded->attempt,
        .now_ms = recorded->decided_ms,
    };
}
