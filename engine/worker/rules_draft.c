/* SPDX-License-Identifier: MIT
 * rules_draft.c: the draft: the active set, until a file of it is changed; then a set of its own, kept in the archive
 * through restarts, until a generation is made of it or it is dropped.
 */
#include "worker/rules_impl.h"

#include <stdlib.h>

#include "base/log.h"

struct ordo_ruleset *ordo__rules_draft(struct ordo_rules *rules, struct ordo_rules_call *call,
                                       uint64_t *ret_base)
{
    struct ordo_error err = {0};
    struct ordo_ruleset *draft = ordo_archive_draft(rules->archive, ret_base, &err);

    if (draft == NULL && err.code == 0) {
        *ret_base = rules->running->number;
        return ordo_ruleset_copy(rules->running, "draft");
    }
    if (draft == NULL)
        ordo__rules_problem(call, ORDO_PROBLEM_INTERNAL, "%s: %s; DELETE /rules/draft begins it anew",
                            err.place, err.message);
    return draft;
}

/* --- files --- */

/* False: the preconditions do not hold, which is the answer. etag NULL: there is no such file. */
static bool may_change(struct ordo_rules_call *call, const char *etag)
{
    if (call->if_match.len > 0 && !ordo__rules_etag_matches(call->if_match, etag)) {
        ordo__rules_problem(call, ORDO_PROBLEM_PRECONDITION_FAILED,
                            "draft/" ORDO_STR_FMT " %s; read it again and change that",
                            ORDO_STR_ARG(call->path),
                            etag == NULL ? "is not there (any more)" : "is another one by now");
        return false;
    }
    if (call->if_none_match.len > 0 && ordo__rules_etag_matches(call->if_none_match, etag)) {
        ordo__rules_problem(call, ORDO_PROBLEM_PRECONDITION_FAILED, "draft/" ORDO_STR_FMT " is there already",
                            ORDO_STR_ARG(call->path));
        return false;
    }
    return true;
}

static bool is_path(struct ordo_rules_call *call)
{
    enum ordo_script_kind kind;

    if (ordo_script_path_parse(call->path, &kind))
        return true;
    ordo__rules_problem(
        call, ORDO_PROBLEM_INVALID_RULES,
        "a script's path is validation/, rules/, lib/ or tests/ and a name of at most 255 bytes that "
        "ends in .lua, as in rules/30_coupon.lua; the name begins with neither . nor #");
    return false;
}

static bool keep_draft(struct ordo_rules *rules, struct ordo_rules_call *call, struct ordo_ruleset *draft,
                       uint64_t base)
{
    struct ordo_error err = {0};

    ordo_ruleset_identify(draft);
    if (ordo_archive_draft_keep(rules->archive, draft, base, &err) == 0)
        return true;
    ordo__rules_problem_of(call, ORDO_PROBLEM_INTERNAL, &err);
    return false;
}

static void put(struct ordo_rules *rules, struct ordo_rules_call *call, struct ordo_ruleset *draft,
                uint64_t base, bool is_new)
{
    struct ordo_json_writer json = ordo_json_writer(&call->body);
    struct ordo_error err;

    if (ordo_ruleset_put(draft, call->path, call->bytes, &err) != 0) {
        ordo__rules_problem(call, ORDO_PROBLEM_INVALID_RULES, "%s", err.message);
        return;
    }
    if (!keep_draft(rules, call, draft, base))
        return;
    ordo__rules_etag(ordo_ruleset_find(draft, call->path), call->etag);
    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("path"), call->path);
    ordo_json_key_int(&json, ORDO_STR("bytes"), (int64_t)call->bytes.len);
    ordo_json_key_string(&json, ORDO_STR("etag"), ordo_str_from(call->etag));
    ordo_json_end_object(&json);
    ordo__rules_json(call, is_new ? 201 : 200);
}

