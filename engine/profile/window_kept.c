/* SPDX-License-Identifier: MIT
 * window_kept.c: what is answered from the history: its list, one profile of it in any format, the change between
 * two, and forgetting one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json_time.h"
#include "profile/profiler_impl.h"

static void write_entry(struct ordo_json_writer *json, const struct ordo_history_entry *entry)
{
    ordo_json_object(json);
    ordo_json_key_int(json, ORDO_STR("id"), (int64_t)entry->id);
    ordo_json_key_string(json, ORDO_STR("kind"), ordo_str_from(entry->kind));
    ordo_json_key(json, ORDO_STR("at"));
    ordo_json_time(json, entry->utc_ms);
    ordo_json_key(json, ORDO_STR("seconds"));
    ordo_json_double(json, (double)entry->duration_ms / 1000);
    ordo_json_key_int(json, ORDO_STR("generation"), (int64_t)entry->generation);
    ordo_json_key_int(json, ORDO_STR("orders"), (int64_t)entry->orders);
    ordo_json_key_int(json, ORDO_STR("bytes"), (int64_t)entry->bytes);
    ordo_json_end_object(json);
}

static void list(struct ordo_profiler *profiler, struct ordo__window *window,
                 struct ordo_profile_answer *answer)
{
    struct ordo_json_writer json = ordo_json_writer(&answer->body);
    const struct ordo_history_entry *entries = NULL;
    size_t count = profiler->history == NULL ? 0 : ordo_history_list(profiler->history, &entries);

    ordo__answer_name(window, "history", answer);
    ordo_json_object(&json);
    ordo_json_key(&json, ORDO_STR("profiles"));
    ordo_json_array(&json);
    for (size_t i = count; i > 0; i--)
        write_entry(&json, &entries[i - 1]);
    ordo_json_end_array(&json);
    ordo_json_key_int(&json, ORDO_STR("bytes_max"), (int64_t)profiler->options.history_bytes);
    ordo_json_end_object(&json);
}

static void answer_kept(struct ordo_profiler *profiler, struct ordo__window *window,
                        struct ordo_profile_answer *answer)
{
    struct ordo_history_entry entry;
    struct ordo_profile *profile = ordo__answer_kept(profiler, window->request.id, &entry, answer);
    char title[64];

    if (profile == NULL)
        return;
    window->began_utc_ns = entry.utc_ms * 1000000; /* its name has the time when it was taken */
    ordo__answer_name(window, entry.kind, answer);
    snprintf(title, sizeof(title), "%s, profile %" PRIu64, entry.kind, entry.id);
    ordo__answer_encode(window, title, profile, answer);
    answer->id = entry.id;
    ordo_profile_free(profile);
}

static void answer_diff(struct ordo_profiler *profiler, struct ordo__window *window,
                        struct ordo_profile_answer *answer)
{
    struct ordo_history_entry base_entry, entry;
    struct ordo_profile *base = ordo__answer_kept(profiler, window->request.base, &base_entry, answer);
    struct ordo_profile *profile =
        base == NULL ? NULL : ordo__answer_kept(profiler, window->request.id, &entry, answer);

    if (profile != NULL && strcmp(base_entry.kind, entry.kind) != 0) {
        answer->result = ORDO_PROFILE_ABSENT;
        snprintf(answer->text, sizeof(answer->text),
                 "profile %" PRIu64 " is of %s and %" PRIu64 " is of %s: there is nothing to compare",
                 base_entry.id, base_entry.kind, entry.id, entry.kind);
    } else if (profile != NULL) {
        ordo__answer_name(window, "diff", answer);
        ordo__answer_diff(window, entry.kind, base, &base_entry, profile, &entry, answer);
    }
    ordo_profile_free(profile);
    ordo_profile_free(base);
}

static void forget(struct ordo_profiler *profiler, struct ordo__window *window,
                   struct ordo_profile_answer *answer)
{
    struct ordo_json_writer json = ordo_json_writer(&answer->body);

    if (profiler->history == NULL || !ordo_history_delete(profiler->history, window->request.id)) {
        answer->result = ORDO_PROFILE_ABSENT;
        snprintf(answer->text, sizeof(answer->text), "there is no profile %" PRIu64 " (any more)",
                 window->request.id);
        return;
    }
    ordo__answer_name(window, "forgotten", answer);
    ordo_json_object(&json);
    ordo_json_key_int(&json, ORDO_STR("deleted"), (int64_t)window->request.id);
    ordo_json_end_object(&json);
}

const struct ordo__kind ordo__kind_list = {.name = "list", .end = list};
const struct ordo__kind ordo__kind_kept = {.name = "kept", .end = answer_kept};
const struct ordo__kind ordo__kind_diff = {.name = "diff", .end = answer_diff};
const struct ordo__kind ordo__kind_forget = {.name = "forget", .end = forget};
