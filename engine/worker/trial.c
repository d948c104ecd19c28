/* SPDX-License-Identifier: MIT
 * trial.c: the "trial" thread: explains orders, and decides them again to see what comes of it.
 *
 * One thread, begun with the first request, less favoured by the scheduler than those that decide orders. It has VMs of its own and
 * writes to no store, sink or counter, so that nothing of the engine can tell that an order was decided again. It reads the
 * store like any other reader. At most WAITING_MAX requests wait for it; a run of rules is ended when it takes too
 * long (what_if_decide.h).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/trial_impl.h"
#include "worker/what_if_decide.h"

enum { WAITING_MAX = 16, NICE = 5 };

struct request {
    struct request *next;
    bool is_what_if, as_text;
    ordo_trial_done_fn done;
    void *context;
    struct ordo_buffer wanted;
    char id[ORDO_ID_MAX];
    size_t id_len;
};

struct ordo__trial {
    struct ordo__trial_thread inside; /* the thread's own, once it runs */
    struct ordo_thread thread;

    struct ordo_lock lock;
    pthread_cond_t changed;
    struct request *first, **last; /* under lock */
    uint32_t waiting;              /* under lock; the one in work not counted */
    bool stopping;                 /* under lock */
};

/* --- what a request may need --- */

void ordo__trial_problem(struct ordo__trial_answer *answer, enum ordo_problem_code code, ordo_str id,
                         const char *format, ...)
{
    char detail[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    answer->problem = (int)code;
    ordo_buffer_clear(&answer->body);
    ordo_problem_write(&answer->body, code, ordo_str_from(detail), id, NULL);
}

bool ordo__trial_find(struct ordo__trial_thread *trial, ordo_str id, struct ordo__trial_answer *answer,
                      struct ordo_recorded *ret_recorded)
{
    struct ordo_buffer *text = &trial->record_text;
    struct ordo_json_value record;
    int result;

    ordo_buffer_clear(text);
    result = ordo_engine_get(trial->engine, id, text);
    if (result == ORDO_ENOTFOUND) {
        ordo__trial_problem(answer, ORDO_PROBLEM_NOT_FOUND, id, "no order has this id");
        return false;
    }
    if (result != 0 || ordo_json_parse_buffer(trial->record, text, NULL) != 0) {
        ordo__trial_problem(answer, ORDO_PROBLEM_INTERNAL, id,
                            "the store cannot read this order; the log says why");
        return false;
    }
    record = ordo_json_root(trial->record);
    if (ordo_recorded_read(record, ret_recorded))
        return true;
    ordo__trial_problem(answer, ORDO_PROBLEM_IN_PROGRESS, id,
                        "there is no decision yet: the order is " ORDO_STR_FMT,
                        ORDO_STR_ARG(ordo_json_text(record, ORDO_STR("status"))));
    return false;
}

static struct ordo_script *script_new(const struct ordo__trial_thread *trial, enum ordo__trial_vm vm)
{
    struct ordo_script_options options = trial->engine->options.script;
    struct ordo_script *script;
    struct ordo_error err;

    options.jit = options.jit && vm == ORDO__TRIAL_COMPILED;
    script = ordo_script_new(&options, &err);
    if (script == NULL)
        ordo_log_error("trial", "%s", err.message);
    else if (vm == ORDO__TRIAL_LIMITED)
        ordo_script_limit(script, ORDO_WHAT_IF_NS);
    return script;
}

struct ordo_script *ordo__trial_script(struct ordo__trial_thread *trial, enum ordo__trial_vm vm,
                                       uint64_t *ret_number)
{
    struct ordo_engine *engine = trial->engine;
    struct ordo_buffer errors = {0};
    struct ordo_ruleset *ruleset;
    bool loaded;

    if (trial->scripts[vm] == NULL && (trial->scripts[vm] = script_new(trial, vm)) == NULL)
        return NULL;
    ordo_lock(&engine->lock);
    ruleset = ordo_ruleset_ref(engine->ruleset);
    ordo_unlock(&engine->lock);
    *ret_number = ruleset->number;
    loaded =
        ruleset == trial->rulesets[vm] || ordo_script_load(trial->scripts[vm], ruleset, &errors, NULL) == 0;
    if (!loaded) {
        ordo_log_error("trial", "the rules do not load: " ORDO_STR_FMT,
                       ORDO_STR_ARG(ordo_buffer_str(&errors)));
        ordo_ruleset_unref(ruleset);
    } else {
        ordo_ruleset_unref(trial->rulesets[vm]);
        trial->rulesets[vm] = ruleset;
    }
    ordo_buffer_done(&errors);
    return loaded ? trial->scripts[vm] : NULL;
}

/* --- what if --- */

/* {"order":{…},"generation":N}: NULL, or what is wrong with it. */
static const char *read_wanted(struct ordo_json_value root, struct ordo_json_value *ret_changes,
                               bool *ret_has_changes, int64_t *ret_generation)
{
    struct ordo_json_value value;
    ordo_str key;

    *ret_generation = 0;
    *ret_has_changes = false;
    if (ordo_json_type(root) != ORDO_JSON_OBJECT)
        return "send an object, with `order`: the fields that are to change";
    for (struct ordo_json_iter iter = ordo_json_iter_of(root); ordo_json_next(&iter, &key, &value);) {
        if (ordo_str_equal(key, ORDO_STR("order"))) {
            if (ordo_json_type(value) != ORDO_JSON_OBJECT)
                return "`order` must be an object: the fields that are to change";
            *ret_changes = value;
            *ret_has_changes = true;
        } else if (ordo_str_equal(key, ORDO_STR("generation"))) {
            if (ordo_json_type(value) != ORDO_JSON_INT || ordo_json_as_int(value) < 1)
                return "`generation` must be the number of a rule set";
            *ret_generation = ordo_json_as_int(value);
        } else {
            return "there are `order` and `generation`, and nothing else";
        }
    }
    return NULL;
}

static void decide_changed(struct ordo__trial_thread *trial, const struct ordo_recorded *recorded,
                           const struct ordo_json_value *changes, int64_t generation,
                           struct ordo__trial_answer *answer)
{
    struct ordo_what_if what_if = {
        .recorded = recorded, .changes = changes, .limits = &trial->engine->options.limits};
    struct ordo_error err = {0};
    char text[1024];
    int result;

    what_if.script = ordo__trial_script(trial, ORDO__TRIAL_LIMITED, &what_if.generation);
    if (what_if.script == NULL) {
        ordo__trial_problem(answer, ORDO_PROBLEM_INTERNAL, recorded->id,
                            "the rules do not load; the log says why");
        return;
    }
    if (generation != 0 && (uint64_t)generation != what_if.generation) {
        ordo__trial_problem(answer, ORDO_PROBLEM_INVALID_WHAT_IF, recorded->id,
                            "generation %lld is not loaded; only the one that runs now is: %llu",
                            (long long)generation, (unsigned long long)what_if.generation);
        return;
    }
    result = ordo_what_if_decide(&what_if, &answer->body, &err);
    if (result != 0)
        ordo__trial_problem(answer, (enum ordo_problem_code)(result - 1), recorded->id, "%s",
                            ordo_error_format(&err, text, sizeof(text)));
}

static void what_if(struct ordo__trial_thread *trial, ordo_str id, struct ordo_buffer *wanted,
                    struct ordo__trial_answer *answer)
{
    struct ordo_recorded recorded;
    struct ordo_json_value changes;
    struct ordo_error err = {0};
    int64_t generation;
    const char *wrong;
    bool has_changes;
    int code;

    if ((code = ordo_json_parse_buffer(trial->wanted, wanted, &err)) != 0)
        ordo__trial_problem(answer, code == ORDO_ELIMIT ? ORDO_PROBLEM_TOO_DEEP : ORDO_PROBLEM_INVALID_JSON,
                            id, "line %d, column %d: %s", err.line, err.column, err.message);
    else if ((wrong = read_wanted(ordo_json_root(trial->wanted), &changes, &has_changes, &generation)) !=
             NULL)
        ordo__trial_problem(answer, ORDO_PROBLEM_INVALID_WHAT_IF, id, "%s", wrong);
    else if (ordo__trial_find(trial, id, answer, &recorded))
        decide_changed(trial, &recorded, has_changes ? &changes : NULL, generation, answer);
}

/* --- the thread --- */

static void finish(struct request *request, struct ordo__trial_answer *answer)
{
    request->done(request->context,
                  &(struct ordo_trial_result){answer->problem, ordo_buffer_str(&answer->body)});
    ordo_buffer_done(&request->wanted);
    free(request);
}

static struct request *next_request(struct ordo__trial *trial, bool *ret_stopping)
{
    struct request *request;

    ordo_lock(&trial->lock);
    while (trial->first == NULL && !trial->stopping)
        ordo_lock_wait(&trial->lock, &trial->changed, NULL);
    request = trial->first;
    *ret_stopping = trial->stopping;
    if (request != NULL) {
        trial->waiting--;
        trial->first = request->next;
        if (trial->first == NULL)
            trial->last = &trial->first;
    }
    ordo_unlock(&trial->lock);
    return request;
}

static void run(void *context)
{
    struct ordo__trial *trial = context;
    struct ordo__trial_answer answer = {0};
    struct request *request;
    bool stopping;

    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    while ((request = next_request(trial, &stopping)) != NULL) {
        ordo_str id = {request->id, request->id_len};

        answer.problem = -1;
        ordo_buffer_clear(&answer.body);
        if (stopping)
            ordo__trial_problem(&answer, ORDO_PROBLEM_STOPPING, id, "the engine is stopping");
        else if (request->is_what_if)
            what_if(&trial->inside, id, &request->wanted, &answer);
        else
            ordo__explain(&trial->inside, id, request->as_text, &answer);
        finish(request, &answer);
    }
    ordo_buffer_done(&answer.body);
}

/* Under the lock. */
static int push(struct ordo__trial *trial, struct request *request)
{
    int result = 0;

    if (trial->stopping)
        return ORDO_ESTOPPED;
    if (trial->waiting == WAITING_MAX)
        return ORDO_EFULL;
    if (!trial->thread.started)
        result = ordo_thread_start(&trial->thread, "trial", run, trial);
    if (result != 0)
        return result;
    *trial->last = request;
    trial->last = &request->next;
    trial->waiting++;
    pthread_cond_signal(&trial->changed);
    return 0;
}

static int submit(struct ordo__trial *trial, const struct request *wanted, ordo_str id, ordo_str body)
{
    struct request *request = malloc(sizeof(*request));
    int result;

    ORDO_REQUIRE(request != NULL && id.len <= sizeof(request->id));
    *request = *wanted;
    memcpy(request->id, id.ptr, id.len);
    request->id_len = id.len;
    ordo_buffer_append(&request->wanted, body);
    ordo_lock(&trial->lock);
    result = push(trial, request);
    ordo_unlock(&trial->lock);
    if (result != 0) {
        ordo_buffer_done(&request->wanted);
        free(request);
    }
    return result;
}

int ordo_engine_explain(struct ordo_engine *engine, ordo_str id, bool as_text, ordo_trial_done_fn done,
                        void *context)
{
    struct request wanted = {.as_text = as_text, .done = done, .context = context};

    return submit(engine->trial, &wanted, id, ORDO_STR_NONE);
}

int ordo_engine_what_if(struct ordo_engine *engine, ordo_str id, ordo_str body, ordo_trial_done_fn done,
                        void *context)
{
    struct request wanted = {.is_what_if = true, .done = done, .context = context};

    return submit(engine->trial, &wanted, id, body);
}

struct ordo__trial *ordo__trial_new(struct ordo_engine *engine)
{
    struct ordo__trial *trial = calloc(1, sizeof(*trial));

    ORDO_REQUIRE(trial != NULL);
    trial->inside = (struct ordo__trial_thread){
        .engine = engine,
        /* The order is two levels inside of a record, and one inside of what is wanted. */
        .wanted = ordo_json_parser_new(engine->options.limits.depth + 1),
        .record = ordo_json_parser_new(ORDO_RECORDED_DEPTH),
        .decided = ordo_json_parser_new(ORDO_RECORDED_DEPTH),
    };
    trial->last = &trial->first;
    ordo_lock_init(&trial->lock, ORDO_LOCK_TRIAL);
    ordo_cond_init(&trial->changed);
    return trial;
}

void ordo__trial_stop(struct ordo__trial *trial)
{
    ordo_lock(&trial->lock);
    trial->stopping = true;
    pthread_cond_broadcast(&trial->changed);
    ordo_unlock(&trial->lock);
    ordo_thread_join(&trial->thread);
}

void ordo__trial_free(struct ordo__trial *trial)
{
    for (int vm = 0; vm < ORDO__TRIAL_VMS; vm++) {
        ordo_script_free(trial->inside.scripts[vm]);
        ordo_ruleset_unref(trial->inside.rulesets[vm]);
    }
    ordo_json_parser_free(trial->inside.wanted);
    ordo_json_parser_free(trial->inside.record);
    ordo_json_parser_free(trial->inside.decided);
    ordo_buffer_done(&trial->inside.record_text);
    ordo_lock_done(&trial->lock);
    pthread_cond_destroy(&trial->changed);
    free(trial);
}
