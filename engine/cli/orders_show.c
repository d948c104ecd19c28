/* SPDX-License-Identifier: MIT
 * orders_show.c: `ordo orders show`: what happened to an order, and which rule did it.
 */
#include "base/json_copy.h"
#include "cli/orders.h"
#include "cli/table.h"

enum { OPTION_JSON = 1 };

const struct ordo_cli_option ordo_orders_show_options[] = {
    {OPTION_JSON, "json", 'j', NULL, "Prints the order as GET /orders/{id} gives it."},
    ORDO_API_ROWS,
    {0},
};

/* `before`, the member's text, `after`; nothing when it is absent. */
static void put_text(struct ordo_buffer *out, const char *before, struct ordo_json_value object, ordo_str key,
                     const char *after)
{
    ordo_str text = ordo_json_text(object, key);

    if (text.len == 0)
        return;
    ordo_buffer_append(out, ordo_str_from(before));
    ordo_buffer_put_clean(out, text);
    ordo_buffer_append(out, ordo_str_from(after));
}

static void put_number(struct ordo_buffer *out, const char *before, struct ordo_json_value object,
                       ordo_str key, const char *after)
{
    int64_t number = ordo_json_number(object, key, INT64_MIN);

    if (number != INT64_MIN)
        ordo_buffer_printf(out, "%s%lld%s", before, (long long)number, after);
}

/* order o-1: rejected (fraud): because, route express */
static void put_outcome(struct ordo_buffer *out, struct ordo_json_value order, struct ordo_json_value answer)
{
    ordo_str decided = ordo_json_text(answer, ORDO_STR("decision"));
    struct ordo_json_value resolved;

    put_text(out, "order ", order, ORDO_STR("id"), ": ");
    ordo_buffer_put_clean(out, decided.len > 0 ? decided : ordo_json_text(order, ORDO_STR("status")));
    put_text(out, " (", answer, ORDO_STR("code"), ")");
    put_text(out, ": ", answer, ORDO_STR("reason"), "");
    put_text(out, ", route ", answer, ORDO_STR("route"), "");
    ordo_buffer_put(out, '\n');
    if (ordo_json_member(answer, ORDO_STR("resolved"), &resolved)) {
        put_text(out, "  decided by hand by ", resolved, ORDO_STR("by"), "");
        put_text(out, " at ", resolved, ORDO_STR("at"), "\n");
    }
}

static void put_facts(struct ordo_buffer *out, struct ordo_json_value order, struct ordo_json_value answer)
{
    put_text(out, "  status ", order, ORDO_STR("status"), "");
    put_text(out, ", priority ", order, ORDO_STR("priority"), "");
    put_text(out, ", customer ", order, ORDO_STR("customer"), "");
    put_number(out, ", attempt ", order, ORDO_STR("attempt"), "");
    put_number(out, ", revision ", order, ORDO_STR("revision"), "");
    put_number(out, ", rule set ", answer, ORDO_STR("generation"), "");
    put_text(out, "\n  received ", order, ORDO_STR("received_at"), "");
    put_text(out, ", updated ", order, ORDO_STR("updated_at"), "");
    put_text(out, ", next attempt ", order, ORDO_STR("due_at"), "");
    ordo_buffer_put(out, '\n');
}

/* What there is to do with it. */
static void put_cure(struct ordo_buffer *out, struct ordo_json_value order)
{
    ordo_str status = ordo_json_text(order, ORDO_STR("status")), id = ordo_json_text(order, ORDO_STR("id"));

    if (ordo_str_equal(status, ORDO_STR("held")))
        ordo_buffer_printf(
            out, "\n  decide it: ordo orders resolve " ORDO_STR_FMT " --accept|--reject --reason TEXT\n",
            ORDO_STR_ARG(id));
    if (ordo_str_equal(status, ORDO_STR("dead")))
        ordo_buffer_printf(out, "\n  try it once more: ordo orders retry " ORDO_STR_FMT "\n",
                           ORDO_STR_ARG(id));
}