/* The draft and the tag of the file in it. NULL: the answer is a problem. */
static struct ordo_ruleset *open_draft(struct ordo_rules *rules, struct ordo_rules_call *call,
                                       uint64_t *ret_base, bool *ret_is_there)
{
    struct ordo_ruleset *draft = is_path(call) ? ordo__rules_draft(rules, call, ret_base) : NULL;
    const struct ordo_script_file *file = draft == NULL ? NULL : ordo_ruleset_find(draft, call->path);
    char etag[ORDO_HASH_SIZE] = "";

    if (draft == NULL)
        return NULL;
    *ret_is_there = file != NULL;
    if (file != NULL)
        ordo__rules_etag(file, etag);
    if (may_change(call, file == NULL ? NULL : etag))
        return draft;
    ordo_ruleset_unref(draft);
    return NULL;
}

void ordo_rules_draft_put(struct ordo_rules *rules, struct ordo_rules_call *call)
{
    uint64_t base;
    bool is_there;
    struct ordo_ruleset *draft = open_draft(rules, call, &base, &is_there);

    if (draft != NULL)
        put(rules, call, draft, base, !is_there);
    ordo_ruleset_unref(draft);
}

static void answer_gone(struct ordo_rules_call *call)
{
    struct ordo_json_writer json = ordo_json_writer(&call->body);

    ordo_json_object(&json);
    if (call->path.len > 0)
        ordo_json_key_string(&json, ORDO_STR("path"), call->path);
    ordo_json_key(&json, ORDO_STR("deleted"));
    ordo_json_bool(&json, true);
    ordo_json_end_object(&json);
    ordo__rules_json(call, 200);
}

void ordo_rules_draft_delete(struct ordo_rules *rules, struct ordo_rules_call *call)
{
    uint64_t base;
    bool is_there;
    struct ordo_ruleset *draft = open_draft(rules, call, &base, &is_there);

    if (draft == NULL)
        return;
    if (!ordo_ruleset_remove(draft, call->path))
        ordo__rules_problem(call, ORDO_PROBLEM_NOT_FOUND, "the draft has no file " ORDO_STR_FMT,
                            ORDO_STR_ARG(call->path));
    else if (keep_draft(rules, call, draft, base))
        answer_gone(call);
    ordo_ruleset_unref(draft);
}

void ordo_rules_draft_drop(struct ordo_rules *rules, struct ordo_rules_call *call)
{
    struct ordo_error err = {0};

    if (ordo_archive_draft_drop(rules->archive, &err) == 0)
        answer_gone(call);
    else
        ordo__rules_problem_of(call, ORDO_PROBLEM_INTERNAL, &err);
}

/* --- check --- */

/* The file that a line such as "draft/rules/x.lua:3: message" is about; NULL: none. */
static const struct ordo_script_file *file_of(const struct ordo_ruleset *ruleset, ordo_str line,
                                              ordo_str *ret_rest)
{
    size_t prefix = strlen(ruleset->folder) + 1;
    const struct ordo_script_file *found = NULL;

    for (size_t i = 0; i < ruleset->count; i++) {
        ordo_str path = ordo_str_from(ruleset->files[i].path);

        if (line.len <= prefix + path.len || memcmp(line.ptr + prefix, path.ptr, path.len) != 0 ||
            line.ptr[prefix + path.len] != ':')
            continue;
        found = &ruleset->files[i];
        *ret_rest = (ordo_str){line.ptr + prefix + path.len + 1, line.len - prefix - path.len - 1};
        break;
    }
    return found;
}

/* {"file":…,"line":…,"message":…}, with what is known of it. */
static void write_finding(struct ordo_json_writer *json, const struct ordo_ruleset *ruleset, ordo_str line)
{
    ordo_str rest = line;
    const struct ordo_script_file *file = file_of(ruleset, line, &rest);
    size_t digits = 0;
    int64_t number = 0;

    ordo_json_object(json);
    if (file != NULL) {
        ordo_json_key_string(json, ORDO_STR("file"), ordo_str_from(file->path));
        for (; digits < rest.len && digits < 9 && rest.ptr[digits] >= '0' && rest.ptr[digits] <= '9';
             digits++)
            number = number * 10 + (rest.ptr[digits] - '0');
        if (digits > 0 && digits < rest.len && rest.ptr[digits] == ':') {
            ordo_json_key_int(json, ORDO_STR("line"), number);
            rest = (ordo_str){rest.ptr + digits + 1, rest.len - digits - 1};
        }
        if (rest.len > 0 && rest.ptr[0] == ' ')
            rest = (ordo_str){rest.ptr + 1, rest.len - 1};
    }
    ordo_json_key_string(json, ORDO_STR("message"), rest);
    ordo_json_end_object(json);
}

