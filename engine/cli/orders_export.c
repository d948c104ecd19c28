/* SPDX-License-Identifier: MIT
 * orders_export.c: `ordo orders export`: every order that a filter finds, to a file or standard output.
 *
 * A file is written under another name and renamed when it is whole and on the disk, so that what has the name was
 * never cut short.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/orders.h"

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
    const char *path; /* NULL: standard output */
    char *partial;    /* what is written; NULL: standard output or a device */
    FILE *file;
    int error;               /* errno of the write that failed; 0: none */
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

static bool write_bytes(struct export *export, ordo_str bytes)
{
    if (fwrite(bytes.ptr, 1, bytes.len, export->file) == bytes.len)
        return true;
    export->error = errno;
    return false;
}

static bool write_heading(struct export *export)
{
    ordo_buffer_clear(&export->line);
    for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
        ordo_buffer_printf(&export->line, "%s%s", i == 0 ? "" : ",", columns[i].name);
    ordo_buffer_append(&export->line, ORDO_STR("\r\n"));
    return write_bytes(export, ordo_buffer_str(&export->line));
}

static bool write_csv(void *context, ordo_str text, struct ordo_json_value order)
{
    struct export *export = context;
    struct ordo_json_value places[] = {[RECORD] = order, [DECISION] = order, [ANSWER] = order};
    bool has_decision = ordo_orders_member(order, ORDO_STR("decision"), &places[DECISION]);
    bool has_answer;

    (void)text;
    places[ANSWER] = places[DECISION];
    has_answer = has_decision || ordo_orders_member(order, ORDO_STR("problem"), &places[ANSWER]);
    ordo_buffer_clear(&export->line);
    for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
        enum place place = columns[i].place;

        if (i > 0)
            ordo_buffer_put(&export->line, ',');
        if (place == RECORD || (place == DECISION && has_decision) || (place == ANSWER && has_answer))
            put_value(&export->line, places[place], ordo_str_from(columns[i].name));
    }
    ordo_buffer_append(&export->line, ORDO_STR("\r\n"));
    return write_bytes(export, ordo_buffer_str(&export->line));
}

static bool write_json(void *context, ordo_str text, struct ordo_json_value order)
{
    (void)order;
    return write_bytes(context, text) && write_bytes(context, ORDO_STR("\n"));
}

static bool open_output(const struct ordo_command *command, struct export *export)
{
    struct stat status;
    const char *path = export->path;

    export->file = stdout;
    if (path == NULL)
        return true;
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode)) { /* a device or a pipe is written itself */
        ORDO_REQUIRE(asprintf(&export->partial, "%s.partial", path) > 0);
        path = export->partial;
    }
    export->file = fopen(path, "we");
    if (export->file == NULL)
        fprintf(stderr, "ordo %s: cannot write %s: %s\n", command->name, path, strerror(errno));
    return export->file != NULL;
}

/* On the disk and under its name; false with export->error. */
static bool finish_output(struct export *export)
{
    bool ok = fflush(export->file) == 0 && (export->partial == NULL || fsync(fileno(export->file)) == 0);

    if (ok && export->partial != NULL)
        ok = rename(export->partial, export->path) == 0;
    if (!ok)
        export->error = errno;
    return ok;
}

static void close_output(struct export *export, bool ok)
{
    if (export->file != NULL && export->file != stdout)
        fclose(export->file);
    if (!ok && export->file != NULL && export->partial != NULL)
        unlink(export->partial);
    free(export->partial);
    ordo_buffer_done(&export->line);
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

    if (export->error == 0 && ok)
        ok = finish_output(export);
    if (export->error != 0) {
        fprintf(stderr, "ordo %s: cannot write %s: %s; the export is not complete\n", api->command->name,
                export->path != NULL ? export->path : "to standard output", strerror(export->error));
        return ORDO_EXIT_FAILURE;
    }
    if (ok && export->path != NULL)
        printf("%llu orders are in %s\n", (unsigned long long)walk.visited, export->path);
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
            export.path = value;
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
    if (open_output(command, &export))
        code = write_orders(api, &filter, &export, strcmp(format, "csv") == 0);
    close_output(&export, code == ORDO_EXIT_OK);
    ordo_api_close(api);
    return code;
}
