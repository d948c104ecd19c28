/* SPDX-License-Identifier: MIT
 * fixture.c: see fixture.h.
 */
#include "fixture.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool with_jit = true;

int fixture_setup(void **state)
{
    static struct fixture fixture;

    fixture_init(&fixture, with_jit);
    *state = &fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture_done(*state);
    return 0;
}

int fixture_run_both(const struct CMUnitTest *tests, size_t count)
{
    int failed = 0;

    for (int jit = 0; jit <= 1; jit++) {
        with_jit = jit;
        failed += _cmocka_run_group_tests(jit ? "compiled" : "interpreted", tests, count, NULL, NULL);
    }
    return failed;
}

void fixture_init(struct fixture *fixture, bool jit)
{
    struct ordo_error err;

    memset(fixture, 0, sizeof(*fixture));
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/test_script.XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture->options =
        (struct ordo_script_options){.limits = ordo_limits_preset, .retry_after_ms = 1000, .jit = jit};
    fixture->script = ordo_script_new(&fixture->options, &err);
    assert_non_null(fixture->script);
    fixture->parser = ordo_json_parser_new(fixture->options.limits.depth);
}

void fixture_restart(struct fixture *fixture)
{
    ordo_script_free(fixture->script);
    fixture->script = ordo_script_new(&fixture->options, NULL);
    assert_non_null(fixture->script);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

void fixture_done(struct fixture *fixture)
{
    ordo_script_free(fixture->script);
    ordo_json_parser_free(fixture->parser);
    ordo_buffer_done(&fixture->errors);
    ordo_buffer_done(&fixture->warnings);
    ordo_buffer_done(&fixture->text);
    ordo_buffer_done(&fixture->json);
    nftw(fixture->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void fixture_write(struct fixture *fixture, const char *path, const char *text)
{
    char full[256], *slash;
    FILE *file;

    snprintf(full, sizeof(full), "%s/%s", fixture->folder, path);
    if (text == NULL) {
        assert_int_equal(remove(full), 0);
        return;
    }
    slash = strrchr(full, '/');
    *slash = 0;
    mkdir(full, 0700);
    *slash = '/';
    file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

int fixture_load(struct fixture *fixture)
{
    struct ordo_error err = {0};
    struct ordo_ruleset *ruleset = ordo_ruleset_read(fixture->folder, &err);
    int code;

    if (ruleset == NULL)
        fail_msg("%s: %s", err.place, err.message);
    ruleset->number = ++fixture->number;
    ordo_buffer_clear(&fixture->errors);
    ordo_buffer_clear(&fixture->warnings);
    code = ordo_script_load(fixture->script, ruleset, &fixture->errors, &fixture->warnings);
    ordo_buffer_put(&fixture->errors, 0);
    ordo_buffer_put(&fixture->warnings, 0);
    ordo_ruleset_unref(ruleset);
    return code;
}

static void load_body(struct fixture *fixture, const char *path, const char *head, const char *body)
{
    char rules[128];

    snprintf(rules, sizeof(rules), "%s/rules", fixture->folder);
    mkdir(rules, 0700); /* is needed, may be empty */
    ordo_buffer_clear(&fixture->text);
    ordo_buffer_printf(&fixture->text, "%s%s\nend }\n", head, body);
    ordo_buffer_put(&fixture->text, 0);
    fixture_write(fixture, path, fixture->text.ptr);
    if (fixture_load(fixture) != 0)
        fail_msg("%s", fixture->errors.ptr);
}

void fixture_rule(struct fixture *fixture, const char *body)
{
    load_body(fixture, "rules/10_test.lua", "return { name = 'test', apply = function(order, decide, ctx)\n",
              body);
}

void fixture_check(struct fixture *fixture, const char *body)
{
    load_body(fixture, "validation/10_test.lua",
              "return { name = 'check', check = function(order, problems, ctx)\n", body);
}

struct ordo_run *fixture_start_as(struct fixture *fixture, const char *order, uint32_t attempt,
                                  int64_t now_ms)
{
    struct ordo_envelope envelope;
    struct ordo_error err = {0};
    size_t len = strlen(order);

    ordo_buffer_clear(&fixture->json);
    ordo_buffer_append(&fixture->json, ordo_str_from(order));
    memset(ordo_buffer_reserve(&fixture->json, ORDO_JSON_PADDING), 0, ORDO_JSON_PADDING);
    if (ordo_json_parse(fixture->parser, fixture->json.ptr, len, &err) != 0)
        fail_msg("%s", err.message);
    ordo_envelope_read(ordo_json_root(fixture->parser), &envelope);
    return ordo_script_start(fixture->script, &(struct ordo_script_order){
                                                  .root = ordo_json_root(fixture->parser),
                                                  .id = envelope.id.len > 0 ? envelope.id : ORDO_STR("given"),
                                                  .priority = envelope.priority,
                                                  .attempt = attempt,
                                                  .now_ms = now_ms,
                                              });
}

struct ordo_run *fixture_start(struct fixture *fixture, const char *order)
{
    return fixture_start_as(fixture, order, 1, 1790000000000);
}

void fixture_finish(struct fixture *fixture, struct ordo_run *run)
{
    ordo_script_finish(fixture->script, run);
}

static void print_operation(struct ordo_buffer *out, const struct ordo_operation *operation)
{
    ordo_buffer_printf(out, "%s", ordo_operation_name(operation->kind));
    if (operation->label.len > 0)
        ordo_buffer_printf(out, " " ORDO_STR_FMT, ORDO_STR_ARG(operation->label));
    if (operation->amount != 0)
        ordo_buffer_printf(out, " %lld", (long long)operation->amount);
    if (operation->requested != operation->amount)
        ordo_buffer_printf(out, " of %lld", (long long)operation->requested);
    if (operation->item > 0)
        ordo_buffer_printf(out, " item %u", operation->item);
    if (operation->included)
        ordo_buffer_printf(out, " included");
    for (uint32_t i = 0; i < operation->item_count; i++)
        ordo_buffer_printf(out, " #%u", operation->items[i]);
    if (operation->text.len > 0)
        ordo_buffer_printf(out, " '" ORDO_STR_FMT "'", ORDO_STR_ARG(operation->text));
    ordo_buffer_printf(out, " @ " ORDO_STR_FMT " " ORDO_STR_FMT ":%d\n", ORDO_STR_ARG(operation->place.rule),
                       ORDO_STR_ARG(operation->place.file), operation->place.line);
}

static void print_decision(struct ordo_buffer *out, const struct ordo_decision *decision)
{
    switch (decision->verdict) {
    case ORDO_VERDICT_ACCEPTED:
        ordo_buffer_printf(out, "accepted\n");
        break;
    case ORDO_VERDICT_REJECTED:
        ordo_buffer_printf(out, "rejected " ORDO_STR_FMT ": " ORDO_STR_FMT "\n", ORDO_STR_ARG(decision->code),
                           ORDO_STR_ARG(decision->reason));
        break;
    case ORDO_VERDICT_HELD:
        ordo_buffer_printf(out, "held: " ORDO_STR_FMT "\n", ORDO_STR_ARG(decision->reason));
        break;
    case ORDO_VERDICT_RETRY:
        ordo_buffer_printf(out, "retry %lld: " ORDO_STR_FMT "\n", (long long)decision->retry_after_ms,
                           ORDO_STR_ARG(decision->reason));
        break;
    }
    for (uint32_t i = 0; i < decision->count; i++)
        print_operation(out, &decision->operations[i]);
}

const char *fixture_decide(struct fixture *fixture, const char *order)
{
    struct ordo_run *run = fixture_start(fixture, order);
    struct ordo_buffer *out = &fixture->text;

    while (run->state == ORDO_RUN_WAITING)
        ordo_script_resume(fixture->script, run);
    ordo_buffer_clear(out);
    if (run->state == ORDO_RUN_INVALID) {
        ordo_buffer_printf(out, "invalid:\n");
        for (const struct ordo_problem *problem = run->problems.first; problem != NULL;
             problem = problem->next)
            ordo_buffer_printf(out, "%.*s: %.*s (%.*s %.*s)\n", ORDO_STR_ARG(problem->field),
                               ORDO_STR_ARG(problem->message), ORDO_STR_ARG(problem->rule),
                               (int)problem->at.len, problem->at.len > 0 ? problem->at.ptr : "");
    } else {
        print_decision(out, &run->decision);
    }
    fixture_finish(fixture, run);
    ordo_buffer_put(out, 0);
    return out->ptr;
}

const char *fixture_json(struct fixture *fixture, const char *order)
{
    const struct ordo_decision_facts facts = {.id = ORDO_STR("o-1"), .revision = 1, .attempt = 1};
    struct ordo_run *run = fixture_start(fixture, order);

    while (run->state == ORDO_RUN_WAITING)
        ordo_script_resume(fixture->script, run);
    assert_int_equal(run->state, ORDO_RUN_DECIDED);
    ordo_buffer_clear(&fixture->text);
    ordo_decision_write(&run->decision, &facts, &fixture->text);
    ordo_buffer_put(&fixture->text, 0);
    fixture_finish(fixture, run);
    return fixture->text.ptr;
}

const char *fixture_run(struct fixture *fixture, const char *body)
{
    fixture_rule(fixture, body);
    return fixture_decide(fixture, ORDER(""));
}

const char *fixture_break(struct fixture *fixture, const char *body)
{
    struct ordo_run *run;

    fixture_rule(fixture, body);
    run = fixture_start(fixture, ORDER(""));
    ordo_buffer_clear(&fixture->text);
    ordo_buffer_printf(&fixture->text, "%s", run->broke ? run->error.message : "(it did not break)");
    ordo_buffer_put(&fixture->text, 0);
    fixture_finish(fixture, run);
    return fixture->text.ptr;
}

const char *fixture_value(struct fixture *fixture, const char *expression)
{
    char body[8192];
    const char *text, *end;

    assert_true(snprintf(body, sizeof(body), "decide:note('=' .. tostring(%s))", expression) <
                (int)sizeof(body));
    text = fixture_run(fixture, body);
    end = strstr(text, "' @ ");
    if (strncmp(text, "accepted\nnote '=", 16) != 0 || end == NULL)
        fail_msg("%s: %s", expression, text);
    fixture->text.ptr[end - text] = 0;
    return text + 16;
}

const char *fixture_warnings(struct fixture *fixture)
{
    struct ordo_buffer *out = &fixture->text;
    const char *at = fixture->warnings.ptr, *folder;

    ordo_buffer_clear(out);
    for (; (folder = strstr(at, fixture->folder)) != NULL; at = folder + strlen(fixture->folder))
        ordo_buffer_printf(out, "%.*sF", (int)(folder - at), at);
    ordo_buffer_printf(out, "%s", at);
    ordo_buffer_put(out, 0);
    return out->ptr;
}

static const char *sources = ".";

void fixture_sources(int argc, char **argv)
{
    if (argc > 1)
        sources = argv[1];
}

FILE *fixture_open_source(const char *path)
{
    char full[512];
    FILE *file;

    snprintf(full, sizeof(full), "%s/%s", sources, path);
    file = fopen(full, "r");
    if (file == NULL)
        fail_msg("%s cannot be opened; give the folder of the sources as argument", full);
    return file;
}

void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text);
}
