/* SPDX-License-Identifier: MIT
 * rules_switch.c: which generation is active.
 *
 * The scripts folder is what the next start runs, so an activation writes it before the workers switch. A crash between the
 * first file and the last would leave a mixture of two sets; so what is being written is noted in the archive's state
 * first, synced, and the next start finishes it. What stands in the folder and is kept nowhere (an edit that was refused,
 * or that nobody has seen yet) is kept as a sealed generation before it is written over.
 */
#include "worker/rules_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define DISK ORDO_STR("disk")

/* --- answers --- */

void ordo__rules_problem(struct ordo_rules_call *call, enum ordo_problem_code problem, const char *format,
                         ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    call->status = 0;
    call->problem = problem;
    ordo_buffer_clear(&call->body);
    ordo_buffer_append(&call->body, ordo_str_from(text));
}

void ordo__rules_problem_of(struct ordo_rules_call *call, enum ordo_problem_code problem,
                            const struct ordo_error *err)
{
    char text[1024];

    ordo__rules_problem(call, problem, "%s", ordo_error_format(err, text, sizeof(text)));
}

void ordo__rules_json(struct ordo_rules_call *call, int status)
{
    call->status = status;
    call->type = "application/json";
}

static void answer_active(struct ordo_rules *rules, struct ordo_rules_call *call, bool changed)
{
    struct ordo_json_writer json = ordo_json_writer(&call->body);

    ordo_json_object(&json);
    ordo_json_key_int(&json, ORDO_STR("generation"), (int64_t)rules->running->number);
    ordo_json_key_string(&json, ORDO_STR("identity"), ordo_str_from(rules->running->identity));
    ordo_json_key(&json, ORDO_STR("changed"));
    ordo_json_bool(&json, changed);
    ordo_json_end_object(&json);
    ordo__rules_json(call, 200);
}

static void answer_refused(struct ordo_rules_call *call, const struct ordo_buffer *errors)
{
    call->status = 0;
    call->problem = ORDO_PROBLEM_RULES_REFUSED;
    ordo_buffer_append(&call->body, ordo_buffer_str(errors));
}

/* --- the archive --- */

static int keep(struct ordo_rules *rules, struct ordo_ruleset *ruleset, const char *note,
                struct ordo_error *err)
{
    int code = ordo_archive_add(rules->archive, ruleset, DISK, ordo_str_from(note), err);

    ordo__rules_list(rules);
    return code;
}

/* The set gets the number that it has had, or a new one. */
static int give_number(struct ordo_rules *rules, struct ordo_ruleset *ruleset, struct ordo_error *err)
{
    const struct ordo_generation *entry = ordo_archive_find_identity(rules->archive, ruleset->identity);

    if (entry == NULL)
        return keep(rules, ruleset, "", err);
    ruleset->number = entry->number;
    return 0;
}

static int note_active(struct ordo_rules *rules, uint64_t number, ordo_str by, struct ordo_error *err)
{
    int code = ordo_archive_activated(rules->archive, number, by, err);

    ordo_archive_prune(rules->archive);
    ordo__rules_list(rules);
    return code;
}

/* Every worker has it, or the engine stops and nobody needs it. */
static void publish(struct ordo_rules *rules, struct ordo_ruleset *ruleset)
{
    struct ordo_ruleset *old = rules->running;

    ordo_lock(&rules->lock);
    rules->running = ordo_ruleset_ref(ruleset);
    rules->loaded_ms = ordo_clock_utc_ms();
    ordo_unlock(&rules->lock);
    ordo_ruleset_unref(old);
}

static void note_refused(struct ordo_rules *rules, const struct ordo_buffer *errors)
{
    ordo_lock(&rules->lock);
    ordo_buffer_clear(&rules->refused);
    rules->refused_ms = 0;
    if (errors != NULL) {
        rules->refused_ms = ordo_clock_utc_ms();
        ordo_buffer_append(&rules->refused, ordo_buffer_str(errors));
    }
    ordo_unlock(&rules->lock);
}

