/* SPDX-License-Identifier: MIT
 * rules.c: the "rules" thread: a watch on the scripts folder, a trial VM, and what it is asked to do.
 */
#include "worker/rules_impl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "script/script_test.h"

bool ordo_rules_try_set(struct ordo_ruleset *ruleset, const struct ordo_script_options *options,
                        struct ordo_buffer *errors, struct ordo_buffer *warnings, size_t *ret_tests)
{
    struct ordo_error err = {0};
    struct ordo_script *script = ordo_script_new(options, &err);
    size_t tests = 0;
    char text[1024];
    bool ok;

    if (script == NULL)
        ordo_buffer_printf(errors, "%s\n", ordo_error_format(&err, text, sizeof(text)));
    ok = script != NULL && ordo_script_load(script, ruleset, errors, warnings) == 0 &&
         ordo_script_test(script, errors, &tests) == 0;
    ordo_script_free(script);
    if (ret_tests != NULL)
        *ret_tests = tests;
    return ok;
}

struct ordo_ruleset *ordo_rules_try(const char *folder, const struct ordo_script_options *options,
                                    struct ordo_buffer *errors, struct ordo_buffer *warnings,
                                    size_t *ret_tests)
{
    struct ordo_error err = {0};
    struct ordo_ruleset *ruleset = ordo_ruleset_read(folder, &err);
    char text[1024];

    if (ruleset == NULL) {
        ordo_buffer_printf(errors, "%s\n", ordo_error_format(&err, text, sizeof(text)));
        return NULL;
    }
    if (ordo_rules_try_set(ruleset, options, errors, warnings, ret_tests))
        return ruleset;
    ordo_ruleset_unref(ruleset);
    return NULL;
}

void ordo__rules_log(enum ordo_log_level level, ordo_str lines)
{
    ordo_str line;

    while (ordo_text_next_line(&lines, &line))
        ordo_log_write(level, "rules", ORDO_STR_FMT, ORDO_STR_ARG(line));
}

static void wake(struct ordo_rules *rules)
{
    uint64_t one = 1;

    if (write(rules->wake, &one, sizeof(one)) < 0)
        ORDO_REQUIRE(errno == EAGAIN); /* it is woken already */
}

void ordo_rules_submit(struct ordo_rules *rules, struct ordo_rules_call *call)
{
    call->next = NULL;
    ordo_lock(&rules->lock);
    if (rules->first == NULL)
        rules->first = call;
    else
        rules->last->next = call;
    rules->last = call;
    ordo_unlock(&rules->lock);
    wake(rules);
}

static void free_call(struct ordo_rules_call *call)
{
    ordo_buffer_done(&call->body);
    free(call);
}

void ordo_rules_reload_soon(struct ordo_rules *rules)
{
    struct ordo_rules_call *call = calloc(1, sizeof(*call));

    ORDO_REQUIRE(call != NULL);
    call->run = ordo_rules_reload;
    call->done = free_call;
    ordo_rules_submit(rules, call);
}

static void run_calls(struct ordo_rules *rules, struct ordo_rules_call *calls, bool stopping)
{
    while (calls != NULL) {
        struct ordo_rules_call *call = calls;

        calls = call->next;
        if (stopping)
            ordo__rules_problem(call, ORDO_PROBLEM_STOPPING, "the engine is stopping");
        else
            call->run(rules, call);
        call->done(call);
    }
}

/* Empties the eventfd, which has told us all it can: that there is something. */
static void drain(int fd)
{
    uint64_t count;

    while (read(fd, &count, sizeof(count)) > 0)
        ;
}

static void wait_for_change(struct ordo_rules *rules)
{
    struct pollfd fds[2] = {{.fd = rules->wake, .events = POLLIN}, {.fd = rules->watch.fd, .events = POLLIN}};

    if (poll(fds, 2, ordo_folder_watch_wait_ms(&rules->watch)) <= 0)
        return;
    if (fds[0].revents != 0)
        drain(rules->wake);
    if (fds[1].revents != 0)
        ordo_folder_watch_read(&rules->watch);
}

