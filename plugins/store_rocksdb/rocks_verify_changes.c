/* SPDX-License-Identifier: MIT
 * rocks_verify_changes.c: the part of verify that knows the log of changes.
 */
#include "rocks_verify.h"

bool rocks_verify_is_shadowed(const struct rocks_verify *verify, enum rocks_family family,
                              const struct rocks_entry *entry)
{
    struct rocks_change change;

    return rocks_shadow_find(&verify->shadow, family, (ordo_str){entry->key, entry->key_len}, &change);
}

void rocks_verify_shadow(struct rocks_verify *verify, enum rocks_family family, rocks_entry_fn visit,
                         const void *context)
{
    struct rocks_change change;

    for (size_t at = 0; rocks_shadow_at(&verify->shadow, family, at, &change); at++) {
        char buffer[ROCKS_CUSTOMER_KEY];
        ordo_str key = rocks_changes_key(&change, family, buffer);
        const struct rocks_entry entry = {key.ptr, change.order_key, key.len,
                                          family == ROCKS_IDS ? ROCKS_KEY : 0};

        if (change.kind == ROCKS_CHANGE_PUT)
            visit(verify, context, &entry);
    }
}

/* What is between the last change so far and those of the entry. */
static void check_numbers(struct rocks_verify *verify, uint64_t count, uint64_t last)
{
    const uint64_t indexed = verify->counters.indexed, seen = verify->seen.changes;

    if (last <= indexed || last > verify->counters.changes)
        rocks_verify_tell(verify, "change %llu: the counters say that the log has those from %llu to %llu",
                          (unsigned long long)last, (unsigned long long)indexed + 1,
                          (unsigned long long)verify->counters.changes);
    else if (last - count > seen)
        rocks_verify_tell(verify, "change %llu: %llu before it are missing",
                          (unsigned long long)(last - count + 1), (unsigned long long)(last - count - seen));
    else if (last - count < seen && seen != indexed)
        rocks_verify_tell(verify, "change %llu: it is there twice", (unsigned long long)(last - count + 1));
}

static void check_changes(struct rocks_verify *verify, const void *context, const struct rocks_entry *entry)
{
    uint64_t count = rocks_change_count(entry->value, entry->value_len), last = 0;
    char text[ROCKS_SHOWN_MAX];

    (void)context;
    verify->report.bytes += entry->key_len + entry->value_len;
    if (entry->key_len == ROCKS_CHANGES_KEY)
        last = rocks_key_read_change(entry->key);
    if (count == 0 || last < count) {
        rocks_verify_tell(verify, "changes %s: they are not as this store writes them",
                          rocks_verify_shown(entry->key, entry->key_len, text));
        return;
    }
    check_numbers(verify, count, last);
    verify->seen.changes = last;
    for (size_t at = 0; at < entry->value_len;) {
        const struct rocks_change change = rocks_change_at(entry->value + at);

        if (!rocks_shadow_add(&verify->shadow, entry->value + at, rocks_change_len(&change)))
            verify->is_short_of_memory = true;
        at += rocks_change_len(&change);
    }
}

void rocks_verify_changes(struct rocks_verify *verify)
{
    if (verify->database.layout < 3)
        return;
    verify->seen.changes = verify->counters.indexed;
    rocks_verify_family(verify, ROCKS_CHANGES, check_changes, NULL);
    if (!verify->is_damaged[ROCKS_CHANGES] && verify->has_counters &&
        verify->seen.changes < verify->counters.changes)
        rocks_verify_tell(verify, "changes: the log ends with number %llu, and the counters say %llu",
                          (unsigned long long)verify->seen.changes,
                          (unsigned long long)verify->counters.changes);
    if (!rocks_shadow_sort(&verify->shadow))
        verify->is_short_of_memory = true;
}

bool rocks_verify_by_change(struct rocks_verify *verify, enum rocks_family family,
                            const struct ordo_record *record, ordo_str key, const char *value)
{
    struct rocks_change change;
    char id[ROCKS_SHOWN_MAX];

    if (!rocks_shadow_find(&verify->shadow, family, key, &change))
        return false;
    if (change.kind != ROCKS_CHANGE_PUT)
        rocks_verify_tell(verify, "order %s: it has no entry in %s",
                          rocks_verify_shown(record->id.ptr, record->id.len, id), rocks_family_names[family]);
    else if (value != NULL && memcmp(change.order_key, value, ROCKS_KEY) != 0)
        rocks_verify_tell(verify, "order %s: its entry in %s leads to another order",
                          rocks_verify_shown(record->id.ptr, record->id.len, id), rocks_family_names[family]);
    else
        verify->matched[family]++;
    return true;
}