/* The switch itself. What cannot be noted is noted by the next start, which finds the folder so. */
static bool switch_to(struct ordo_rules *rules, struct ordo_ruleset *ruleset, ordo_str by)
{
    bool switched = ordo_engine_switch(rules->engine, ruleset) == 0;
    struct ordo_error err = {0};
    char text[1024];

    if (note_active(rules, ruleset->number, by, &err) != 0)
        ordo_log_error("rules", "%s", ordo_error_format(&err, text, sizeof(text)));
    if (!switched)
        return false; /* the engine is stopping */
    publish(rules, ruleset);
    ordo_metrics_add(rules->metrics, ORDO_COUNTER_RULES_RELOADED, 1);
    ordo_log_info("rules", "generation %llu is running (%.12s)", (unsigned long long)ruleset->number,
                  ruleset->identity);
    return true;
}

/* --- the folder's set --- */

int ordo__rules_adopt(struct ordo_rules *rules, struct ordo_ruleset *found, struct ordo_error *err)
{
    int code = give_number(rules, found, err);

    if (code == 0 && found->number != ordo_archive_active(rules->archive))
        code = note_active(rules, found->number, DISK, err);
    if (code != 0)
        return code;
    rules->running = found;
    rules->loaded_ms = ordo_clock_utc_ms();
    ordo__rules_list(rules);
    return 0;
}

/* The folder could not be put back when an activation failed in the middle: until it can, it holds nobody's set. */
static bool put_back(struct ordo_rules *rules, struct ordo_buffer *errors)
{
    struct ordo_error err = {0};
    bool begun;
    char text[1024];
    int code;

    if (ordo_archive_unfinished(rules->archive)->to == 0)
        return true;
    code = ordo_ruleset_write(rules->running, rules->folder, &begun, &err);
    if (code == 0)
        code = ordo_archive_abandon(rules->archive, &err);
    if (code != 0)
        ordo_buffer_printf(errors, "%s\n", ordo_error_format(&err, text, sizeof(text)));
    return code == 0;
}

/* Reads the folder and tries what it holds; what runs already is not tried again. NULL: it is not right. */
static struct ordo_ruleset *try_folder(struct ordo_rules *rules, struct ordo_buffer *errors)
{
    struct ordo_buffer warnings = {0};
    struct ordo_error err = {0};
    struct ordo_ruleset *found;
    char text[1024];
    bool ok;

    if (!put_back(rules, errors))
        return NULL;
    found = ordo_ruleset_read(rules->folder, &err);
    ok = found != NULL && (strcmp(found->identity, rules->running->identity) == 0 ||
                           ordo_rules_try_set(found, &rules->options, errors, &warnings, NULL));
    if (ok)
        ok = give_number(rules, found, &err) == 0;
    if (err.code != 0)
        ordo_buffer_printf(errors, "%s\n", ordo_error_format(&err, text, sizeof(text)));
    ordo__rules_log(ORDO_LOG_WARN, ordo_buffer_str(&warnings));
    ordo_buffer_done(&warnings);
    if (ok)
        return found;
    ordo_ruleset_unref(found);
    return NULL;
}

bool ordo__rules_look(struct ordo_rules *rules, struct ordo_buffer *errors, bool *ret_changed)
{
    struct ordo_ruleset *found = try_folder(rules, errors);

    *ret_changed = found != NULL && found->number != rules->running->number && switch_to(rules, found, DISK);
    note_refused(rules, found != NULL ? NULL : errors);
    if (found == NULL) {
        ordo_metrics_add(rules->metrics, ORDO_COUNTER_RULES_REFUSED, 1);
        ordo__rules_log(ORDO_LOG_ERROR, ordo_buffer_str(errors));
        ordo_log_error("rules", "the edit was refused; generation %llu goes on",
                       (unsigned long long)rules->running->number);
        return false;
    }
    ordo_ruleset_unref(found);
    return true;
}

void ordo_rules_reload(struct ordo_rules *rules, struct ordo_rules_call *call)
{
    struct ordo_buffer errors = {0};
    bool changed;

    if (ordo__rules_look(rules, &errors, &changed))
        answer_active(rules, call, changed);
    else
        answer_refused(call, &errors);
    ordo_buffer_done(&errors);
}

/* --- one that is asked for --- */

/* Whether each file of the tree is a's or b's, and each that it lacks is lacked by one of them: what writing b over a may
 * leave on its way. */
