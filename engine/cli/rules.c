/* SPDX-License-Identifier: MIT
 * rules.c: `ordo rules`: the generations of a running engine; which there are, what one has, what differs, which is active.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/json_write.h"
#include "cli/commands.h"
#include "cli/orders.h"
#include "cli/table.h"

enum { OPTION_JSON = 1, OPTION_BY };

#define GENERATION "GENERATION is a number, active or draft."

static const struct ordo_cli_option list_options[] = {
    {OPTION_JSON, "json", 'j', NULL, "Prints the engine's answer as it is."},
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_cli_option change_options[] = {
    {OPTION_BY, "by", 'b', "NAME", "Who does it; $USER unless it is given."},
    ORDO_API_ROWS,
    {0},
};

static int list_run(const struct ordo_command *command, int argc, char **argv);
static int show_run(const struct ordo_command *command, int argc, char **argv);
static int diff_run(const struct ordo_command *command, int argc, char **argv);
static int activate_run(const struct ordo_command *command, int argc, char **argv);
static int rollback_run(const struct ordo_command *command, int argc, char **argv);

const struct ordo_command ordo_rules_verbs[] = {
    {"rules list", "", "Lists the generations that are kept, newest first.", NULL, list_options, list_run},
    {"rules show", "GENERATION [FILE]", "Shows what a generation is and its files, or one of them.",
     GENERATION, list_options, show_run},
    {"rules diff", "GENERATION [GENERATION]",
     "Shows what differs from the first to the second, or to the active one.", GENERATION, list_options,
     diff_run},
    {"rules activate", "GENERATION", "Makes a generation the active one.",
     "It is compiled and tested first, as an edit is; then the scripts folder is written.", change_options,
     activate_run},
    {"rules rollback", "", "Makes the generation active that was so before.",
     "Twice is there and back again.", change_options, rollback_run},
    {0},
};

const struct ordo_cli_option ordo_rules_options[] = {{0}};

int ordo_rules_run(const struct ordo_command *command, int argc, char **argv)
{
    return ordo_command_run_verb(command, argc, argv);
}

/* A command line of a verb. */
struct call {
    struct ordo_cli_args args;
    struct ordo_api_options options;
    bool as_json;
    const char *by;
    struct ordo_api *api;
};

/* False: *ret_code is the exit code. */
static bool open_call(struct call *call, const struct ordo_command *command, int argc, char **argv, int least,
                      int most, int *ret_code)
{
    const char *value;
    int count;

    *call = (struct call){.args = ordo_cli_args(command, argc, argv), .by = getenv("USER")};
    for (int id; (id = ordo_cli_next(&call->args, &value)) != ORDO_CLI_END;) {
        *ret_code = call->args.exit_code;
        if (id == ORDO_CLI_EXIT)
            return false;
        if (id == OPTION_JSON)
            call->as_json = true;
        else if (id == OPTION_BY)
            call->by = value;
        else
            ordo_api_take(&call->options, id, value);
    }
    *ret_code = ORDO_EXIT_USAGE;
    count = argc - call->args.next;
    if (count > most)
        ordo_command_usage(command, "\"%s\" is too much", argv[call->args.next + most]);
    else if (count < least)
        ordo_command_usage(command, "say which generation; `ordo rules list` lists them");
    else
        call->api = ordo_api_open(command, &call->options);
    return call->api != NULL;
}

static const char *argument(const struct call *call, int index)
{
    return call->args.next + index < call->args.argc ? call->args.argv[call->args.next + index] : NULL;
}

static void put_path(struct ordo_buffer *path, const char *generation, const char *rest)
{
    ordo_buffer_append(path, ORDO_STR("/rules/"));
    ordo_api_put_escaped(path, ordo_str_from(generation));
    ordo_buffer_append(path, ordo_str_from(rest));
}

/* --- list --- */

