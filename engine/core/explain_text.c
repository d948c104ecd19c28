/* SPDX-License-Identifier: MIT
 * explain_text.c: an explanation in plain sentences, for people who speak to customers: a line each, amounts in the
 * currency's own digits, each with the rule that is behind it.
 */
#include "base/json_copy.h"
#include "base/json_time.h"
#include "core/explain.h"
#include "core/money.h"

struct telling {
    struct ordo_json_value about;
    struct ordo_buffer *out;
    int decimals;
    ordo_str currency;
};

static void put(struct telling *telling, const char *text)
{
    ordo_buffer_append(telling->out, ordo_str_from(text));
}

static void put_text(struct telling *telling, struct ordo_json_value object, const char *key)
{
    ordo_buffer_put_clean(telling->out, ordo_json_text(object, ordo_str_from(key)));
}

static bool has_text(struct ordo_json_value object, const char *key)
{
    return ordo_json_text(object, ordo_str_from(key)).len > 0;
}

/* `before`, the text, `after`; nothing when there is none. */
static void put_if(struct telling *telling, const char *before, struct ordo_json_value object,
                   const char *key, const char *after)
{
    if (!has_text(object, key))
        return;
    put(telling, before);
    put_text(telling, object, key);
    put(telling, after);
}

static int64_t number(struct ordo_json_value object, const char *key)
{
    return ordo_json_number(object, ordo_str_from(key), 0);
}

static void put_amount(struct telling *telling, struct ordo_json_value object, const char *key)
{
    ordo_money_put(telling->out, number(object, key), telling->decimals);
}

static void put_money(struct telling *telling, struct ordo_json_value object, const char *key)
{
    put_amount(telling, object, key);
    put(telling, " ");
    ordo_buffer_put_clean(telling->out, telling->currency);
}

/* --- one operation --- */

static bool is(struct ordo_json_value operation, const char *name)
{
    return ordo_str_equal(ordo_json_text(operation, ORDO_STR("op")), ordo_str_from(name));
}

static void put_item(struct telling *telling, struct ordo_json_value operation, const char *before)
{
    int64_t item = number(operation, "item");

    if (item > 0)
        ordo_buffer_printf(telling->out, "%sitem %lld", before, (long long)item);
}

/* What it changed, and what it was to be when something cut it. */
static void put_change(struct telling *telling, struct ordo_json_value operation)
{
    struct ordo_json_value before;

    if (number(operation, "requested") > 0) {
        put(telling, ", instead of the ");
        put_amount(telling, operation, "requested");
        put(telling, " that it asked for");
    }
    if (!ordo_json_get(operation, ORDO_STR("before"), &before) || number(operation, "amount") == 0)
        return;
    put(telling, " (");
    if (is(operation, "tax"))
        put(telling, "total ");
    if (is(operation, "pay"))
        put(telling, "due ");
    put_amount(telling, operation, "before");
    put(telling, " to ");
    put_amount(telling, operation, "after");
    put(telling, ")");
}

static void put_sum(struct telling *telling, struct ordo_json_value operation, const char *verb,
                    const char *behind)
{
    put(telling, verb);
    put_amount(telling, operation, "amount");
    put(telling, behind);
}

static bool put_amount_operation(struct telling *telling, struct ordo_json_value operation)
{
    struct ordo_json_value included;

    if (is(operation, "discount")) {
        put_sum(telling, operation, "took ", " off");
        put_item(telling, operation, " ");
    } else if (is(operation, "fee")) {
        put_sum(telling, operation, "added a fee of ", "");
        put_item(telling, operation, " to ");
    } else if (is(operation, "tax") && ordo_json_get(operation, ORDO_STR("included"), &included)) {
        put_sum(telling, operation, "found ", " of tax in the prices");
        put_item(telling, operation, " of ");
    } else if (is(operation, "tax")) {
        put_sum(telling, operation, "added ", " of tax");
        put_item(telling, operation, " on ");
    } else if (is(operation, "pay")) {
        put_sum(telling, operation, "paid ", "");
    } else {
        return false;
    }
    put(telling, ": ");
    put_text(telling, operation, "label");
    put_change(telling, operation);
    return true;
}

