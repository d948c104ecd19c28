/* SPDX-License-Identifier: MIT
 * what_if_report.c: two decisions of one order, and how they differ, for people.
 */
#include "base/json_copy.h"
#include "cli/orders.h"
#include "cli/table.h"
#include "cli/what_if.h"

/* "accepted, total 8547 EUR"; an order without a decision: its status. */
static void put_side(struct ordo_buffer *out, struct ordo_json_value side)
{
    ordo_str decision = ordo_json_text(side, ORDO_STR("decision"));
    int64_t total = ordo_json_number(side, ORDO_STR("total"), -1);

    ordo_buffer_put_clean(out, decision.len > 0 ? decision : ordo_json_text(side, ORDO_STR("status")));
    if (total < 0)
        return;
    ordo_buffer_printf(out, ", total %lld ", (long long)total);
    ordo_buffer_put_clean(out, ordo_json_text(side, ORDO_STR("currency")));
}

static void put_value(struct ordo_table *table, struct ordo_json_value row, ordo_str key)
{
    struct ordo_buffer text = {0};
    struct ordo_json_writer json = ordo_json_writer(&text);
    struct ordo_json_value value;

    if (!ordo_json_get(row, key, &value) || ordo_json_type(value) == ORDO_JSON_NULL) {
        ordo_table_cell(table, ORDO_STR("-"));
    } else if (ordo_json_type(value) == ORDO_JSON_STRING) {
        ordo_table_cell(table, ordo_json_as_str(value));
    } else {
        ordo_json_copy(&json, value);
        ordo_table_cell(table, ordo_buffer_str(&text));
    }
    ordo_buffer_done(&text);
}

static void print_fields(struct ordo_json_value difference)
{
    struct ordo_table table = {.columns = 4, .right = 1u << 3};
    struct ordo_json_value fields, field;

    if (!ordo_json_member(difference, ORDO_STR("fields"), &fields) || ordo_json_count(fields) == 0)
        return;
    ordo_table_cell(&table, ORDO_STR("FIELD"));
    ordo_table_cell(&table, ORDO_STR("RECORDED"));
    ordo_table_cell(&table, ORDO_STR("WHAT IF"));
    ordo_table_cell(&table, ORDO_STR("CHANGE"));
    for (struct ordo_json_iter iter = ordo_json_iter_of(fields); ordo_json_next(&iter, NULL, &field);) {
        int64_t change = ordo_json_number(field, ORDO_STR("change"), 0);

        put_value(&table, field, ORDO_STR("field"));
        put_value(&table, field, ORDO_STR("recorded"));
        put_value(&table, field, ORDO_STR("what_if"));
        if (change != 0)
            ordo_buffer_printf(&table.text, "%+lld", (long long)change);
        ordo_table_end_cell(&table);
    }
    putchar('\n');
    ordo_table_print(&table, stdout);
    ordo_table_done(&table);
}

static void print_operations(struct ordo_json_value difference, ordo_str key, const char *title)
{
    struct ordo_json_value operations, list;

    if (!ordo_json_member(difference, ORDO_STR("operations"), &operations) ||
        !ordo_json_member(operations, key, &list) || ordo_json_count(list) == 0)
        return;
    printf("\n  %s\n", title);
    ordo_orders_print_operations(list);
}

void ordo_what_if_report(struct ordo_json_value document)
{
    struct ordo_json_value recorded, what_if, difference, problem, same;
    struct ordo_buffer text = {0};

    if (!ordo_json_member(document, ORDO_STR("recorded"), &recorded) ||
        !ordo_json_member(document, ORDO_STR("what_if"), &what_if) ||
        !ordo_json_member(document, ORDO_STR("difference"), &difference))
        return;
    ordo_buffer_append(&text, ORDO_STR("order "));
    ordo_buffer_put_clean(&text, ordo_json_text(document, ORDO_STR("id")));
    ordo_buffer_append(&text, ORDO_STR("\n  recorded: "));
    put_side(&text, recorded);
    ordo_buffer_append(&text, ORDO_STR("\n  what if:  "));
    put_side(&text, what_if);
    printf("%.*s\n", (int)text.len, text.ptr);
    ordo_buffer_done(&text);
    print_fields(difference);
    print_operations(difference, ORDO_STR("only_recorded"), "only in the recorded decision");
    print_operations(difference, ORDO_STR("only_what_if"), "only in this one");
    if (ordo_json_member(what_if, ORDO_STR("problem"), &problem))
        ordo_orders_print_problems(problem);
    if (ordo_json_get(document, ORDO_STR("same"), &same) && ordo_json_as_bool(same))
        printf("\n  nothing differs\n");
}