static bool is_mixture(const struct ordo_ruleset *tree, const struct ordo_ruleset *a,
                       const struct ordo_ruleset *b)
{
    const struct ordo_ruleset *sides[] = {a, b};

    for (size_t i = 0; i < tree->count; i++) {
        ordo_str path = ordo_str_from(tree->files[i].path);

        if (!ordo_script_file_equal(&tree->files[i], ordo_ruleset_find(a, path)) &&
            !ordo_script_file_equal(&tree->files[i], ordo_ruleset_find(b, path)))
            return false;
    }
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < sides[side]->count; i++) {
            ordo_str path = ordo_str_from(sides[side]->files[i].path);

            if (ordo_ruleset_find(tree, path) == NULL && ordo_ruleset_find(sides[1 - side], path) != NULL)
                return false;
        }
    return true;
}

/* What is about to be written over is somebody's work. */
static int keep_tree(struct ordo_rules *rules, struct ordo_ruleset *tree, uint64_t number,
                     struct ordo_error *err)
{
    char note[96];
    int code;

    if (ordo_archive_find_identity(rules->archive, tree->identity) != NULL)
        return 0;
    snprintf(note, sizeof(note), "found in the scripts folder when generation %llu was activated",
             (unsigned long long)number);
    code = keep(rules, tree, note, err);
    if (code == 0)
        ordo_log_warn("rules", "generation %llu is what was found in %s and written over",
                      (unsigned long long)tree->number, rules->folder);
    return code;
}

static int finish(struct ordo_rules *rules, struct ordo_ruleset *tree, struct ordo_ruleset *from,
                  struct ordo_ruleset *to, struct ordo_error *err)
{
    const struct ordo_unfinished *unfinished = ordo_archive_unfinished(rules->archive);
    struct ordo_ruleset *wanted = to;
    bool begun;
    int code;

    if (to == NULL || (from != NULL && strcmp(tree->identity, from->identity) == 0))
        wanted = from; /* it had not begun, or cannot be finished */
    if (from == NULL || to == NULL || !is_mixture(tree, from, to))
        if ((code = keep_tree(rules, tree, wanted->number, err)) != 0)
            return code;
    if ((code = ordo_ruleset_write(wanted, rules->folder, &begun, err)) != 0)
        return code;
    ordo_log_warn("rules", "an activation was cut off by the end of the last run; %s holds generation %llu",
                  rules->folder, (unsigned long long)wanted->number);
    if (wanted != to)
        return ordo_archive_abandon(rules->archive, err);
    return note_active(rules, to->number, ordo_str_from(unfinished->by), err);
}

int ordo__rules_recover(struct ordo_rules *rules, struct ordo_error *err)
{
    const struct ordo_unfinished *unfinished = ordo_archive_unfinished(rules->archive);
    struct ordo_ruleset *tree, *from, *to;
    int code;

    if (unfinished->to == 0)
        return 0;
    from = ordo_archive_read(rules->archive, unfinished->from, err);
    to = ordo_archive_read(rules->archive, unfinished->to, err);
    tree = from == NULL && to == NULL ? NULL : ordo_ruleset_read(rules->folder, err);
    if (from == NULL && to == NULL)
        code = ordo_fail(err, ORDO_EIO, rules->folder,
                         "an activation was cut off, and neither generation %llu nor %llu can be read: put "
                         "the right scripts there, and remove data_dir/rules/state",
                         (unsigned long long)unfinished->from, (unsigned long long)unfinished->to);
    else
        code = tree == NULL ? err->code : finish(rules, tree, from, to, err);
    ordo_ruleset_unref(from);
    ordo_ruleset_unref(to);
    ordo_ruleset_unref(tree);
    if (code == 0)
        *err = (struct ordo_error){0};
    return code;
}

/* The folder is neither set, because a rename failed. True: it is as it was. */
static bool write_back(struct ordo_rules *rules, struct ordo_ruleset *tree, uint64_t number)
{
    struct ordo_error err = {0};
    char text[1024];
    bool begun;

    if (ordo_archive_begin(rules->archive, number, rules->running->number, DISK, &err) == 0 &&
        ordo_ruleset_write(tree, rules->folder, &begun, &err) == 0)
        return true;
    ordo_log_error("rules",
                   "the scripts folder holds a mixture of generations, and is to be written again: %s",
                   ordo_error_format(&err, text, sizeof(text)));
    return false;
}

/* True: the folder holds the set, and the archive still has it as begun. Else the call's answer is the problem. */
static bool write_folder(struct ordo_rules *rules, struct ordo_rules_call *call, struct ordo_ruleset *wanted,
                         struct ordo_ruleset *tree)
{
    struct ordo_error err = {0}, ignored;
    bool begun = false;