static void add_row(struct ordo_table *table, struct ordo_json_value entry)
{
    ordo_str identity = ordo_json_text(entry, ORDO_STR("identity"));

    ordo_buffer_printf(&table->text, "%lld", (long long)ordo_json_number(entry, ORDO_STR("generation"), 0));
    ordo_table_end_cell(table);
    ordo_table_cell(table, ordo_json_text(entry, ORDO_STR("state")));
    ordo_table_cell(table, (ordo_str){identity.ptr, identity.len < 12 ? identity.len : 12});
    ordo_table_cell(table, ordo_json_text(entry, ORDO_STR("at")));
    ordo_table_cell(table, ordo_json_text(entry, ORDO_STR("by")));
    ordo_table_cell(table, ordo_json_text(entry, ORDO_STR("activated_at")));
    ordo_table_cell(table, ordo_json_text(entry, ORDO_STR("activated_by")));
    ordo_table_cell(table, ordo_json_text(entry, ORDO_STR("note")));
}

static int print_list(const struct ordo_api *api)
{
    static const char *const names[] = {"NUMBER", "STATE",     "IDENTITY", "MADE",
                                        "BY",     "ACTIVATED", "BY",       "NOTE"};
    struct ordo_table table = {.columns = 8, .right = 1u << 0};
    struct ordo_json_value list, entry;

    if (!ordo_json_member(ordo_json_root(api->parser), ORDO_STR("generations"), &list)) {
        fprintf(stderr, "ordo %s: %s gives no list of generations: is it an ordo engine?\n",
                api->command->name, api->base);
        return ORDO_EXIT_FAILURE;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        ordo_table_cell(&table, ordo_str_from(names[i]));
    for (struct ordo_json_iter iter = ordo_json_iter_of(list); ordo_json_next(&iter, NULL, &entry);)
        add_row(&table, entry);
    ordo_table_print(&table, stdout);
    ordo_table_done(&table);
    return ORDO_EXIT_OK;
}

static void print_json(const struct ordo_api *api)
{
    printf("%.*s\n", (int)api->body.len, api->body.ptr);
}

static int list_run(const struct ordo_command *command, int argc, char **argv)
{
    struct call call;
    int code;

    if (!open_call(&call, command, argc, argv, 0, 0, &code))
        return code;
    code = ORDO_EXIT_OK;
    if (!ordo_api_get(call.api, "/rules", NULL))
        code = ordo_api_exit(call.api);
    else if (call.as_json)
        print_json(call.api);
    else
        code = print_list(call.api);
    ordo_api_close(call.api);
    return code;
}

/* --- show, diff --- */

static void print_fact(struct ordo_json_value root, const char *label, ordo_str key)
{
    ordo_str text = ordo_json_text(root, key);
    struct ordo_buffer clean = {0};

    ordo_buffer_put_clean(&clean, text);
    if (clean.len > 0)
        printf("%-10s %.*s\n", label, (int)clean.len, clean.ptr);
    ordo_buffer_done(&clean);
}

static void print_generation(const struct ordo_api *api)
{
    struct ordo_json_value root = ordo_json_root(api->parser), files, file;
    struct ordo_table table = {.columns = 2, .right = 1u << 1};
    int64_t number = ordo_json_number(root, ORDO_STR("generation"), 0);

    if (number > 0)
        printf("%-10s %lld\n", "generation", (long long)number);
    else
        printf("%-10s of generation %lld\n", "draft", (long long)ordo_json_number(root, ORDO_STR("base"), 0));
    print_fact(root, "state", ORDO_STR("state"));
    print_fact(root, "identity", ORDO_STR("identity"));
    print_fact(root, "made", ORDO_STR("at"));
    print_fact(root, "by", ORDO_STR("by"));
    print_fact(root, "note", ORDO_STR("note"));
    print_fact(root, "activated", ORDO_STR("activated_at"));
    print_fact(root, "by", ORDO_STR("activated_by"));
    ordo_table_cell(&table, ORDO_STR("FILE"));
    ordo_table_cell(&table, ORDO_STR("BYTES"));
    if (ordo_json_member(root, ORDO_STR("files"), &files))
        for (struct ordo_json_iter iter = ordo_json_iter_of(files); ordo_json_next(&iter, NULL, &file);) {
            ordo_table_cell(&table, ordo_json_text(file, ORDO_STR("path")));
            ordo_buffer_printf(&table.text, "%lld", (long long)ordo_json_number(file, ORDO_STR("bytes"), 0));
            ordo_table_end_cell(&table);
        }
    printf("\n");
    ordo_table_print(&table, stdout);
    ordo_table_done(&table);
}

static int show_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_buffer path = {0};
    const char *file;
    struct call call;
    int code;

    if (!open_call(&call, command, argc, argv, 1, 2, &code))
        return code;
    file = argument(&call, 1);
    put_path(&path, argument(&call, 0), file == NULL ? "" : "/files/");
    if (file != NULL)
        ordo_api_put_escaped(&path, ordo_str_from(file));
    ordo_buffer_put(&path, '\0');
    code = ORDO_EXIT_OK;
    if (file != NULL ? !ordo_api_fetch(call.api, path.ptr, NULL) : !ordo_api_get(call.api, path.ptr, NULL))
        code = ordo_api_exit(call.api);
    else if (file != NULL)
        fwrite(call.api->body.ptr, 1, call.api->body.len, stdout);
    else if (call.as_json)
        print_json(call.api);
    else
        print_generation(call.api);
    ordo_buffer_done(&path);
    ordo_api_close(call.api);
    return code;
}

