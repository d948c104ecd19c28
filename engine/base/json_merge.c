/* SPDX-License-Identifier: MIT
 * json_merge.c: see json_merge.h. The target's members keep their order; new ones stand behind them.
 */
#include "base/json_merge.h"

#include "base/json_copy.h"

static bool is_object(const struct ordo_json_value *value)
{
    return value != NULL && ordo_json_type(*value) == ORDO_JSON_OBJECT;
}

static bool merge(struct ordo_json_writer *json, const struct ordo_json_value *target,
                  struct ordo_json_value patch);

static bool merge_member(struct ordo_json_writer *json, ordo_str key, const struct ordo_json_value *target,
                         struct ordo_json_value patch)
{
    if (ordo_json_type(patch) == ORDO_JSON_NULL)
        return true;
    ordo_json_key_escaped(json, key);
    return merge(json, target, patch);
}

static bool merge_targets(struct ordo_json_writer *json, struct ordo_json_value target,
                          struct ordo_json_value patch)
{
    struct ordo_json_value old, new;
    ordo_str key;

    for (struct ordo_json_iter iter = ordo_json_iter_of(target); ordo_json_next(&iter, &key, &old);) {
        if (!ordo_json_get(patch, key, &new)) {
            ordo_json_key_escaped(json, key);
            ordo_json_copy(json, old);
        } else if (!merge_member(json, key, &old, new)) {
            return false;
        }
    }
    return true;
}

static bool merge(struct ordo_json_writer *json, const struct ordo_json_value *target,
                  struct ordo_json_value patch)
{
    struct ordo_json_value old, new;
    ordo_str key;

    if (!is_object(&patch)) {
        ordo_json_copy(json, patch);
        return true;
    }
    if (ordo_json_count(patch) > ORDO_JSON_MERGE_MEMBERS)
        return false;
    ordo_json_object(json);
    if (is_object(target) && !merge_targets(json, *target, patch))
        return false;
    for (struct ordo_json_iter iter = ordo_json_iter_of(patch); ordo_json_next(&iter, &key, &new);)
        if ((!is_object(target) || !ordo_json_get(*target, key, &old)) && !merge_member(json, key, NULL, new))
            return false;
    ordo_json_end_object(json);
    return true;
}

bool ordo_json_merge(struct ordo_json_writer *json, struct ordo_json_value target,
                     struct ordo_json_value patch)
{
    return merge(json, &target, patch);
}
