/* SPDX-License-Identifier: MIT
 * orders_list.c: `ordo orders list`: a table, or lines of JSON.
 */
#include "cli/orders.h"
#include "cli/table.h"

enum { OPTION_LIMIT = 1, OPTION_ALL, OPTION_JSON, LIMIT_DEFAULT = 50 };

const struct ordo_cli_option ordo_orders_list_options[] = {
    ORDO_ORDERS_FILTER_ROWS,
    {OPTION_LIMIT, "limit", 'n', "N", "Orders at most; 50 unless it is given."},
    {OPTION_ALL, "all", 'a', NULL, "Every order that the filter finds."},
    {OPTION_JSON, "json", 'j', NULL, "Prints a JSON document a line."},
    ORDO_API_ROWS,
    {0},
};

static bool print_line(void *context, ordo_str line, struct ordo_json_value order)
{
    (void)context, (void)order;
    return fwrite(line.ptr, 1, line.len, stdout) == line.len && fputc('\n', stdout) != EOF;
}

static void put_total(struct ordo_table *table, struct ordo_json_value decision)
{
    int64_t total = ordo_json_number(decision, ORDO_STR("total"), -1);

    if (total >= 0) {
        ordo_buffer_printf(&table->text, "%lld ", (long long)total);
        ordo_buffer_put_clean(&table->text, ordo_json_text(decision, ORDO_STR("currency")));
    }
    ordo_table_end_cell(table);
}

static bool add_row(void *context, ordo_str line, struct ordo_json_value order)
{
    struct ordo_table *table = context;
    struct ordo_json_value decision = order; /* has no total of its own */
    bool is_decided = ordo_json_member(order, ORDO_STR("decision"), &decision);

    (void)line;
    ordo_table_cell(table, ordo_json_text(order, ORDO_STR("id")));
    ordo_table_cell(table, ordo_json_text(order, ORDO_STR("status")));
    ordo_table_cell(table, is_decided ? ordo_json_text(decision, ORDO_STR("decision")) : ORDO_STR_NONE);
    ordo_table_cell(table, ordo_json_text(order, ORDO_STR("priority")));
    ordo_table_cell(table, ordo_json_text(order, ORDO_STR("customer")));
    ordo_table_cell(table, ordo_json_text(order, ORDO_STR("received_at")));
    put_total(table, decision);
    return true;
}

/* The rows of a page; those of later pages can only make the columns wider. */
static bool print_rows(void *context)
{
    ordo_table_print(context, stdout);
    return ferror(stdout) == 0;
}

static void add_heading(struct ordo_table *table)
{
    static const char *const names[] = {"ID",       "STATUS",   "DECISION", "PRIORITY",
                                        "CUSTOMER", "RECEIVED", "TOTAL"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        ordo_table_cell(table, ordo_str_from(names[i]));
}

static int list(struct ordo_api *api, const struct ordo_orders_filter *filter, uint64_t limit, bool as_json)
{
    struct ordo_table table = {.columns = 7, .right = 1u << 6};
    struct ordo_orders_walk walk = {
        .api = api,
        .filter = filter,
        .limit = limit,
        .visit = as_json ? print_line : add_row,
        .page_end = as_json ? NULL : print_rows,
        .context = &table,
    };
    bool ok;

    if (!as_json)
        add_heading(&table);
    ok = ordo_orders_walk(&walk);
    ordo_table_done(&table);
    if (ok && walk.visited == 0 && !as_json)
        fprintf(stderr, "no order matches\n");
    if (ok && walk.has_more && !as_json)
        fprintf(stderr, "these are the newest %llu; --limit N or --all shows more\n",
                (unsigned long long)walk.visited);
    return ok ? ORDO_EXIT_OK : ordo_api_exit(api);
}

int ordo_orders_list_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_api_options options = {0};
    struct ordo_orders_filter filter = {0};
    int64_t limit = LIMIT_DEFAULT;
    bool as_json = false;
    struct ordo_api *api;
    const char *value;
    int code;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        if (id == OPTION_LIMIT && !ordo_cli_number(command, "limit", value, 1, INT64_MAX, &limit))
            return ORDO_EXIT_USAGE;
        if (id == OPTION_ALL)
            limit = INT64_MAX;
        as_json = as_json || id == OPTION_JSON;
        ordo_orders_filter_take(&filter, id, value);
        ordo_api_take(&options, id, value);
    }
    if (args.next < argc)
        return ordo_command_usage(command, "\"%s\" is too much; `ordo orders show` shows one order",
                                  argv[args.next]);
    api = ordo_api_open(command, &options);
    if (api == NULL)
        return ORDO_EXIT_USAGE;
    code = list(api, &filter, (uint64_t)limit, as_json);
    ordo_api_close(api);
    return code;
}
