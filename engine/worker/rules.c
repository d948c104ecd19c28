/* SPDX-License-Identifier: MIT
 * rules.c: the "rules" thread: a watch on the scripts folder, a trial VM, and the switch.
 */
#include "worker/rules.h"

#include "script/script_test.h"
#include "worker/folder_watch.h"
#include "worker/rule_tax.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_time.h"
#include "base/log.h"

struct request {
    struct request *next;
    ordo_rules_done_fn done;
    void *context;
};

struct ordo_rules {
    struct ordo_engine *engine;
    struct ordo_script_options options;
    struct ordo_thread thread;
    struct ordo_metrics *metrics;
    int wake; /* eventfd */
    struct ordo_folder_watch
        watch; /* the rules thread's own, as soon as it runs; but its folder is anyone's to read */

    struct ordo_lock lock;
    struct request *requests;     /* under lock; newest first */
    bool stopping;                /* under lock */
    struct ordo_ruleset *running; /* under lock */
    int64_t loaded_ms;            /* under lock */
    int64_t refused_ms;           /* under lock; 0: the last look was fine */
    struct ordo_buffer refused;   /* under lock; its errors, a line each */
};

struct ordo_ruleset *ordo_rules_try(const char *folder, const struct ordo_script_options *options,
                                    struct ordo_buffer *errors, struct ordo_buffer *warnings,
                                    size_t *ret_tests)
{
    struct ordo_error err = {0};
    struct ordo_ruleset *ruleset = ordo_ruleset_read(folder, &err);
    struct ordo_script *script = NULL;
    size_t tests = 0;
    char text[1024];

    if (ruleset == NULL || (script = ordo_script_new(options, &err)) == NULL) {
        ordo_buffer_printf(errors, "%s\n", ordo_error_format(&err, text, sizeof(text)));
        goto refused;
    }
    if (ordo_script_load(script, ruleset, errors, warnings) != 0 ||
        ordo_script_test(script, errors, &tests) != 0)
        goto refused;
    ordo_script_free(script);
    if (ret_tests != NULL)
        *ret_tests = tests;
    return ruleset;
refused:
    ordo_script_free(script);
    ordo_ruleset_unref(ruleset);
    return NULL;
}

/* Takes the first line off; false when there is none left. */
static bool next_line(ordo_str *lines, ordo_str *ret_line)
{
    const char *end;
    size_t len;

    if (lines->len == 0)
        return false;
    end = memchr(lines->ptr, '\n', lines->len);
    len = end == NULL ? lines->len : (size_t)(end - lines->ptr);
    *ret_line = (ordo_str){lines->ptr, len};
    lines->ptr += len + (end != NULL);
    lines->len -= len + (end != NULL);
    return true;
}

static void log_lines(enum ordo_log_level level, ordo_str lines)
{
    ordo_str line;

    while (next_line(&lines, &line))
        ordo_log_write(level, "rules", ORDO_STR_FMT, ORDO_STR_ARG(line));
}

/* Looks at the folder and switches if it holds something new and right. */
static void reload(struct ordo_rules *rules, struct ordo_rules_result *ret_result, struct ordo_buffer *errors)
{
    struct ordo_buffer warnings = {0};
    struct ordo_ruleset *found =
        ordo_rules_try(rules->watch.folder, &rules->options, errors, &warnings, NULL);
    struct ordo_ruleset *old = rules->running; /* only this thread changes it */
    bool changed = found != NULL && strcmp(found->identity, old->identity) != 0;

    log_lines(ORDO_LOG_WARN, ordo_buffer_str(&warnings));
    ordo_buffer_done(&warnings);
    if (changed) {
        found->number = old->number + 1;
        if (ordo_engine_switch(rules->engine, found) != 0)
            changed = false; /* the engine is stopping */
    }
    ordo_lock(&rules->lock);
    ordo_buffer_clear(&rules->refused);
    rules->refused_ms = 0;
    if (found == NULL) {
        rules->refused_ms = ordo_clock_utc_ms();
        ordo_buffer_append(&rules->refused, ordo_buffer_str(errors));
    } else if (changed) {
        rules->running = ordo_ruleset_ref(found);
        rules->loaded_ms = ordo_clock_utc_ms();
        ordo_ruleset_unref(old);
    }
    ordo_unlock(&rules->lock);
    ordo_ruleset_unref(found);
    if (found == NULL) {
        ordo_metrics_add(rules->metrics, ORDO_COUNTER_RULES_REFUSED, 1);
        log_lines(ORDO_LOG_ERROR, ordo_buffer_str(errors));
        ordo_log_error("rules", "the edit was refused; generation %llu goes on",
                       (unsigned long long)rules->running->number);
    } else if (changed) {
        ordo_metrics_add(rules->metrics, ORDO_COUNTER_RULES_RELOADED, 1);
        ordo_log_info("rules", "generation %llu is running (%.12s)",
                      (unsigned long long)rules->running->number, rules->running->identity);
    }
    *ret_result = (struct ordo_rules_result){
        .ok = found != NULL,
        .changed = changed,
        .generation = rules->running->number,
        .identity = rules->running->identity,
        .errors = ordo_buffer_str(errors),
    };
}