static int diff_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_buffer path = {0};
    struct call call;
    ordo_str diff;
    int code;

    if (!open_call(&call, command, argc, argv, 1, 2, &code))
        return code;
    put_path(&path, argument(&call, 0), "/diff?to=");
    ordo_api_put_escaped(&path, ordo_str_from(argument(&call, 1) == NULL ? "active" : argument(&call, 1)));
    ordo_buffer_put(&path, '\0');
    code = ORDO_EXIT_OK;
    if (!ordo_api_get(call.api, path.ptr, NULL)) {
        code = ordo_api_exit(call.api);
    } else if (call.as_json) {
        print_json(call.api);
    } else {
        diff = ordo_json_text(ordo_json_root(call.api->parser), ORDO_STR("diff"));
        fwrite(diff.ptr, 1, diff.len, stdout);
    }
    ordo_buffer_done(&path);
    ordo_api_close(call.api);
    return code;
}

/* --- activate, rollback --- */

static int change(struct call *call, const char *generation, const char *rest)
{
    struct ordo_buffer path = {0}, body = {0};
    struct ordo_json_writer json = ordo_json_writer(&body);
    struct ordo_json_value root, changed;
    int code = ORDO_EXIT_FAILURE;

    put_path(&path, generation, rest);
    ordo_buffer_put(&path, '\0');
    ordo_json_object(&json);
    if (call->by != NULL && call->by[0] != '\0')
        ordo_json_key_string(&json, ORDO_STR("by"), ordo_str_from(call->by));
    ordo_json_end_object(&json);
    if (ordo_api_post(call->api, path.ptr, &body, NULL, NULL)) {
        code = ORDO_EXIT_OK;
        root = ordo_json_root(call->api->parser);
        printf("generation %lld is active%s\n", (long long)ordo_json_number(root, ORDO_STR("generation"), 0),
               ordo_json_get(root, ORDO_STR("changed"), &changed) && !ordo_json_as_bool(changed)
                   ? ", as it was"
                   : "");
    }
    ordo_buffer_done(&path);
    ordo_buffer_done(&body);
    ordo_api_close(call->api);
    return code;
}

static int activate_run(const struct ordo_command *command, int argc, char **argv)
{
    struct call call;
    int code;

    if (!open_call(&call, command, argc, argv, 1, 1, &code))
        return code;
    return change(&call, argument(&call, 0), "/activate");
}

static int rollback_run(const struct ordo_command *command, int argc, char **argv)
{
    struct call call;
    int code;

    if (!open_call(&call, command, argc, argv, 0, 0, &code))
        return code;
    return change(&call, "rollback", "");
}
