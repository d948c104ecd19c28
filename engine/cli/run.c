/* SPDX-License-Identifier: MIT
 * run.c: `ordo run`: one order through the same rule runtime that the workers use, with nothing around it.
 */
#include "cli/commands.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/run_report.h"
#include "cli/setup.h"

enum { OPTION_ORDER = 1, OPTION_RULES, OPTION_NOW, OPTION_JSON };

const struct ordo_cli_option ordo_run_options[] = {
    {OPTION_ORDER, "order", 'o', "FILE", "The order as JSON; - reads standard input. Needed."},
    {OPTION_RULES, "rules", 'r', "DIR", "The scripts folder; else `scripts` of the configuration."},
    {OPTION_NOW, "now", 'n', "TIME", "What ctx.now() says, as 2026-11-23T06:27:05Z; else the time now."},
    {OPTION_JSON, "json", 'j', NULL, "Prints the decision, or the problem, as clients get it."},
    ORDO_CLI_CONFIG_ROWS,
    {0},
};

struct invocation {
    const char *order_file, *rules;
    int64_t now_ms;
    bool json;
    struct ordo_cli_setup setup;
};

/* "2026-11-23T06:27:05Z", milliseconds allowed. */
static bool parse_time(const char *text, int64_t *ret_ms)
{
    struct tm parts = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    int64_t ms = 0;

    if (end == NULL)
        return false;
    if (*end == '.') {
        int64_t weight = 100;

        for (end++; *end >= '0' && *end <= '9'; end++, weight /= 10)
            ms += (*end - '0') * weight;
    }
    if (strcmp(end, "Z") != 0)
        return false;
    *ret_ms = (int64_t)timegm(&parts) * 1000 + ms;
    return true;
}

static int read_order(const char *path, size_t limit, struct ordo_buffer *out, struct ordo_error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    int code = 0;
    size_t got;

    if (file == NULL)
        return ordo_fail(err, -errno, path, "cannot open the order: %s", strerror(errno));
    while ((got = fread(ordo_buffer_reserve(out, 65536), 1, 65536, file)) > 0 && out->len <= limit)
        out->len += got;
    if (ferror(file))
        code = ordo_fail(err, -errno, path, "cannot read the order: %s", strerror(errno));
    else if (out->len > limit)
        code = ordo_fail(err, ORDO_ELIMIT, path, "the order has more than limits.order_bytes (%zu bytes)",
                         limit);
    if (!is_stdin)
        fclose(file);
    memset(ordo_buffer_reserve(out, ORDO_JSON_PADDING), 0, ORDO_JSON_PADDING);
    return code;
}

static struct ordo_run *decide(struct ordo_script *script, const struct ordo_script_order *order)
{
    struct ordo_run *run = ordo_script_start(script, order);

    while (run->state == ORDO_RUN_WAITING) {
        struct timespec wake = {run->wake_ns / 1000000000, run->wake_ns % 1000000000};

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL) == EINTR)
            ;
        ordo_script_resume(script, run);
    }
    return run;
}

/* Decides the parsed order; prints; an exit code. */
static int run_order(const struct invocation *call, struct ordo_script *script, struct ordo_json_value root)
{
    char made[26];
    struct ordo_envelope envelope;
    struct ordo_script_order order = {.root = root, .attempt = 1, .now_ms = call->now_ms};
    int64_t begin_ns = ordo_clock_ns();
    struct ordo_decision_facts facts;
    struct ordo_run *run;
    int code = ORDO_EXIT_OK;

    ordo_envelope_read(root, &envelope);
    order.id = envelope.id;
    order.priority = envelope.priority;
    if (order.id.len == 0) {
        ordo_id_make(made);
        order.id = (ordo_str){made, sizeof(made)};
    }
    run = decide(script, &order);
    facts = (struct ordo_decision_facts){
        .id = order.id,
        .revision = 1,
        .attempt = 1,
        .generation = run->generation,
        .priority = order.priority,
        .decided_ms = order.now_ms,
        .processing_us = (ordo_clock_ns() - begin_ns) / 1000,
    };
    if (run->state == ORDO_RUN_INVALID)
        code = ORDO_EXIT_FAILURE;
    if (call->json)
        ordo_run_report_json(run, &facts, stdout);
    else
        ordo_run_report_text(run, &facts, stdout);
    ordo_script_finish(script, run);
    return code;
}

static int parse_and_run(const struct invocation *call, const struct ordo_config *config,
                         struct ordo_script *script)
{
    struct ordo_limits limits = ordo_config_limits(config);
    struct ordo_json_parser *parser = ordo_json_parser_new(limits.depth);
    struct ordo_buffer bytes = {0};
    struct ordo_error err = {0};
    char text[1024];
    int code = read_order(call->order_file, limits.order_bytes, &bytes, &err);

    if (code == 0) {
        code = ordo_json_parse(parser, bytes.ptr, bytes.len, &err);
        snprintf(err.place, sizeof(err.place), "%s", call->order_file);
    }
    if (code == 0) {
        code = run_order(call, script, ordo_json_root(parser));
    } else {
        fprintf(stderr, "%s\n", ordo_error_format(&err, text, sizeof(text)));
        code = ORDO_EXIT_FAILURE;
    }
    ordo_buffer_done(&bytes);
    ordo_json_parser_free(parser);
    return code;
}

static int with_rules(const struct invocation *call, const struct ordo_config *config)
{
    const char *folder =
        call->rules != NULL ? call->rules : ordo_options_string(ordo_config_options(config), "scripts");
    struct ordo_script_options options = ordo_cli_script_options(config);
    struct ordo_error err = {0};
    struct ordo_buffer errors = {0};
    struct ordo_ruleset *ruleset = ordo_ruleset_read(folder, &err);
    struct ordo_script *script = ruleset != NULL ? ordo_script_new(&options, &err) : NULL;
    char text[1024];
    int code = ORDO_EXIT_CONFIG;

    if (script == NULL) {
        fprintf(stderr, "%s\n", ordo_error_format(&err, text, sizeof(text)));
    } else {
        ruleset->number = 1;
        if (ordo_script_load(script, ruleset, &errors, NULL) == 0)
            code = parse_and_run(call, config, script);
    }
    ordo_cli_print_lines(&errors, "", stderr);
    ordo_buffer_done(&errors);
    ordo_script_free(script);
    ordo_ruleset_unref(ruleset);
    return code;
}

int ordo_run_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct invocation call = {.now_ms = ordo_clock_utc_ms()};
    struct ordo_config *config;
    const char *value;
    int code;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;)
        switch (id) {
        case ORDO_CLI_EXIT:
            return args.exit_code;
        case OPTION_ORDER:
            call.order_file = value;
            break;
        case OPTION_RULES:
            call.rules = value;
            break;
        case OPTION_NOW:
            if (!parse_time(value, &call.now_ms))
                return ordo_command_usage(
                    command, "--now is a UTC time such as 2026-11-23T06:27:05Z, not \"%s\"", value);
            break;
        case OPTION_JSON:
            call.json = true;
            break;
        default:
            ordo_cli_setup_take(&call.setup, id, value);
        }
    if (args.next < argc)
        return ordo_command_usage(command, "\"%s\" is too much; the order is given with --order FILE",
                                  argv[args.next]);
    if (call.order_file == NULL)
        return ordo_command_usage(command, "--order FILE is needed");
    config = ordo_cli_setup_load(&call.setup);
    if (config == NULL)
        return ORDO_EXIT_CONFIG;
    code = with_rules(&call, config);
    ordo_config_free(config);
    return code;
}
