/* SPDX-License-Identifier: MIT
 * what_if.c: `ordo what-if`: an order of a running engine decided again: by the engine, or here by the rules of a folder.
 */
#include "cli/what_if.h"

#include <stdlib.h>

#include "cli/commands.h"
#include "cli/orders.h"
#include "cli/setup.h"
#include "worker/what_if_decide.h"

enum { OPTION_SET = 1, OPTION_RULES, OPTION_JSON };

const struct ordo_cli_option ordo_what_if_options[] = {
    {OPTION_SET, "set", 's', "FIELD=VALUE", "Changes a field of the order; may be given again."},
    {OPTION_RULES, "rules", 'r', "DIR", "Decides by the rules of this scripts folder."},
    {ORDO_CLI_CONFIG_FILE, "config", 'c', "FILE",
     "With --rules: the configuration that has limits and rules.on_error; else\n./ordo.yaml, else "
     "/etc/ordo/ordo.yaml, else the defaults."},
    {OPTION_JSON, "json", 'j', NULL, "Prints both decisions and the difference as JSON."},
    ORDO_API_ROWS,
    {0},
};

struct invocation {
    const char *id, *rules;
    const char *sets[ORDO_WHAT_IF_SETS];
    size_t set_count;
    bool json;
    struct ordo_cli_setup setup;
    struct ordo_buffer changes; /* the merge patch */
};

static void put_path(struct ordo_buffer *path, const char *id, const char *behind)
{
    ordo_buffer_append(path, ORDO_STR("/orders/"));
    ordo_api_put_escaped(path, ordo_str_from(id));
    ordo_buffer_append(path, ordo_str_from(behind));
    ordo_buffer_put(path, '\0');
}

static void print_document(const struct invocation *call, ordo_str text, struct ordo_json_value document)
{
    if (call->json)
        printf("%.*s\n", (int)text.len, text.ptr);
    else
        ordo_what_if_report(document);
}

/* The engine decides. */
static int ask(const struct invocation *call, struct ordo_api *api)
{
    struct ordo_buffer path = {0}, body = {0};
    struct ordo_json_writer json = ordo_json_writer(&body);
    bool ok;

    ordo_json_object(&json);
    ordo_json_key(&json, ORDO_STR("order"));
    ordo_json_raw(&json, ordo_buffer_str(&call->changes));
    ordo_json_end_object(&json);
    put_path(&path, call->id, "/what-if");
    ok = ordo_api_post(api, path.ptr, &body, call->id, NULL);
    if (ok)
        print_document(call, ordo_buffer_str(&api->body), ordo_json_root(api->parser));
    ordo_buffer_done(&path);
    ordo_buffer_done(&body);
    return ok ? ORDO_EXIT_OK : ORDO_EXIT_FAILURE;
}

/* A VM with the folder's rules; NULL after saying why not. */
static struct ordo_script *load_rules(const struct invocation *call, const struct ordo_config *config)
{
    struct ordo_script_options options = ordo_cli_script_options(config);
    struct ordo_error err = {0};
    struct ordo_buffer errors = {0};
    struct ordo_ruleset *ruleset = ordo_ruleset_read(call->rules, &err);
    struct ordo_script *script;
    char text[1024];

    options.jit = false;
    script = ruleset != NULL ? ordo_script_new(&options, &err) : NULL;
    if (script == NULL) {
        fprintf(stderr, "%s\n", ordo_error_format(&err, text, sizeof(text)));
    } else if (ordo_script_load(script, ruleset, &errors, NULL) != 0) {
        ordo_script_free(script);
        script = NULL;
    } else {
        ordo_script_limit(script, ORDO_WHAT_IF_NS);
    }
    ordo_cli_print_lines(&errors, "", stderr);
    ordo_buffer_done(&errors);
    ordo_ruleset_unref(ruleset);
    return script;
}

static int decide(struct invocation *call, const struct ordo_config *config, struct ordo_script *script,
                  struct ordo_json_value record)
{
    struct ordo_limits limits = ordo_config_limits(config);
    struct ordo_json_parser *changes_parser = ordo_json_parser_new(1024),
                            *parser = ordo_json_parser_new(ORDO_RECORDED_DEPTH);
    struct ordo_buffer out = {0};
    struct ordo_recorded recorded;
    struct ordo_json_value changes;
    struct ordo_what_if what_if = {
        .recorded = &recorded, .changes = &changes, .script = script, .limits = &limits};
    struct ordo_error err = {0};
    char text[1024];
    int result = 1;

    ORDO_REQUIRE(ordo_json_parse_buffer(changes_parser, &call->changes, NULL) == 0);
    changes = ordo_json_root(changes_parser);
    if (!ordo_recorded_read(record, &recorded))
        ordo_fail(&err, ORDO_ECONFIG, NULL, "there is no decision yet");
    else
        result = ordo_what_if_decide(&what_if, &out, &err);
    if (result == 0) {
        ORDO_REQUIRE(ordo_json_parse_buffer(parser, &out, NULL) == 0);
        print_document(call, ordo_buffer_str(&out), ordo_json_root(parser));
    } else {
        fprintf(stderr, "ordo what-if: %s: %s\n", call->id, ordo_error_format(&err, text, sizeof(text)));
    }
    ordo_json_parser_free(changes_parser);
    ordo_json_parser_free(parser);
    ordo_buffer_done(&out);
    return result == 0 ? ORDO_EXIT_OK : ORDO_EXIT_FAILURE;
}

/* This program decides. */
static int decide_here(struct invocation *call, struct ordo_api *api)
{
    struct ordo_config *config = ordo_cli_setup_load(&call->setup);
    struct ordo_script *script = config != NULL ? load_rules(call, config) : NULL;
    struct ordo_buffer path = {0};
    int code = ORDO_EXIT_CONFIG;

    if (script != NULL) {
        put_path(&path, call->id, "");
        code = ordo_api_get(api, path.ptr, call->id)
                   ? decide(call, config, script, ordo_json_root(api->parser))
                   : ORDO_EXIT_FAILURE;
        ordo_script_free(script);
    }
    ordo_buffer_done(&path);
    ordo_config_free(config);
    return code;
}

static int run(const struct ordo_command *command, struct invocation *call,
               const struct ordo_api_options *options)
{
    struct ordo_api *api;
    int code = ORDO_EXIT_USAGE;

    if (!ordo_what_if_changes(command, call->sets, call->set_count, &call->changes))
        return code;
    api = ordo_api_open(command, options);
    if (api != NULL)
        code = call->rules != NULL ? decide_here(call, api) : ask(call, api);
    ordo_api_close(api);
    return code;
}

int ordo_what_if_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_api_options options = {0};
    struct invocation call = {.id = NULL};
    const char *value;
    int code;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        if (id == OPTION_SET && call.set_count == ORDO_WHAT_IF_SETS)
            return ordo_command_usage(command, "--set can be given %d times", ORDO_WHAT_IF_SETS);
        if (id == OPTION_SET)
            call.sets[call.set_count++] = value;
        if (id == OPTION_RULES)
            call.rules = value;
        call.json = call.json || id == OPTION_JSON;
        ordo_cli_setup_take(&call.setup, id, value);
        ordo_api_take(&options, id, value);
    }
    if (argc - args.next != 1)
        return ordo_command_usage(command, "give the id of one order");
    call.id = argv[args.next];
    if (call.id[0] == '\0')
        return ordo_command_usage(command, ORDO_ORDERS_NO_ID);
    code = run(command, &call, &options);
    ordo_buffer_done(&call.changes);
    return code;
}