static void write_findings(struct ordo_json_writer *json, ordo_str key, const struct ordo_ruleset *ruleset,
                           ordo_str lines)
{
    ordo_str line;

    ordo_json_key(json, key);
    ordo_json_array(json);
    while (ordo_text_next_line(&lines, &line))
        write_finding(json, ruleset, line);
    ordo_json_end_array(json);
}

void ordo_rules_draft_check(struct ordo_rules *rules, struct ordo_rules_call *call)
{
    struct ordo_json_writer json = ordo_json_writer(&call->body);
    struct ordo_buffer errors = {0}, warnings = {0};
    struct ordo_ruleset *draft;
    uint64_t base;
    size_t tests;
    bool ok;

    if ((draft = ordo__rules_draft(rules, call, &base)) == NULL)
        return;
    ok = ordo_rules_try_set(draft, &rules->options, &errors, &warnings, &tests);
    ordo_json_object(&json);
    ordo_json_key(&json, ORDO_STR("ok"));
    ordo_json_bool(&json, ok);
    ordo_json_key_string(&json, ORDO_STR("identity"), ordo_str_from(draft->identity));
    ordo_json_key_int(&json, ORDO_STR("files"), (int64_t)draft->count);
    ordo_json_key_int(&json, ORDO_STR("tests"), (int64_t)tests);
    write_findings(&json, ORDO_STR("errors"), draft, ordo_buffer_str(&errors));
    write_findings(&json, ORDO_STR("warnings"), draft, ordo_buffer_str(&warnings));
    ordo_json_end_object(&json);
    ordo__rules_json(call, 200);
    ordo_buffer_done(&errors);
    ordo_buffer_done(&warnings);
    ordo_ruleset_unref(draft);
}

/* --- seal --- */

static void answer_sealed(struct ordo_rules *rules, struct ordo_rules_call *call, uint64_t number,
                          bool is_new)
{
    struct ordo_json_writer json = ordo_json_writer(&call->body);
    const struct ordo_generation *entry = ordo_archive_find(rules->archive, number);

    ordo_json_object(&json);
    ordo_json_key_int(&json, ORDO_STR("generation"), (int64_t)number);
    ordo_json_key_string(&json, ORDO_STR("identity"), ordo_str_from(entry->identity));
    ordo_json_key_string(&json, ORDO_STR("state"),
                         ordo_str_from(ordo_generation_states[ordo_archive_state(rules->archive, entry)]));
    ordo_json_key(&json, ORDO_STR("changed"));
    ordo_json_bool(&json, is_new);
    ordo_json_end_object(&json);
    ordo__rules_json(call, is_new ? 201 : 200);
    call->made = is_new ? number : 0;
}

void ordo_rules_draft_seal(struct ordo_rules *rules, struct ordo_rules_call *call)
{
    const struct ordo_generation *same;
    struct ordo_ruleset *draft;
    struct ordo_error err = {0};
    uint64_t base, number;

    if ((draft = ordo__rules_draft(rules, call, &base)) == NULL)
        return;
    same = ordo_archive_find_identity(rules->archive, draft->identity);
    number = same == NULL ? 0 : same->number;
    if (same == NULL && ordo_archive_add(rules->archive, draft, call->by, call->note, &err) != 0) {
        ordo__rules_problem_of(call, ORDO_PROBLEM_INTERNAL, &err);
    } else {
        if (ordo_archive_draft_drop(rules->archive, &err) != 0)
            ordo_log_error("rules", "%s: %s", err.place, err.message);
        if (number == 0)
            ordo_log_info("rules", "generation %llu is sealed (%.12s)", (unsigned long long)draft->number,
                          draft->identity);
        ordo_archive_prune(rules->archive);
        ordo__rules_list(rules);
        answer_sealed(rules, call, number == 0 ? draft->number : number, number == 0);
    }
    ordo_ruleset_unref(draft);
}
