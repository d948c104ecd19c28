/* SPDX-License-Identifier: MIT
 * decision_diff.c: see decision_diff.h.
 */
#include "core/decision_diff.h"

#include <stdlib.h>

#include "base/json_copy.h"
#include "base/json_equal.h"

static void write_field(struct ordo_json_writer *json, const char *name, const struct ordo_json_value *before,
                        const struct ordo_json_value *after)
{
    ordo_json_object(json);
    ordo_json_key_string(json, ORDO_STR("field"), ordo_str_from(name));
    ordo_json_key(json, ORDO_STR("recorded"));
    if (before != NULL)
        ordo_json_copy(json, *before);
    else
        ordo_json_null(json);
    ordo_json_key(json, ORDO_STR("what_if"));
    if (after != NULL)
        ordo_json_copy(json, *after);
    else
        ordo_json_null(json);
    if (before != NULL && after != NULL && ordo_json_type(*before) == ORDO_JSON_INT &&
        ordo_json_type(*after) == ORDO_JSON_INT)
        ordo_json_key_int(json, ORDO_STR("change"), ordo_json_as_int(*after) - ordo_json_as_int(*before));
    ordo_json_end_object(json);
}

static bool differ(const struct ordo_json_value *before, const struct ordo_json_value *after)
{
    bool is_none = before == NULL || ordo_json_type(*before) == ORDO_JSON_NULL;

    if (is_none || after == NULL)
        return !is_none || (after != NULL && ordo_json_type(*after) != ORDO_JSON_NULL);
    return !ordo_json_equal(*before, *after);
}

/* Absent and null are the same. */
static bool write_fields(struct ordo_json_writer *json, struct ordo_json_value recorded,
                         struct ordo_json_value what_if)
{
    static const char *const names[] = {"status",   "decision", "code",  "reason",        "currency",
                                        "subtotal", "discount", "fee",   "tax",           "total",
                                        "paid",     "due",      "route", "retry_after_ms"};
    bool same = true;

    ordo_json_key(json, ORDO_STR("fields"));
    ordo_json_array(json);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct ordo_json_value old, new, *before, *after;

        before = ordo_json_get(recorded, ordo_str_from(names[i]), &old) ? &old : NULL;
        after = ordo_json_get(what_if, ordo_str_from(names[i]), &new) ? &new : NULL;
        if (!differ(before, after))
            continue;
        write_field(json, names[i], before, after);
        same = false;
    }
    ordo_json_end_array(json);
    return same;
}

/* An operation and what it is compared by. */
struct entry {
    struct ordo_json_value operation;
    size_t from, to; /* its text without `at`, in list.text */
    bool paired;
};

struct list {
    struct entry *entries;
    size_t count;
    struct ordo_buffer text;
};

static void read_list(struct ordo_json_value decision, struct list *list)
{
    struct ordo_json_value operations, operation, value;
    ordo_str key = ORDO_STR_NONE;

    if (!ordo_json_member(decision, ORDO_STR("operations"), &operations))
        return;
    list->entries = calloc(ordo_json_count(operations) + 1, sizeof(*list->entries));
    ORDO_REQUIRE(list->entries != NULL);
    for (struct ordo_json_iter iter = ordo_json_iter_of(operations);
         ordo_json_next(&iter, NULL, &operation);) {
        struct entry *entry = &list->entries[list->count++];
        struct ordo_json_writer json = ordo_json_writer(&list->text);

        entry->operation = operation;
        entry->from = list->text.len;
        for (struct ordo_json_iter members = ordo_json_iter_of(operation);
             ordo_json_next(&members, &key, &value);)
            if (!ordo_str_equal(key, ORDO_STR("at"))) {
                ordo_json_key(&json, key);
                ordo_json_copy(&json, value);
            }
        entry->to = list->text.len;
    }
}

static void list_done(struct list *list)
{
    free(list->entries);
    ordo_buffer_done(&list->text);
}

static bool is_same(const struct list *a, const struct entry *in_a, const struct list *b,
                    const struct entry *in_b)
{
    size_t len = in_a->to - in_a->from;

    return len == in_b->to - in_b->from &&
           memcmp(a->text.ptr + in_a->from, b->text.ptr + in_b->from, len) == 0;
}

/* Pairs equal operations. It looks on from where the last pair was, so two lists that are nearly equal take one pass. */
static size_t pair(struct list *recorded, struct list *what_if)
{
    size_t pairs = 0, next = 0;

    for (size_t i = 0; i < recorded->count; i++)
        for (size_t tried = 0; tried < what_if->count; tried++) {
            size_t at = (next + tried) % what_if->count;

            if (what_if->entries[at].paired ||
                !is_same(recorded, &recorded->entries[i], what_if, &what_if->entries[at]))
                continue;
            recorded->entries[i].paired = what_if->entries[at].paired = true;
            next = at + 1;
            pairs++;
            break;
        }
    return pairs;
}

static void write_unpaired(struct ordo_json_writer *json, ordo_str key, const struct list *list)
{
    ordo_json_key(json, key);
    ordo_json_array(json);
    for (size_t i = 0; i < list->count; i++)
        if (!list->entries[i].paired)
            ordo_json_copy(json, list->entries[i].operation);
    ordo_json_end_array(json);
}

static bool write_operations(struct ordo_json_writer *json, struct ordo_json_value recorded,
                             struct ordo_json_value what_if)
{
    struct list before = {0}, after = {0};
    size_t pairs, most;

    read_list(recorded, &before);
    read_list(what_if, &after);
    pairs = pair(&before, &after);
    most = before.count > after.count ? before.count : after.count;
    ordo_json_key(json, ORDO_STR("operations"));
    ordo_json_object(json);
    write_unpaired(json, ORDO_STR("only_recorded"), &before);
    write_unpaired(json, ORDO_STR("only_what_if"), &after);
    ordo_json_key_int(json, ORDO_STR("both"), (int64_t)pairs);
    ordo_json_end_object(json);
    list_done(&before);
    list_done(&after);
    return pairs == most;
}

bool ordo_decision_diff(struct ordo_json_writer *json, struct ordo_json_value recorded,
                        struct ordo_json_value what_if)
{
    bool same;

    ordo_json_object(json);
    same = write_fields(json, recorded, what_if);
    same = write_operations(json, recorded, what_if) && same;
    ordo_json_end_object(json);
    return same;
}
