/* SPDX-License-Identifier: MIT
 * orders_export.c: `ordo orders export`: every order that a filter finds, to a file or standard output.
 */
#include "cli/orders.h"
#include "cli/output_file.h"

enum { OPTION_FORMAT = 1, OPTION_OUTPUT };

const struct ordo_cli_option ordo_orders_export_options[] = {
    ORDO_ORDERS_FILTER_ROWS,
    {OPTION_FORMAT, "format", 'f', "ndjson|csv", "ndjson unless it is given."},
    {OPTION_OUTPUT, "output", 'o', "FILE", "Where to; standard output unless it is given."},
    ORDO_API_ROWS,
    {0},
};

struct export
{
    struct ordo_output output;
    struct ordo_buffer line; /* a line of CSV */
};

/* Where a column of CSV comes from. */
enum place { RECORD = 0, DECISION, ANSWER /* the decision or the problem */ };

static const struct {
    const char *name;
    enum place place;
} columns[] = {
    {"id", RECORD},         {"status", RECORD},     {"decision", DECISION},   {"code", ANSWER},
    {"priority", RECORD},   {"customer", RECORD},   {"received_at", RECORD},  {"updated_at", RECORD},
    {"attempt", RECORD},    {"revision", RECORD},   {"generation", DECISION}, {"currency", DECISION},
    {"subtotal", DECISION}, {"discount", DECISION}, {"fee", DECISION},        {"tax", DECISION},
    {"total", DECISION},    {"paid", DECISION},     {"due", DECISION},        {"route", DECISION},
};

/* A field of RFC 4180: in quotes where it has to be. */
static void put_field(struct ordo_buffer *line, ordo_str text)
{
    bool quoted = false;

    for (size_t i = 0; i < text.len; i++)
        quoted =
            quoted || text.ptr[i] == ',' || text.ptr[i] == '"' || text.ptr[i] == '\n' || text.ptr[i] == '\r';
    if (!quoted) {
        ordo_buffer_append(line, text);
        return;
    }
    ordo_buffer_put(line, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            ordo_buffer_put(line, '"');
        ordo_buffer_put(line, text.ptr[i]);
    }
    ordo_buffer_put(line, '"');
}

static void put_value(struct ordo_buffer *line, struct ordo_json_value object, ordo_str key)
{
    struct ordo_json_value value;

    if (!ordo_json_get(object, key, &value))
        return;
    if (ordo_json_type(value) == ORDO_JSON_STRING)
        put_field(line, ordo_json_as_str(value));
    else if (ordo_json_type(value) == ORDO_JSON_INT)
        ordo_buffer_printf(line, "%lld", (long long)ordo_json_as_int(value));
}

static bool write_heading(struct export *export)
{
    ordo_buffer_clear(&export->line);
    for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
        ordo_buffer_printf(&export->line, "%s%s", i == 0 ? "" : ",", columns[i].name);
    ordo_buffer_append(&export->line, ORDO_STR("\r\n"));
    return ordo_output_write(&export->output, ordo_buffer_str(&export->line));
}

static bool write_csv(void *context, ordo_str text, struct ordo_json_value order)
{
    struct export *export = context;
    struct ordo_json_value places[] = {[RECORD] = order, [DECISION] = order, [ANSWER] = order};
    bool has_decision = ordo_json_member(order, ORDO_STR("decision"), &places[DECISION]);
    bool has_answer;

    (void)text;
    places[ANSWER] = places[DECISION];
    has_answer = has_decision || ordo_json_member(order, ORDO_STR("problem"), &places[ANSWER]);
    ordo_buffer_clear(&export->line);
    for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
        enum place place = columns[i].place;

        if (i > 0)
            ordo_buffer_put(&export->line, ',');
        if (place == RECORD || (place == DECISION && has_decision) || (place == ANSWER && has_answer))
            put_value(&export->line, places[place], ordo_str_from(columns[i].name));
    }
    ordo_buffer_append(&export->line, ORDO_STR("\r\n"));
    return ordo_output_write(&export->output, ordo_buffer_str(&export->line));
}

static bool write_json(void *context, ordo_str text, struct ordo_json_value order)
{
    struct export *export = context;

    (void)order;
    return ordo_output_write(&export->output, text) && ordo_output_write(&export->output, ORDO_STR("\n"));
}

static int write_orders(struct ordo_api *api, const struct ordo_orders_filter *filter, struct export *export,
                        bool as_csv)
{
    struct ordo_orders_walk walk = {
        .api = api,
        .filter = filter,
        .with_order = !as_csv,
        .limit = INT64_MAX,
        .visit = as_csv ? write_csv : write_json,
        .context = export,
    };
    bool ok = (!as_csv || write_heading(export)) && ordo_orders_walk(&walk);
    int code = ok ? ORDO_EXIT_OK : ordo_api_exit(api);

    if (export->output.error == 0 && ok)
        ok = ordo_output_finish(&export->output);
    if (export->output.error != 0) {
        fprintf(stderr, "ordo %s: cannot write %s: %s; the export is not complete\n", api->command->name,
                export->output.path != NULL ? export->output.path : "to standard output",
                strerror(export->output.error));
        return ORDO_EXIT_FAILURE;
    }
    if (ok && export->output.path != NULL)
        printf("%llu orders are in %s\n", (unsigned long long)walk.visited, export->output.path);
    return code;
}

int ordo_orders_export_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_api_options options = {0};
    struct ordo_orders_filter filter = {0};
    struct export export = {0};
    const char *format = "ndjson", *value;
    int code = ORDO_EXIT_FAILURE;
    struct ordo_api *api;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        if (id == OPTION_FORMAT)
            format = value;
        if (id == OPTION_OUTPUT)
            export.output.path = value;
        ordo_orders_filter_take(&filter, id, value);
        ordo_api_take(&options, id, value);
    }
    if (args.next < argc)
        return ordo_command_usage(command, "\"%s\" is too much", argv[args.next]);
    if (strcmp(format, "ndjson") != 0 && strcmp(format, "csv") != 0)
        return ordo_command_usage(command, "--format is ndjson or csv, not \"%s\"", format);
    api = ordo_api_open(command, &options);
    if (api == NULL)
        return ORDO_EXIT_USAGE;
    if (ordo_output_open(&export.output, command))
        code = write_orders(api, &filter, &export, strcmp(format, "csv") == 0);
    ordo_output_close(&export.output, code == ORDO_EXIT_OK);
    ordo_buffer_done(&export.line);
    ordo_api_close(api);
    return code;
}