static void put_items(struct ordo_buffer *out, struct ordo_json_value operation)
{
    struct ordo_json_value items, item;
    const char *before = " (items ";

    if (!ordo_json_member(operation, ORDO_STR("items"), &items) || ordo_json_count(items) == 0)
        return;
    for (struct ordo_json_iter iter = ordo_json_iter_of(items); ordo_json_next(&iter, NULL, &item);
         before = ", ")
        ordo_buffer_printf(out, "%s%lld", before, (long long)ordo_json_as_int(item));
    ordo_buffer_put(out, ')');
}

/* Label, reason and what else there is to say about an operation. */
static void put_details(struct ordo_buffer *out, struct ordo_json_value operation)
{
    const char *colon = ordo_json_text(operation, ORDO_STR("label")).len > 0 ? ": " : "";
    struct ordo_buffer text = {0};
    struct ordo_json_writer json = ordo_json_writer(&text);
    struct ordo_json_value value;

    put_text(out, "", operation, ORDO_STR("label"), "");
    put_text(out, colon, operation, ORDO_STR("reason"), "");
    put_text(out, colon, operation, ORDO_STR("text"), "");
    if (ordo_json_get(operation, ORDO_STR("value"), &value)) {
        ordo_json_copy(&json, value);
        ordo_buffer_append(out, ORDO_STR(" = "));
        ordo_buffer_put_clean(out, ordo_buffer_str(&text));
    }
    ordo_buffer_done(&text);
    put_number(out, " (item ", operation, ORDO_STR("item"), ")");
    put_items(out, operation);
    if (ordo_json_get(operation, ORDO_STR("included"), &value))
        ordo_buffer_append(out, ORDO_STR(" (included in the prices)"));
    put_number(out, " (asked for ", operation, ORDO_STR("requested"), ")");
}

static void add_heading(struct ordo_table *table, const char *const *names)
{
    for (size_t i = 0; i < table->columns; i++)
        ordo_table_cell(table, ordo_str_from(names[i]));
}

void ordo_orders_print_operations(struct ordo_json_value operations)
{
    static const char *const names[] = {"OPERATION", "AMOUNT", "WHAT", "RULE", "AT"};
    struct ordo_table table = {.columns = 5, .right = 1u << 1};
    struct ordo_json_value operation;

    add_heading(&table, names);
    for (struct ordo_json_iter iter = ordo_json_iter_of(operations);
         ordo_json_next(&iter, NULL, &operation);) {
        ordo_table_cell(&table, ordo_json_text(operation, ORDO_STR("op")));
        put_number(&table.text, "", operation, ORDO_STR("amount"), "");
        put_number(&table.text, "", operation, ORDO_STR("after_ms"), " ms");
        ordo_table_end_cell(&table);
        put_details(&table.text, operation);
        ordo_table_end_cell(&table);
        ordo_table_cell(&table, ordo_json_text(operation, ORDO_STR("rule")));
        ordo_table_cell(&table, ordo_json_text(operation, ORDO_STR("at")));
    }
    ordo_table_print(&table, stdout);
    ordo_table_done(&table);
}

static void print_operations(struct ordo_json_value decision)
{
    struct ordo_json_value operations;

    if (!ordo_json_member(decision, ORDO_STR("operations"), &operations))
        return;
    if (ordo_json_count(operations) == 0) {
        printf("\n  no rule had anything to say\n");
        return;
    }
    putchar('\n');
    ordo_orders_print_operations(operations);
}

static void print_sums(struct ordo_json_value decision)
{
    static const char *const names[] = {"subtotal", "discount", "fee", "tax", "total", "paid", "due"};
    struct ordo_buffer text = {0};

    put_text(&text, "\n  amounts in minor units of ", decision, ORDO_STR("currency"), "\n");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        int64_t amount = ordo_json_number(decision, ordo_str_from(names[i]), INT64_MIN);

        if (amount != INT64_MIN)
            ordo_buffer_printf(&text, "  %-9s %12lld\n", names[i],
                               (long long)(strcmp(names[i], "discount") == 0 ? -amount : amount));
    }
    printf("%.*s", (int)text.len, text.len > 0 ? text.ptr : "");
    ordo_buffer_done(&text);
}