static void put_items(struct telling *telling, struct ordo_json_value operation)
{
    struct ordo_json_value items, item;
    const char *before = "put item ";

    if (!ordo_json_member(operation, ORDO_STR("items"), &items))
        return;
    for (struct ordo_json_iter iter = ordo_json_iter_of(items); ordo_json_next(&iter, NULL, &item);
         before = ", ")
        ordo_buffer_printf(telling->out, "%s%lld", before, (long long)ordo_json_as_int(item));
    put_if(telling, " into the shipment ", operation, "label", "");
}

static void put_value(struct telling *telling, struct ordo_json_value operation)
{
    struct ordo_buffer text = {0};
    struct ordo_json_writer json = ordo_json_writer(&text);
    struct ordo_json_value value;

    put_if(telling, "set ", operation, "label", " to ");
    if (ordo_json_get(operation, ORDO_STR("value"), &value))
        ordo_json_copy(&json, value);
    ordo_buffer_put_clean(telling->out, ordo_buffer_str(&text));
    ordo_buffer_done(&text);
}

/* A rule that broke: its policy's operation says so. */
static bool put_broken(struct telling *telling, struct ordo_json_value operation)
{
    static const char prefix[] = "rule error: ";
    ordo_str reason = ordo_json_text(operation, ORDO_STR("reason"));
    size_t len = sizeof(prefix) - 1;

    if ((!is(operation, "hold") && !is(operation, "reject")) || reason.len < len ||
        memcmp(reason.ptr, prefix, len) != 0)
        return false;
    put(telling, "broke: ");
    ordo_buffer_put_clean(telling->out, (ordo_str){reason.ptr + len, reason.len - len});
    put(telling, is(operation, "hold") ? "; so the order was held, as rules.on_error wants"
                                       : "; so the order was rejected, as rules.on_error wants");
    return true;
}

static void put_other(struct telling *telling, struct ordo_json_value operation)
{
    if (is(operation, "cap")) {
        put_if(telling, "limited the sum of ", operation, "label", " to ");
        put_amount(telling, operation, "amount");
        put_if(telling, ": ", operation, "reason", "");
    } else if (is(operation, "ship")) {
        put_items(telling, operation);
    } else if (is(operation, "route")) {
        put_if(telling, "chose the route ", operation, "label", "");
    } else if (is(operation, "flag")) {
        put_if(telling, "flagged it ", operation, "label", "");
        put_if(telling, ": ", operation, "reason", "");
    } else if (is(operation, "note")) {
        put_if(telling, "noted: ", operation, "text", "");
    } else if (is(operation, "set")) {
        put_value(telling, operation);
    } else if (is(operation, "count")) {
        ordo_buffer_printf(telling->out, "counted %lld", (long long)number(operation, "amount"));
        put_if(telling, " for ", operation, "label", "");
    } else if (is(operation, "retry")) {
        ordo_buffer_printf(telling->out, "asked for another try in %lld ms",
                           (long long)number(operation, "after_ms"));
        put_if(telling, ": ", operation, "reason", "");
    } else {
        put(telling, is(operation, "hold") ? "held it" : "rejected it");
        put_if(telling, " (", operation, "label", ")");
        put_if(telling, ": ", operation, "reason", "");
    }
}

static void put_operations(struct telling *telling)
{
    struct ordo_json_value operations, operation;

    if (!ordo_json_member(telling->about, ORDO_STR("operations"), &operations))
        return;
    put(telling, "Subtotal ");
    put_money(telling, telling->about, "subtotal");
    put(telling, ".\n");
    for (struct ordo_json_iter iter = ordo_json_iter_of(operations);
         ordo_json_next(&iter, NULL, &operation);) {
        put_text(telling, operation, "rule");
        put_if(telling, " (", operation, "at", ")");
        put(telling, " ");
        if (!put_amount_operation(telling, operation) && !put_broken(telling, operation))
            put_other(telling, operation);
        put(telling, ".\n");
    }
    if (ordo_json_count(operations) == 0)
        put(telling, "No rule had anything to say.\n");
}

/* --- the whole --- */

static bool is_status(const struct telling *telling, const char *status)
{
    return ordo_str_equal(ordo_json_text(telling->about, ORDO_STR("status")), ordo_str_from(status));
}