static void answer_requests(struct request *requests, const struct ordo_rules_result *result)
{
    while (requests != NULL) {
        struct request *next = requests->next;

        if (requests->done != NULL)
            requests->done(requests->context, result);
        free(requests);
        requests = next;
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

static void rules_run(void *context)
{
    struct ordo_rules *rules = context;
    struct ordo_buffer errors = {0};

    for (;;) {
        struct ordo_rules_result result = {0};
        struct request *requests;
        bool stopping;

        wait_for_change(rules);
        ordo_lock(&rules->lock);
        requests = rules->requests;
        rules->requests = NULL;
        stopping = rules->stopping;
        ordo_unlock(&rules->lock);
        if (stopping) {
            result.errors = ORDO_STR("the engine is stopping\n");
            result.generation = rules->running->number;
            result.identity = rules->running->identity;
            answer_requests(requests, &result);
            break;
        }
        if (!ordo_folder_watch_settled(&rules->watch) && requests == NULL)
            continue;
        ordo_folder_watch_forget(&rules->watch);
        ordo_buffer_clear(&errors);
        reload(rules, &result, &errors);
        answer_requests(requests, &result);
    }
    ordo_buffer_done(&errors);
}

struct ordo_rules *ordo_rules_start(struct ordo_engine *engine, const char *folder,
                                    const struct ordo_script_options *options, struct ordo_ruleset *running,
                                    struct ordo_error *err)
{
    struct ordo_rules *rules = calloc(1, sizeof(*rules));
    int result;

    ORDO_REQUIRE(rules != NULL);
    rules->engine = engine;
    rules->options = *options;
    rules->metrics = ordo_metrics_join(ordo_engine_metrics(engine));
    rules->running = ordo_ruleset_ref(running);
    rules->loaded_ms = ordo_clock_utc_ms();
    ordo_lock_init(&rules->lock, ORDO_LOCK_RULES);
    rules->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ORDO_REQUIRE(rules->wake >= 0);
    if (!ordo_folder_watch_open(&rules->watch, folder))
        ordo_log_warn("rules", "cannot watch %s (%s): reload with SIGHUP or POST /rules/reload", folder,
                      strerror(errno));
    if ((result = ordo_thread_start(&rules->thread, "rules", rules_run, rules)) != 0) {
        ordo_rules_stop(rules);
        ordo_fail(err, result, "rules", "cannot start the thread: %s", strerror(-result));
        return NULL;
    }
    return rules;
}

static void wake(struct ordo_rules *rules)
{
    uint64_t one = 1;

    if (write(rules->wake, &one, sizeof(one)) < 0)
        ORDO_REQUIRE(errno == EAGAIN); /* it is woken already */
}

void ordo_rules_stop(struct ordo_rules *rules)
{
    if (rules == NULL)
        return;
    ordo_lock(&rules->lock);
    rules->stopping = true;
    ordo_unlock(&rules->lock);
    wake(rules);
    ordo_thread_join(&rules->thread);
    close(rules->wake);
    ordo_folder_watch_close(&rules->watch);
    ordo_ruleset_unref(rules->running);
    ordo_buffer_done(&rules->refused);
    ordo_lock_done(&rules->lock);
    free(rules);
}

void ordo_rules_reload(struct ordo_rules *rules, ordo_rules_done_fn done, void *context)
{
    struct request *request = malloc(sizeof(*request));

    ORDO_REQUIRE(request != NULL);
    *request = (struct request){.done = done, .context = context};
    ordo_lock(&rules->lock);
    request->next = rules->requests;
    rules->requests = request;
    ordo_unlock(&rules->lock);
    wake(rules);
}

static void write_lines(struct ordo_json_writer *json, ordo_str lines)
{
    ordo_str line;

    ordo_json_array(json);
    while (next_line(&lines, &line))
        ordo_json_string(json, line);
    ordo_json_end_array(json);
}

void ordo_rules_write(struct ordo_rules *rules, struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);

    ordo_lock(&rules->lock);
    ordo_json_object(&json);
    ordo_json_key_int(&json, ORDO_STR("generation"), (int64_t)rules->running->number);
    ordo_json_key_string(&json, ORDO_STR("identity"), ordo_str_from(rules->running->identity));
    ordo_json_key_string(&json, ORDO_STR("folder"), ordo_str_from(rules->watch.folder));
    ordo_json_key(&json, ORDO_STR("loaded_at"));
    ordo_json_time(&json, rules->loaded_ms);
    ordo_json_key(&json, ORDO_STR("files"));
    ordo_json_array(&json);
    for (size_t i = 0; i < rules->running->count; i++)
        ordo_json_string(&json, ordo_str_from(rules->running->files[i].path));
    ordo_json_end_array(&json);
    ordo_json_key(&json, ORDO_STR("refused"));
    if (rules->refused_ms == 0) {
        ordo_json_null(&json);
    } else {
        ordo_json_object(&json);
        ordo_json_key(&json, ORDO_STR("at"));
        ordo_json_time(&json, rules->refused_ms);
        ordo_json_key(&json, ORDO_STR("errors"));
        write_lines(&json, ordo_buffer_str(&rules->refused));
        ordo_json_end_object(&json);
    }
    ordo_unlock(&rules->lock);
    ordo__rule_tax_write(rules->engine, &json);
    ordo_json_end_object(&json);
}
