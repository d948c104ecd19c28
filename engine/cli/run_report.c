/* SPDX-License-Identifier: MIT
 * run_report.c: a decision with its operations for whoever writes rules, or as clients get it.
 */
#include "cli/run_report.h"

#include "cli/table.h"

static const char *operation_name(enum ordo_operation_kind kind)
{
    static const char *const names[] = {
#define X(name, text) text,
        ORDO_OPERATION_TABLE(X)
#undef X
    };

    return names[kind];
}

static bool has_amount(enum ordo_operation_kind kind)
{
    return kind <= ORDO_OPERATION_CAP || kind == ORDO_OPERATION_COUNT || kind == ORDO_OPERATION_RETRY;
}

/* Label, reason and what else there is to say about an operation. */
static void put_details(struct ordo_buffer *out, const struct ordo_operation *operation, bool withdrawn)
{
    ordo_buffer_append(out, operation->label);
    if (operation->text.len > 0)
        ordo_buffer_printf(out,
                           operation->kind == ORDO_OPERATION_SET ? " = " ORDO_STR_FMT
                           : operation->label.len > 0            ? ": " ORDO_STR_FMT
                                                                 : ORDO_STR_FMT,
                           ORDO_STR_ARG(operation->text));
    if (operation->item > 0)
        ordo_buffer_printf(out, " (item %u)", operation->item);
    for (uint32_t i = 0; i < operation->item_count; i++)
        ordo_buffer_printf(out, i == 0 ? " (items %u" : ", %u", operation->items[i]);
    if (operation->item_count > 0)
        ordo_buffer_put(out, ')');
    if (operation->included)
        ordo_buffer_append(out, ORDO_STR(" (included in the prices)"));
    if (operation->kind <= ORDO_OPERATION_PAY && operation->requested != operation->amount)
        ordo_buffer_printf(out,
                           withdrawn ? " (does not count; asked for: %lld)" : " (cut by a cap from %lld)",
                           (long long)operation->requested);
}

static void print_operations(const struct ordo_decision *decision, FILE *out)
{
    struct ordo_table table = {.columns = 5, .right = 1u << 1};

    if (decision->count == 0) {
        fprintf(out, "  no rule had anything to say\n");
        return;
    }
    ordo_table_cell(&table, ORDO_STR("OPERATION"));
    ordo_table_cell(&table, ORDO_STR("AMOUNT"));
    ordo_table_cell(&table, ORDO_STR("WHAT"));
    ordo_table_cell(&table, ORDO_STR("RULE"));
    ordo_table_cell(&table, ORDO_STR("AT"));
    for (uint32_t i = 0; i < decision->count; i++) {
        const struct ordo_operation *operation = &decision->operations[i];

        ordo_table_cell(&table, ordo_str_from(operation_name(operation->kind)));
        if (has_amount(operation->kind))
            ordo_buffer_printf(&table.text, "%lld", (long long)operation->amount);
        ordo_table_end_cell(&table);
        put_details(&table.text, operation, decision->withdrawn);
        ordo_table_end_cell(&table);
        ordo_table_cell(&table, operation->place.rule);
        ordo_buffer_printf(&table.text, ORDO_STR_FMT ":%d", ORDO_STR_ARG(operation->place.file),
                           operation->place.line);
        ordo_table_end_cell(&table);
    }
    ordo_table_print(&table, out);
    ordo_table_done(&table);
}

static void print_sums(const struct ordo_decision *decision, FILE *out)
{
    const int64_t *sums = decision->sums;
    int64_t total = decision->cart.subtotal - sums[ORDO_OPERATION_DISCOUNT] + sums[ORDO_OPERATION_FEE] +
                    sums[ORDO_OPERATION_TAX];
    const struct {
        const char *name;
        int64_t amount;
    } rows[] = {
        {"subtotal", decision->cart.subtotal},
        {"discount", -sums[ORDO_OPERATION_DISCOUNT]},
        {"fee", sums[ORDO_OPERATION_FEE]},
        {"tax", sums[ORDO_OPERATION_TAX]},
        {"total", total},
        {"paid", sums[ORDO_OPERATION_PAY]},
        {"due", total - sums[ORDO_OPERATION_PAY]},
    };

    fprintf(out, "\n  amounts in minor units of " ORDO_STR_FMT "\n", ORDO_STR_ARG(decision->cart.currency));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        fprintf(out, "  %-9s %12lld\n", rows[i].name, (long long)rows[i].amount);
}