static void put_problems(struct telling *telling)
{
    struct ordo_json_value problems, problem;

    if (!ordo_json_member(telling->about, ORDO_STR("problems"), &problems))
        return;
    for (struct ordo_json_iter iter = ordo_json_iter_of(problems); ordo_json_next(&iter, NULL, &problem);) {
        put_if(telling, "", problem, "field", " ");
        put_text(telling, problem, "message");
        put_if(telling, ", says ", problem, "rule", "");
        put_if(telling, " (", problem, "at", ")");
        put(telling, ".\n");
    }
}

static void put_attempts(struct telling *telling)
{
    struct ordo_json_value attempts, attempt;

    if (!ordo_json_member(telling->about, ORDO_STR("attempts"), &attempts))
        return;
    for (struct ordo_json_iter iter = ordo_json_iter_of(attempts); ordo_json_next(&iter, NULL, &attempt);) {
        ordo_buffer_printf(telling->out, "Attempt %lld", (long long)number(attempt, "attempt"));
        put_if(telling, " at ", attempt, "at", "");
        put_if(telling, " ended so: ", attempt, "reason", "");
        put(telling, ".\n");
    }
}

static void put_reason(struct telling *telling)
{
    put_if(telling, ": ", telling->about, "reason", "");
    put(telling, ".\n");
}

static void put_outcome(struct telling *telling)
{
    struct ordo_json_value resolved;

    put_if(telling, "Order ", telling->about, "id", "");
    if (is_status(telling, "invalid")) {
        put(telling, " is not valid, so it was not decided.\n");
    } else if (is_status(telling, "dead")) {
        put(telling, " is dead, nobody decided it");
        put_reason(telling);
    } else if (is_status(telling, "held")) {
        put(telling, " is held until a person decides it");
        put_reason(telling);
    } else if (ordo_json_member(telling->about, ORDO_STR("resolved"), &resolved)) {
        put_if(telling, " was ", telling->about, "decision", "");
        put_if(telling, " by a person, ", resolved, "by", "");
        put_if(telling, ", at ", resolved, "at", "");
        ordo_buffer_printf(telling->out, " (revision %lld)", (long long)number(telling->about, "revision"));
        put_reason(telling);
        put(telling, "What its rules had said before:\n");
    } else {
        put_if(telling, " was ", telling->about, "decision", "");
        put_if(telling, " (", telling->about, "code", ")");
        put_reason(telling);
    }
}

static void put_answers(struct telling *telling)
{
    struct ordo_json_value answers, one;
    int64_t more = number(telling->about, "ctx_more");
    char at[ORDO_TIME_TEXT];

    if (!ordo_json_member(telling->about, ORDO_STR("ctx"), &answers))
        return;
    for (struct ordo_json_iter iter = ordo_json_iter_of(answers); ordo_json_next(&iter, NULL, &one);) {
        ordo_str call = ordo_json_text(one, ORDO_STR("call"));
        struct ordo_json_value answer;
        struct ordo_json_writer json = ordo_json_writer(telling->out);

        put_text(telling, one, "rule");
        put_if(telling, " (", one, "at", ")");
        if (ordo_str_equal(call, ORDO_STR("now"))) {
            ordo_time_format(number(one, "answer"), at);
            ordo_buffer_printf(telling->out, " asked for the time: %.*s.\n", ORDO_TIME_TEXT, at);
            continue;
        }
        if (ordo_str_equal(call, ORDO_STR("sleep"))) {
            ordo_buffer_printf(telling->out, " waited %lld ms.\n", (long long)number(one, "answer"));
            continue;
        }
        put_if(telling, " asked ctx.", one, "call", ", which answered ");
        if (ordo_json_get(one, ORDO_STR("answer"), &answer))
            ordo_json_copy(&json, answer);
        put(telling, ".\n");
    }
    if (more > 0)
        ordo_buffer_printf(telling->out, "ctx was asked %lld more times.\n", (long long)more);
}

enum group { CHECKS, IDLE, NOT_RUN };

