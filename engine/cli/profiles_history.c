/* SPDX-License-Identifier: MIT
 * profiles_history.c: `ordo profile history`: what is kept, as a table; one of it; and what is not wanted any more.
 */
#include "cli/orders.h"
#include "cli/profiles.h"
#include "cli/table.h"

enum { OPTION_JSON = 1 };

const struct ordo_cli_option ordo_profiles_history_options[] = {
    {OPTION_JSON, "json", 'j', NULL, "Prints the list as the engine gives it."},
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_cli_option show_options[] = {
    ORDO_PROFILES_TOP_ROW,
    ORDO_PROFILES_FLAME_ROWS,
    ORDO_PROFILES_OPEN_ROW,
    ORDO_PROFILES_OUTPUT_ROW,
    {ORDO_PROFILES_FORMAT, "format", 'f', "pprof|svg|text|collapsed|speedscope",
     "What the engine answers; pprof unless it is given."},
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_cli_option rm_options[] = {
    ORDO_API_ROWS,
    {0},
};

static int show_run(const struct ordo_command *command, int argc, char **argv);
static int rm_run(const struct ordo_command *command, int argc, char **argv);

static const struct ordo_command verbs[] = {
    {"profile history show", "ID", "Shows a profile that is kept.", NULL, show_options, show_run},
    {"profile history rm", "ID...", "Deletes profiles that are kept.", NULL, rm_options, rm_run},
};

static bool is_id(const char *text)
{
    return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

static int show_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_profiles_call call = {.command = command};
    struct ordo_buffer path = {0};
    const char *value;
    int code;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        if (!ordo_profiles_take(&call, id, value))
            return ORDO_EXIT_USAGE;
    }
    if (argc - args.next != 1 || !is_id(argv[args.next]))
        return ordo_command_usage(command,
                                  "name one profile by its number; `ordo profile history` lists them");
    ordo_buffer_printf(&path, "/profile/history/%s", argv[args.next]);
    ordo_buffer_put(&path, '\0');
    call.kind.path = path.ptr;
    code = ordo_profiles_perform(&call);
    ordo_buffer_done(&path);
    return code;
}

static int rm_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_api_options options = {0};
    int code = ORDO_EXIT_OK;
    struct ordo_api *api;
    const char *value;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        ordo_api_take(&options, id, value);
    }
    if (args.next == argc)
        return ordo_command_usage(command,
                                  "name the profiles by their numbers; `ordo profile history` lists them");
    for (int i = args.next; i < argc; i++)
        if (!is_id(argv[i]))
            return ordo_command_usage(command, "a profile's number is needed, not \"%s\"", argv[i]);
    if ((api = ordo_api_open(command, &options)) == NULL)
        return ORDO_EXIT_USAGE;
    for (int i = args.next; i < argc; i++) {
        char path[64];

        snprintf(path, sizeof(path), "/profile/history/%.20s", argv[i]);
        if (ordo_api_delete(api, path, argv[i])) {
            printf("%s: deleted\n", argv[i]);
            continue;
        }
        code = ORDO_EXIT_FAILURE;
        if (api->status != 404 || api->is_elsewhere)
            break; /* it will not do the others either */
    }
    ordo_api_close(api);
    return code;
}

/* --- the list --- */

static void put_number(struct ordo_table *table, int64_t number)
{
    ordo_buffer_printf(&table->text, "%lld", (long long)number);
    ordo_table_end_cell(table);
}

static void add_row(struct ordo_table *table, struct ordo_json_value entry)
{
    struct ordo_json_value seconds;

    put_number(table, ordo_json_number(entry, ORDO_STR("id"), 0));
    ordo_table_cell(table, ordo_json_text(entry, ORDO_STR("kind")));
    ordo_table_cell(table, ordo_json_text(entry, ORDO_STR("at")));
    if (ordo_json_get(entry, ORDO_STR("seconds"), &seconds))
        ordo_buffer_printf(&table->text, "%.1f", ordo_json_as_double(seconds));
    ordo_table_end_cell(table);
    put_number(table, ordo_json_number(entry, ORDO_STR("generation"), 0));
    put_number(table, ordo_json_number(entry, ORDO_STR("orders"), 0));
    put_number(table, ordo_json_number(entry, ORDO_STR("bytes"), 0));
}

static int print_table(struct ordo_api *api)
{
    static const char *const names[] = {"ID", "KIND", "TAKEN", "SECONDS", "RULE SET", "ORDERS", "BYTES"};
    struct ordo_table table = {.columns = 7, .right = 1u << 0 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6};
    struct ordo_json_value profiles, entry;
    size_t count = 0;

    if (!ordo_json_member(ordo_json_root(api->parser), ORDO_STR("profiles"), &profiles)) {
        fprintf(stderr, "ordo %s: %s gives no list of profiles: is it an ordo engine?\n", api->command->name,
                api->base);
        return ORDO_EXIT_FAILURE;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        ordo_table_cell(&table, ordo_str_from(names[i]));
    for (struct ordo_json_iter iter = ordo_json_iter_of(profiles); ordo_json_next(&iter, NULL, &entry);
         count++)
        add_row(&table, entry);
    ordo_table_print(&table, stdout);
    ordo_table_done(&table);
    if (count == 0)
        fprintf(stderr, "no profile is kept\n");
    return ORDO_EXIT_OK;
}

static int list(const struct ordo_command *command, const struct ordo_api_options *options, bool as_json)
{
    struct ordo_api *api = ordo_api_open(command, options);
    int code = ORDO_EXIT_OK;

    if (api == NULL)
        return ORDO_EXIT_USAGE;
    if (!ordo_api_get(api, "/profile/history", NULL))
        code = ordo_api_exit(api);
    else if (as_json)
        printf("%.*s\n", (int)api->body.len, api->body.ptr);
    else
        code = print_table(api);
    ordo_api_close(api);
    return code;
}

int ordo_profiles_history_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_api_options options = {0};
    bool as_json = false;
    const char *value;

    for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs); i++)
        if (strcmp(argv[1], strrchr(verbs[i].name, ' ') + 1) == 0)
            return verbs[i].run(&verbs[i], argc - 1, argv + 1);
    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        as_json = as_json || id == OPTION_JSON;
        ordo_api_take(&options, id, value);
    }
    if (args.next < argc)
        return ordo_command_usage(command, "\"%s\" is too much; `show ID` and `rm ID` come first",
                                  argv[args.next]);
    return list(command, &options, as_json);
}