    if (keep_tree(rules, tree, wanted->number, &err) != 0 ||
        ordo_archive_begin(rules->archive, rules->running->number, wanted->number, call->by, &err) != 0) {
        ordo__rules_problem_of(call, ORDO_PROBLEM_INTERNAL, &err);
        return false;
    }
    if (ordo_ruleset_write(wanted, rules->folder, &begun, &err) == 0)
        return true;
    ordo__rules_problem_of(call, ORDO_PROBLEM_RULES_FOLDER, &err);
    if (!begun || write_back(rules, tree, wanted->number))
        ordo_archive_abandon(rules->archive, &ignored);
    return false;
}

/* The folder holds the set that runs already. */
static void abandon(struct ordo_rules *rules)
{
    struct ordo_error err = {0};
    char text[1024];

    if (ordo_archive_abandon(rules->archive, &err) != 0)
        ordo_log_error("rules", "%s", ordo_error_format(&err, text, sizeof(text)));
}

static void activate_set(struct ordo_rules *rules, struct ordo_rules_call *call, struct ordo_ruleset *wanted,
                         struct ordo_ruleset *tree)
{
    struct ordo_buffer errors = {0};
    bool changed = wanted->number != rules->running->number;

    if (!ordo_rules_try_set(wanted, &rules->options, &errors, NULL, NULL)) {
        ordo_metrics_add(rules->metrics, ORDO_COUNTER_RULES_REFUSED, 1);
        answer_refused(call, &errors);
    } else if (write_folder(rules, call, wanted, tree)) {
        note_refused(rules, NULL);
        if (!changed)
            abandon(rules);
        if (!changed || switch_to(rules, wanted, call->by))
            answer_active(rules, call, changed);
        else
            ordo__rules_problem(call, ORDO_PROBLEM_STOPPING, "the engine is stopping");
    }
    ordo_buffer_done(&errors);
}

static void activate(struct ordo_rules *rules, struct ordo_rules_call *call, uint64_t number)
{
    struct ordo_ruleset *wanted, *tree;
    struct ordo_buffer errors = {0};
    struct ordo_error err = {0};

    if (!put_back(rules, &errors)) {
        ordo__rules_problem(call, ORDO_PROBLEM_RULES_FOLDER, ORDO_STR_FMT,
                            ORDO_STR_ARG(ordo_buffer_str(&errors)));
        ordo_buffer_done(&errors);
        return;
    }
    if (call->if_match.len > 0 && !ordo__rules_etag_matches(call->if_match, rules->running->identity)) {
        ordo__rules_problem(call, ORDO_PROBLEM_PRECONDITION_FAILED,
                            "generation %llu is active now, with another identity than If-Match has",
                            (unsigned long long)rules->running->number);
        return;
    }
    wanted = ordo_archive_read(rules->archive, number, &err);
    if (wanted == NULL) {
        ordo__rules_problem_of(call, ORDO_PROBLEM_INTERNAL, &err);
        return;
    }
    tree = ordo_ruleset_read(rules->folder, &err);
    if (tree == NULL)
        ordo__rules_problem_of(call, ORDO_PROBLEM_RULES_FOLDER, &err);
    else
        activate_set(rules, call, wanted, tree);
    ordo_ruleset_unref(wanted);
    ordo_ruleset_unref(tree);
}

void ordo_rules_activate(struct ordo_rules *rules, struct ordo_rules_call *call)
{
    uint64_t number = ordo__rules_number(rules, call, call->generation);

    if (number != 0)
        activate(rules, call, number);
}

void ordo_rules_rollback(struct ordo_rules *rules, struct ordo_rules_call *call)
{
    uint64_t number = ordo_archive_before(rules->archive);

    if (number == 0)
        ordo__rules_problem(call, ORDO_PROBLEM_NO_GENERATION_BEFORE,
                            "no other generation was active before this one");
    else if (ordo_archive_find(rules->archive, number) == NULL)
        ordo__rules_problem(call, ORDO_PROBLEM_NO_GENERATION_BEFORE,
                            "generation %llu was active before, and is damaged; choose one of GET /rules",
                            (unsigned long long)number);
    else
        activate(rules, call, number);
}