static bool is_in(struct ordo_json_value rule, enum group group)
{
    struct ordo_json_value ran;
    bool did_run = ordo_json_get(rule, ORDO_STR("ran"), &ran) && ordo_json_as_bool(ran);

    if (has_text(rule, "check"))
        return group == CHECKS && did_run;
    return group == NOT_RUN ? !did_run : group == IDLE && did_run && number(rule, "operations") == 0;
}

/* "5 rules ran and did nothing: a, b." */
static void put_group(struct telling *telling, struct ordo_json_value rules, enum group group,
                      const char *one, const char *many)
{
    struct ordo_json_value rule;
    const char *before = ": ";
    int count = 0;

    for (struct ordo_json_iter iter = ordo_json_iter_of(rules); ordo_json_next(&iter, NULL, &rule);)
        count += is_in(rule, group);
    if (count == 0)
        return;
    ordo_buffer_printf(telling->out, "%d %s", count, count == 1 ? one : many);
    for (struct ordo_json_iter iter = ordo_json_iter_of(rules); ordo_json_next(&iter, NULL, &rule);) {
        if (!is_in(rule, group))
            continue;
        put(telling, before);
        put_text(telling, rule, group == CHECKS ? "check" : "rule");
        before = ", ";
    }
    put(telling, ".\n");
}

/* The sums of what was measured, and the dearest. */
static void put_costs(struct telling *telling, struct ordo_json_value rules, int64_t runs)
{
    struct ordo_json_value rule, most = rules;
    int64_t ns = 0, bytes = 0, most_ns = -1;

    for (struct ordo_json_iter iter = ordo_json_iter_of(rules); ordo_json_next(&iter, NULL, &rule);) {
        ns += number(rule, "ns");
        bytes += number(rule, "bytes");
        if (number(rule, "ns") <= most_ns)
            continue;
        most_ns = number(rule, "ns");
        most = rule;
    }
    if (runs == 0 || most_ns < 0)
        return;
    ordo_buffer_printf(
        telling->out,
        "Measured just now, as the least of %lld times: checks and rules take %.1f us, and they "
        "allocate %lld bytes; ",
        (long long)runs, (double)ns / 1000, (long long)bytes);
    put_text(telling, most, has_text(most, "check") ? "check" : "rule");
    ordo_buffer_printf(telling->out, " takes the most, %.1f us.\n", (double)most_ns / 1000);
}

static void put_again(struct telling *telling)
{
    struct ordo_json_value again, rules;

    if (!ordo_json_member(telling->about, ORDO_STR("again"), &again) || is_status(telling, "invalid") ||
        is_status(telling, "dead"))
        return;
    if (has_text(again, "why_not")) {
        put_if(telling, "Which rules ran and did nothing is not known: ", again, "why_not", ".\n");
    } else if (ordo_json_member(again, ORDO_STR("rules"), &rules)) {
        put_group(telling, rules, CHECKS, "check found nothing wrong", "checks found nothing wrong");
        put_group(telling, rules, IDLE, "rule ran and did nothing", "rules ran and did nothing");
        put_group(telling, rules, NOT_RUN, "rule did not run any more", "rules did not run any more");
        put_costs(telling, rules, number(again, "measured"));
    } else {
        put(telling,
            "Decided again just now it comes out otherwise: a rule of this set depends on more than the "
            "order.\n");
    }
}

static void put_total(struct telling *telling)
{
    struct ordo_json_value total;

    if (!ordo_json_get(telling->about, ORDO_STR("total"), &total))
        return;
    put(telling, "The total is ");
    put_money(telling, telling->about, "total");
    if (number(telling->about, "paid") > 0) {
        put(telling, ", of which ");
        put_amount(telling, telling->about, "paid");
        put(telling, " is paid and ");
        put_amount(telling, telling->about, "due");
        put(telling, " due");
    }
    put(telling, ".\n");
}

void ordo_explain_text(struct ordo_json_value explanation, struct ordo_buffer *out)
{
    struct telling telling = {
        .about = explanation,
        .out = out,
        .decimals = (int)ordo_json_number(explanation, ORDO_STR("decimals"), 2),
        .currency = ordo_json_text(explanation, ORDO_STR("currency")),
    };

    put_outcome(&telling);
    put_problems(&telling);
    put_attempts(&telling);
    put_operations(&telling);
    put_answers(&telling);
    put_again(&telling);
    put_total(&telling);
}