/* Those of an order that waits stand beside it, those of a dead one in its record. */
static void print_attempts(struct ordo_json_value order, struct ordo_json_value answer)
{
    static const char *const names[] = {"ATTEMPT", "AT", "RULE SET", "REASON"};
    struct ordo_table table = {.columns = 4, .right = 1u << 0 | 1u << 2};
    struct ordo_json_value attempts, attempt;

    if (!ordo_json_member(order, ORDO_STR("attempts"), &attempts) &&
        !ordo_json_member(answer, ORDO_STR("attempts"), &attempts))
        return;
    putchar('\n');
    add_heading(&table, names);
    for (struct ordo_json_iter iter = ordo_json_iter_of(attempts); ordo_json_next(&iter, NULL, &attempt);) {
        put_number(&table.text, "", attempt, ORDO_STR("attempt"), "");
        ordo_table_end_cell(&table);
        ordo_table_cell(&table, ordo_json_text(attempt, ORDO_STR("at")));
        put_number(&table.text, "", attempt, ORDO_STR("generation"), "");
        ordo_table_end_cell(&table);
        ordo_table_cell(&table, ordo_json_text(attempt, ORDO_STR("reason")));
    }
    ordo_table_print(&table, stdout);
    ordo_table_done(&table);
}

void ordo_orders_print_problems(struct ordo_json_value problem)
{
    struct ordo_json_value problems, one;
    struct ordo_buffer text = {0};

    if (ordo_json_member(problem, ORDO_STR("problems"), &problems))
        for (struct ordo_json_iter iter = ordo_json_iter_of(problems); ordo_json_next(&iter, NULL, &one);) {
            put_text(&text, "  ", one, ORDO_STR("field"), ": ");
            put_text(&text, "", one, ORDO_STR("message"), "");
            put_text(&text, "  [", one, ORDO_STR("rule"), "");
            put_text(&text, " ", one, ORDO_STR("at"), "");
            ordo_buffer_append(&text, ORDO_STR("]\n"));
        }
    printf("%s%.*s", text.len > 0 ? "\n" : "", (int)text.len, text.len > 0 ? text.ptr : "");
    ordo_buffer_done(&text);
}

static void print_order(struct ordo_json_value order)
{
    struct ordo_json_value answer, none = order;
    struct ordo_buffer text = {0};

    /* A value without members where there is no decision and no problem. */
    if (!ordo_json_get(order, ORDO_STR("decision"), &answer) &&
        !ordo_json_get(order, ORDO_STR("problem"), &answer) &&
        !ordo_json_get(order, ORDO_STR("status"), &answer))
        answer = none;
    put_outcome(&text, order, answer);
    put_facts(&text, order, answer);
    printf("%.*s", (int)text.len, text.ptr);
    print_operations(answer);
    print_sums(answer);
    print_attempts(order, answer);
    ordo_orders_print_problems(answer);
    ordo_buffer_clear(&text);
    put_cure(&text, order);
    printf("%.*s", (int)text.len, text.len > 0 ? text.ptr : "");
    ordo_buffer_done(&text);
}

static int show(struct ordo_api *api, const char *id, bool as_json)
{
    struct ordo_buffer path = {0};
    bool ok;

    ordo_buffer_append(&path, ORDO_STR("/orders/"));
    ordo_api_put_escaped(&path, ordo_str_from(id));
    ordo_buffer_put(&path, '\0');
    ok = ordo_api_get(api, path.ptr, id);
    ordo_buffer_done(&path);
    if (!ok)
        return ORDO_EXIT_FAILURE;
    if (as_json)
        printf("%.*s\n", (int)api->body.len, api->body.ptr);
    else
        print_order(ordo_json_root(api->parser));
    return ORDO_EXIT_OK;
}

int ordo_orders_show_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_api_options options = {0};
    bool as_json = false;
    struct ordo_api *api;
    const char *value;
    int code;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        as_json = as_json || id == OPTION_JSON;
        ordo_api_take(&options, id, value);
    }
    if (argc - args.next != 1)
        return ordo_command_usage(command, "give the id of one order");
    if (argv[args.next][0] == '\0')
        return ordo_command_usage(command, ORDO_ORDERS_NO_ID);
    api = ordo_api_open(command, &options);
    if (api == NULL)
        return ORDO_EXIT_USAGE;
    code = show(api, argv[args.next], as_json);
    ordo_api_close(api);
    return code;
}