static void print_verdict(const struct ordo_run *run, const struct ordo_decision_facts *facts, FILE *out)
{
    const struct ordo_decision *decision = &run->decision;

    fprintf(out, "order " ORDO_STR_FMT ": ", ORDO_STR_ARG(facts->id));
    switch (decision->verdict) {
    case ORDO_VERDICT_ACCEPTED:
        fprintf(out, "accepted");
        break;
    case ORDO_VERDICT_REJECTED:
        fprintf(out, "rejected (" ORDO_STR_FMT "): " ORDO_STR_FMT, ORDO_STR_ARG(decision->code),
                ORDO_STR_ARG(decision->reason));
        break;
    case ORDO_VERDICT_HELD:
        fprintf(out, "held: " ORDO_STR_FMT, ORDO_STR_ARG(decision->reason));
        break;
    case ORDO_VERDICT_RETRY:
        fprintf(out, "to be tried again in %lld ms: " ORDO_STR_FMT, (long long)decision->retry_after_ms,
                ORDO_STR_ARG(decision->reason));
        break;
    }
    if (decision->route.len > 0)
        fprintf(out, ", route " ORDO_STR_FMT, ORDO_STR_ARG(decision->route));
    fprintf(out, "  [%lld us, %lld of them waiting]\n", (long long)facts->processing_us,
            (long long)(run->blocked_ns / 1000));
    if (run->broke) {
        char text[1024];

        fprintf(out, "a rule broke: %s\n", ordo_error_format(&run->error, text, sizeof(text)));
    }
}

static void print_problems(const struct ordo_run *run, const struct ordo_decision_facts *facts, FILE *out)
{
    fprintf(out, "order " ORDO_STR_FMT ": not valid, %u problem%s\n\n", ORDO_STR_ARG(facts->id),
            run->problems.count, run->problems.count == 1 ? "" : "s");
    for (const struct ordo_problem *problem = run->problems.first; problem != NULL; problem = problem->next) {
        fprintf(out, "  " ORDO_STR_FMT "%s" ORDO_STR_FMT "  [" ORDO_STR_FMT, ORDO_STR_ARG(problem->field),
                problem->field.len > 0 ? ": " : "", ORDO_STR_ARG(problem->message),
                ORDO_STR_ARG(problem->rule));
        if (problem->at.len > 0)
            fprintf(out, " " ORDO_STR_FMT, ORDO_STR_ARG(problem->at));
        fprintf(out, "]\n");
    }
}

void ordo_run_report_text(const struct ordo_run *run, const struct ordo_decision_facts *facts, FILE *out)
{
    if (run->state == ORDO_RUN_INVALID) {
        print_problems(run, facts, out);
        return;
    }
    print_verdict(run, facts, out);
    fputc('\n', out);
    print_operations(&run->decision, out);
    print_sums(&run->decision, out);
}

void ordo_run_report_json(const struct ordo_run *run, const struct ordo_decision_facts *facts, FILE *out)
{
    struct ordo_buffer text = {0};

    if (run->state == ORDO_RUN_INVALID)
        ordo_problem_write(&text, ORDO_PROBLEM_INVALID_ORDER, ORDO_STR("the order's fields are wrong"),
                           facts->id, &run->problems);
    else
        ordo_decision_write(&run->decision, facts, &text);
    fprintf(out, "%.*s\n", (int)text.len, text.ptr);
    ordo_buffer_done(&text);
}