/* The folder has been quiet since its last change. */
static void look(struct ordo_rules *rules)
{
    struct ordo_buffer errors = {0};
    bool changed;

    ordo__rules_look(rules, &errors, &changed);
    ordo_buffer_done(&errors);
}

static void rules_run(void *context)
{
    struct ordo_rules *rules = context;
    bool stopping = false;

    while (!stopping) {
        struct ordo_rules_call *calls;

        wait_for_change(rules);
        ordo_lock(&rules->lock);
        calls = rules->first;
        rules->first = rules->last = NULL;
        stopping = rules->stopping;
        ordo_unlock(&rules->lock);
        run_calls(rules, calls, stopping);
        if (!stopping && ordo_folder_watch_settled(&rules->watch))
            look(rules);
    }
}

static struct ordo_archive *open_archive(const struct ordo_rules_options *options, struct ordo_error *err)
{
    struct ordo_buffer complaints = {0};
    struct ordo_archive *archive;
    char *path = NULL;

    ORDO_REQUIRE(asprintf(&path, "%s/rules", options->data_dir) > 0);
    archive = ordo_archive_open(path, options->keep, &complaints, err);
    ordo__rules_log(ORDO_LOG_ERROR, ordo_buffer_str(&complaints));
    ordo_buffer_done(&complaints);
    free(path);
    return archive;
}

struct ordo_rules *ordo_rules_open(const struct ordo_rules_options *options, struct ordo_buffer *errors,
                                   struct ordo_buffer *warnings, bool *ret_busy)
{
    struct ordo_rules *rules = calloc(1, sizeof(*rules));
    struct ordo_ruleset *found = NULL;
    struct ordo_error err = {0};
    char text[1024];

    ORDO_REQUIRE(rules != NULL);
    rules->options = options->script;
    rules->wake = -1;
    rules->folder = strdup(options->folder);
    ORDO_REQUIRE(rules->folder != NULL);
    ordo_lock_init(&rules->lock, ORDO_LOCK_RULES);
    rules->archive = open_archive(options, &err);
    *ret_busy = rules->archive == NULL && err.code == -EWOULDBLOCK;
    if (rules->archive != NULL && ordo__rules_recover(rules, &err) == 0)
        found = ordo_rules_try(rules->folder, &rules->options, errors, warnings, NULL);
    if (found != NULL && ordo__rules_adopt(rules, found, &err) == 0)
        return rules;
    if (err.code != 0)
        ordo_buffer_printf(errors, "%s\n", ordo_error_format(&err, text, sizeof(text)));
    ordo_ruleset_unref(found);
    ordo_rules_stop(rules);
    return NULL;
}

struct ordo_ruleset *ordo_rules_first(struct ordo_rules *rules)
{
    return rules->running;
}

int ordo_rules_start(struct ordo_rules *rules, struct ordo_engine *engine, struct ordo_error *err)
{
    int result;

    rules->metrics = ordo_metrics_join(ordo_engine_metrics(engine));
    rules->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ORDO_REQUIRE(rules->wake >= 0);
    if (!ordo_folder_watch_open(&rules->watch, rules->folder))
        ordo_log_warn("rules", "cannot watch %s (%s): reload with SIGHUP or POST /rules/reload",
                      rules->folder, strerror(errno));
    rules->engine = engine;
    if ((result = ordo_thread_start(&rules->thread, "rules", rules_run, rules)) != 0) {
        rules->engine = NULL;
        return ordo_fail(err, result, "rules", "cannot start the thread: %s", strerror(-result));
    }
    return 0;
}

void ordo_rules_stop(struct ordo_rules *rules)
{
    if (rules == NULL)
        return;
    if (rules->engine != NULL) {
        ordo_lock(&rules->lock);
        rules->stopping = true;
        ordo_unlock(&rules->lock);
        wake(rules);
        ordo_thread_join(&rules->thread);
    }
    if (rules->wake >= 0) {
        close(rules->wake);
        ordo_folder_watch_close(&rules->watch);
    }
    ordo_archive_close(rules->archive);
    ordo_ruleset_unref(rules->running);
    ordo_buffer_done(&rules->refused);
    ordo_buffer_done(&rules->list);
    ordo_lock_done(&rules->lock);
    free(rules->folder);
    free(rules);
}
